/** The files of moat deploy, held against the schemas of Compose and of Kubernetes, and read by the tools that will read them. */
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { composeFiles } from '../../src/cli/deploy/compose-files.js';
import { writeDeployment } from '../../src/cli/deploy/deploy-file.js';
import { kubernetesFiles } from '../../src/cli/deploy/kubernetes-files.js';
import { readServedModel } from '../../src/cli/deploy/served-model.js';
import { loadProject } from '../../src/cli/config/project.js';
import { writeModelFolder } from '../model-folder.js';
import { python } from './real-engine.js';

const run = promisify(execFile);

/** The first of these command lines whose program answers; where none does, its tests are skipped. */
function tool(probe: readonly string[], ...candidates: readonly (readonly string[] | undefined)[]) {
  return candidates.find((candidate): candidate is readonly string[] => {
    const [program, ...first] = candidate ?? [];
    if (program === undefined) return false;
    return spawnSync(program, [...first, ...probe], { stdio: 'ignore' }).status === 0;
  });
}
const named = (variable: string) => {
  const program = process.env[variable];
  return program === undefined ? undefined : [program];
};
const kubectl = tool(['version', '--client'], named('MOAT_KUBECTL'), ['kubectl']);
const caddy = tool(['version'], named('MOAT_CADDY'), ['caddy']);
/** Docker's own, or the program of its library that reads the files: `cmd` of github.com/compose-spec/compose-go/v2. */
const compose = tool(['version'], ['docker', 'compose']);
const composeReader = tool(['-help'], named('MOAT_COMPOSE_READER'));

const use = (command: readonly string[] | undefined, ...args: readonly string[]) =>
  run(command?.[0] ?? '', [...(command?.slice(1) ?? []), ...args], { maxBuffer: 1 << 24 });

const images = { postgresImage: 'postgres:18', engineImage: 'vllm/vllm-openai:v0.11.0' };
const domain = 'api.acme.com';

describe('deployments', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'moat-schemas-'));
    await writeFile(path.join(folder, 'moat.config.json'), '{"schemaVersion": 1, "name": "shop"}');
    await writeModelFolder(path.join(folder, 'model'), { model_type: 'llama' });
  });
  afterAll(() => rm(folder, { recursive: true }));
  const parts = async () => ({
    project: await loadProject(folder, { env: {} }),
    model: await readServedModel(path.join(folder, 'model'), 'shop'),
  });

  const sizes = [
    [1, undefined],
    [5, domain],
  ] as const;
  /** @returns the folder */
  const writeCompose = async (purpose: string, gateways: number, name: string | undefined): Promise<string> => {
    const { project, model } = await parts();
    const out = path.join(folder, `compose-${purpose}-${gateways}`);
    await writeDeployment(out, composeFiles(project, model, { ...images, gateways, gpus: 1, domain: name }), false);
    return out;
  };

  test.skipIf(compose === undefined && composeReader === undefined).each(sizes)(
    'Compose itself reads its file, with %i gateways, for %s',
    async (gateways, name) => {
      const out = await writeCompose('itself', gateways, name);
      const args =
        compose === undefined
          ? ['-format', 'json', 'compose.yaml']
          : ['-f', 'compose.yaml', 'config', '--format', 'json'];
      const read = async (): Promise<{ services: Record<string, { depends_on?: object }> }> => {
        const [program = '', ...first] = compose ?? composeReader ?? [];
        return JSON.parse((await run(program, [...first, ...args], { cwd: out })).stdout);
      };
      const { services } = await read();
      expect(Object.keys(services)).toHaveLength(gateways + 3);
      expect(Object.keys(services['proxy']?.depends_on ?? {})).toHaveLength(gateways);
      // it would have said so: a key that it does not have
      const file = path.join(out, 'compose.yaml');
      await writeFile(file, (await readFile(file, 'utf8')).replace('    restart:', '    restarts:'));
      await expect(read()).rejects.toThrow(/restarts/);
    },
  );

  test.skipIf(caddy === undefined).each(sizes)(
    'Caddy reads its file, with %i gateways, for %s',
    async (gateways, name) => {
      const out = await writeCompose('caddy', gateways, name);
      const args = ['--config', path.join(out, 'Caddyfile'), '--adapter', 'caddyfile'];
      const { stdout } = await use(caddy, 'adapt', ...args);
      expect(stdout.match(/"dial":"gateway-\d:6628"/g)).toHaveLength(gateways);
      const validated = await use(caddy, 'validate', ...args);
      expect(`${validated.stdout}${validated.stderr}`).toContain('Valid configuration');
    },
  );

  test.skipIf(python === undefined).each(sizes)('compose with %i gateways, for %s', async (gateways, name) => {
    const out = await writeCompose('schema', gateways, name);
    const code =
      'import sys, compose_spec; c = compose_spec.PyCompose.from_yaml(open(sys.argv[1]).read()); c.validate(); print(len(c.services))';
    const { stdout } = await run(python ?? '', ['-c', code, path.join(out, 'compose.yaml')]);
    expect(Number(stdout)).toBe(gateways + 3);
  });

  const kinds = [
    ['keda', true],
    ['hpa', false],
    ['none', true],
  ] as const;
  const writeKubernetes = async (
    purpose: string,
    autoscaling: (typeof kinds)[number][0],
    hasOwnDatabase: boolean,
  ): Promise<string> => {
    const { project, model } = await parts();
    const out = path.join(folder, `k8s-${purpose}-${autoscaling}`);
    const settings = { namespace: 'moat', gateways: 2, gpus: 2, domain, image: 'moat:1', prometheus: 'http://p:9090' };
    const files = kubernetesFiles(project, model, { ...images, ...settings, autoscaling, hasOwnDatabase });
    await writeDeployment(out, files, false);
    return out;
  };

  test.skipIf(python === undefined).each(kinds)('k8s with %s, own database %s', async (autoscaling, hasOwnDatabase) => {
    const out = await writeKubernetes('schema', autoscaling, hasOwnDatabase);
    // objects of KEDA have a schema of their own, which is not Kubernetes'
    const own = (await readdir(out)).filter(
      (name) =>
        name.endsWith('.yaml') &&
        name !== 'kustomization.yaml' &&
        !(autoscaling === 'keda' && name === 'autoscaling.yaml'),
    );
    const { stdout, stderr } = await run(python ?? '', [
      '-m',
      'kubernetes_validate',
      '--strict',
      ...own.map((name) => path.join(out, name)),
    ]);
    const passed = `${stdout}${stderr}`.match(/passed for resource/g) ?? [];
    expect(passed.length).toBeGreaterThanOrEqual(10);
  });

  test.skipIf(kubectl === undefined).each(kinds)(
    'kubectl builds k8s with %s, own database %s',
    async (autoscaling, hasOwnDatabase) => {
      const { stdout } = await use(kubectl, 'kustomize', await writeKubernetes('kubectl', autoscaling, hasOwnDatabase));
      expect(stdout).toMatch(/name: moat-upstreams-[a-z0-9]+\n/);
      expect(stdout.match(/namespace: moat\n/g)?.length).toBeGreaterThan(10);
    },
  );
});
