import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import type { WrittenType } from '../../lab/checkpoint/gguf-quantize.js';
import { type OptionTable, type OptionValues, defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { composeFiles } from '../deploy/compose-files.js';
import { type DeployFile, writeDeployment } from '../deploy/deploy-file.js';
import { kubernetesFiles } from '../deploy/kubernetes-files.js';
import { ollamaFiles } from '../deploy/ollama-files.js';
import { type ServedModel, readServedModel } from '../deploy/served-model.js';
import { vllmFiles } from '../deploy/vllm-files.js';
import { readPackageFacts } from '../package-facts.js';
import { findModel } from '../stages/find-run.js';
import { filesOf } from '../stages/project-files.js';

const TYPES: Readonly<Record<string, WrittenType>> = { f32: 'F32', f16: 'F16', q8_0: 'Q8_0', q4_0: 'Q4_0' };
const POSTGRES_IMAGE = 'postgres:18';
const ENGINE_IMAGE = 'vllm/vllm-openai:v0.11.0';

const options = {
  out: { kind: 'text', placeholder: 'FOLDER', description: 'where to write (default: deploy-TARGET)' },
  force: { kind: 'flag', description: 'replace files of the same names; others in the folder stay' },
  run: { kind: 'text', placeholder: 'NAME', description: 'the run whose model it is (default: the newest)' },
  name: { kind: 'text', placeholder: 'NAME', description: 'what customers call it (default: serve.modelId)' },
  type: {
    kind: 'choice',
    choices: Object.keys(TYPES),
    default: 'q8_0',
    description: 'ollama: bits of a weight: 32, 16, about 8.5 or about 4.5',
  },
  gpus: {
    kind: 'integer',
    placeholder: 'N',
    minimum: 1,
    maximum: 64,
    default: 1,
    description: 'of one engine, which splits the model among them',
  },
  gateways: {
    kind: 'integer',
    placeholder: 'N',
    minimum: 1,
    maximum: 100,
    default: 2,
    description: 'compose, k8s: how many; with an autoscaler at least so many',
  },
  domain: {
    kind: 'text',
    placeholder: 'HOST',
    description: 'compose, k8s: the public name, with a certificate for it',
  },
  image: {
    kind: 'text',
    placeholder: 'IMAGE',
    description: "k8s: the gateway's image (default: moat-gateway:VERSION)",
  },
  engineImage: {
    kind: 'text',
    placeholder: 'IMAGE',
    default: ENGINE_IMAGE,
    description: 'compose, k8s: the image of vLLM',
  },
  namespace: { kind: 'text', placeholder: 'NAME', default: 'moat', description: 'k8s: where everything is' },
  postgres: {
    kind: 'choice',
    choices: ['own', 'external'],
    default: 'own',
    description: 'k8s: in the cluster, or by the address in the secret',
  },
  autoscaling: {
    kind: 'choice',
    choices: ['keda', 'hpa', 'none'],
    default: 'keda',
    description: 'k8s: by requests in flight, through KEDA or an external metric',
  },
  prometheus: {
    kind: 'text',
    placeholder: 'URL',
    default: 'http://prometheus-server.monitoring.svc',
    description: 'k8s: where KEDA asks for figures',
  },
} as const satisfies OptionTable;

export const command = defineCommand({
  name: 'deploy',
  summary: 'write the files to serve a model with vLLM, Ollama, Compose or Kubernetes',
  description:
    'vllm: the model, the command that starts vLLM, and upstreams.json for the gateway. ollama: a GGUF file and its Modelfile. compose: gateways behind a proxy, PostgreSQL and vLLM on one machine. k8s: the same on a cluster, with probes, network policies and autoscaling. Secrets are never written: they come from the environment or from files. Nothing is started (docs/DEPLOY.md).',
  arguments: { target: { description: 'vllm, ollama, compose or k8s', count: 'one' } },
  options,
  settings: ['serve.modelId'],
  examples: [
    { command: 'moat deploy vllm', does: 'the newest model, in deploy-vllm/' },
    { command: 'moat deploy ollama --run first --type q4_0', does: 'for Ollama, in about 4.5 bits a weight' },
    { command: 'moat deploy compose --gateways 3 --domain api.acme.com', does: 'three gateways on one machine' },
    { command: 'moat deploy k8s --postgres external --image ghcr.io/acme/moat:1', does: 'on a cluster' },
  ],
  async run({ arguments: { target }, options, cwd, loadProject, terminal }) {
    const maker = makers[target];
    if (maker === undefined)
      throw new MoatError('usage', `deploy: "${target}" is not a target`, {
        fix: 'Write vllm, ollama, compose or k8s.',
      });
    checkNames(options);
    const project = await loadProject({ orDefaults: true });
    const folder = await findModel(filesOf(project).runs, options.run);
    const model = await readServedModel(folder, options.name ?? project.config.serve.modelId);
    const files = maker(project, model, options);
    const out = path.resolve(cwd, options.out ?? `deploy-${target}`);
    await writeDeployment(out, files, options.force);
    const shown = path.relative(cwd, out) || '.';
    for (const { name } of files) terminal.print(`${terminal.colors.green('✓')} ${path.join(shown, name)}`);
    terminal.print(`\nWhat to do with them: ${path.join(shown, 'README.md')}`);
    return { json: { folder: out, model: model.name, files: files.map(({ name }) => name) } };
  },
});

type Options = OptionValues<typeof options>;

const makers: Readonly<Record<string, (project: Project, model: ServedModel, options: Options) => DeployFile[]>> = {
  vllm: (_project, model, { gpus }) => vllmFiles(model, gpus),
  ollama: (_project, model, { type }) => ollamaFiles(model, TYPES[type] ?? 'Q8_0'),
  compose: (project, model, { gateways, gpus, domain, engineImage }) =>
    composeFiles(project, model, { gateways, gpus, domain, engineImage, postgresImage: POSTGRES_IMAGE }),
  k8s: (project, model, { image, postgres, autoscaling, ...rest }) =>
    kubernetesFiles(project, model, {
      ...rest,
      image: image ?? `moat-gateway:${readPackageFacts().version}`,
      postgresImage: POSTGRES_IMAGE,
      hasOwnDatabase: postgres === 'own',
      autoscaling,
    }),
};

/** They become names in files of others, which say less clearly what is wrong. */
function checkNames({ domain, namespace, image, engineImage, prometheus }: Options): void {
  const refuse = (option: string, value: string, what: string, example: string): never => {
    throw new MoatError('usage', `deploy: --${option} "${value}" is no ${what}`, { fix: `Write it as in ${example}.` });
  };
  if (domain !== undefined && !/^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/.test(domain))
    refuse('domain', domain, 'host name', 'api.acme.com');
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace))
    refuse('namespace', namespace, 'name of Kubernetes', 'moat');
  for (const [option, value] of [['image', image] as const, ['engine-image', engineImage] as const])
    if (value !== undefined && !/^[a-z0-9][\w./:@-]{0,254}$/.test(value))
      refuse(option, value, 'image', 'ghcr.io/acme/moat:1');
  if (!URL.canParse(prometheus) || !/^https?:/.test(prometheus))
    refuse('prometheus', prometheus, 'address', 'http://prometheus:9090');
}
