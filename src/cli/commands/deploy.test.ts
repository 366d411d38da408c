/** What moat deploy writes: whole or not at all, without secrets, and with what the gateway itself can read. */
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { manualClock } from '../../base/clock.js';
import { createMetrics } from '../../company/gateway/metrics.js';
import { readUpstreams } from '../../company/gateway/upstream/upstream-file.js';
import { openGguf } from '../../lab/checkpoint/gguf.js';
import { configFields } from '../config/schema.js';
import { GATEWAY_COMMAND } from '../deploy/gateway-image.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './deploy.js';
import { command as serve } from './serve.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-deploy-'));
  const keys = { model_type: 'llama', architectures: ['LlamaForCausalLM'], torch_dtype: 'float32' };
  await writeModelFolder(path.join(cwd, 'runs', 'first'), keys);
  await writeFile(path.join(cwd, 'runs', 'first', 'optimizer.notes'), 'stays at home');
  await writeFile(path.join(cwd, 'moat.config.json'), JSON.stringify({ schemaVersion: 1, name: 'shop' }));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function deploy(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['deploy', ...argv],
    cwd,
    env: { DATABASE_URL: 'postgres://moat:private-word@db/moat', VLLM_API_KEY: 'private-word' },
    stdout,
    stderr,
    clock: manualClock(),
    interruption: createInterruption(),
    commands: [{ name: 'deploy', summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: undefined }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
const read = (...parts: string[]): Promise<string> => readFile(path.join(cwd, ...parts), 'utf8');
const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(path.join(cwd, folder), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(cwd, folder), path.join(entry.parentPath, entry.name)))
    .sort();

test('vllm: the model without what only training needs, the command, and a file that the gateway reads', async () => {
  expect(await deploy('vllm', '--run', 'first', '--gpus', '2')).toMatchObject({ exitCode: 0 });
  const model = ['config.json', 'model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  const files = [...model.map((name) => `model/${name}`), 'README.md', 'start-vllm.sh', 'upstreams.json'].sort();
  expect(await filesIn('deploy-vllm')).toEqual(files);
  const script = await read('deploy-vllm', 'start-vllm.sh');
  expect(script).toContain(
    'exec vllm serve ./model --served-model-name shop --dtype float32 --max-model-len 128 --host 127.0.0.1 --port 8000 --tensor-parallel-size 2',
  );
  expect((await stat(path.join(cwd, 'deploy-vllm', 'start-vllm.sh'))).mode & 0o111).toBe(0o111);
  const environment = { VLLM_API_KEY: 'k' };
  const [upstream] = await readUpstreams(path.join(cwd, 'deploy-vllm', 'upstreams.json'), environment);
  expect(upstream).toMatchObject({
    modelId: 'shop',
    contextLength: 128,
    targets: [{ engine: 'vllm', model: 'shop', url: 'http://127.0.0.1:8000/v1', allowPrivate: true }],
  });
  expect(upstream?.tokenizer?.vocabSize).toBe(320);
});

test('ollama: a GGUF file that can be read, and the chat template in Ollama’s words', async () => {
  expect(await deploy('ollama', '--run', 'first', '--name', 'helper', '--type', 'f16')).toMatchObject({ exitCode: 0 });
  const gguf = await openGguf(path.join(cwd, 'deploy-ollama', 'model.gguf'));
  expect(gguf.metadata.get('general.name')).toEqual({ type: 'string', value: 'helper' });
  await gguf.close();
  const modelfile = await read('deploy-ollama', 'Modelfile');
  expect(modelfile).toMatch(
    /^FROM \.\/model\.gguf\nPARAMETER num_ctx 128\nPARAMETER stop "<\|im_end\|>"\nTEMPLATE """/,
  );
  expect(modelfile).toContain('{{- range .Messages }}<|im_start|>{{ .Role }}\n{{ .Content }}<|im_end|>\n{{ end }}');
  const [upstream] = await readUpstreams(path.join(cwd, 'deploy-ollama', 'upstreams.json'), {});
  expect(upstream?.targets).toMatchObject([{ engine: 'ollama', model: 'helper', url: 'http://127.0.0.1:11434/v1' }]);
  expect(await deploy('ollama', '--run', 'first', '--name', 'with space')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('is no name that Ollama takes') as string,
  });
});

test('compose: each gateway, its volume and its place in the proxy; secrets by their names alone', async () => {
  expect(await deploy('compose', '--run', 'first', '--gateways', '3')).toMatchObject({ exitCode: 0 });
  const compose = parse(await read('deploy-compose', 'compose.yaml')) as {
    services: Record<string, { secrets?: string[]; volumes?: string[]; depends_on?: object }>;
    volumes: object;
    secrets: Record<string, { environment: string }>;
  };
  expect(Object.keys(compose.services)).toEqual(['proxy', 'gateway-1', 'gateway-2', 'gateway-3', 'postgres', 'engine']);
  const used = Object.values(compose.services).flatMap(({ secrets = [] }) => secrets);
  expect(new Set(used)).toEqual(new Set(Object.keys(compose.secrets)));
  const example = await read('deploy-compose', '.env.example');
  for (const { environment } of Object.values(compose.secrets)) expect(example).toContain(`\n${environment}=\n`);
  const named = Object.values(compose.services)
    .flatMap(({ volumes = [] }) => volumes.map((volume) => volume.split(':')[0] ?? ''))
    .filter((volume) => !volume.startsWith('.'));
  expect(new Set(named)).toEqual(new Set(Object.keys(compose.volumes)));
  expect(await read('deploy-compose', 'Caddyfile')).toContain(
    'reverse_proxy gateway-1:6628 gateway-2:6628 gateway-3:6628',
  );
  expect(await read('deploy-compose', 'Dockerfile')).toContain('COPY moat.config.json ./moat.config.json');
});

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Record<string, unknown>;
}
async function manifests(folder: string): Promise<Manifest[]> {
  const names = (await filesIn(folder)).filter((name) => name.endsWith('.yaml') && name !== 'kustomization.yaml');
  const texts = await Promise.all(names.map((name) => read(folder, name)));
  return texts.flatMap((text) => parseAllDocuments(text).map((each) => each.toJS() as Manifest));
}

test.each([
  ['keda', 'own', 'ScaledObject'],
  ['hpa', 'external', 'HorizontalPodAutoscaler'],
  ['none', 'own', undefined],
] as const)('k8s with %s and a database of %s', async (autoscaling, postgres, scaler) => {
  const out = `k8s-${autoscaling}`;
  const options = ['--autoscaling', autoscaling, '--postgres', postgres, '--domain', 'api.acme.com', '--out', out];
  expect(await deploy('k8s', '--run', 'first', ...options)).toMatchObject({ exitCode: 0 });
  const all = await manifests(out);
  const kinds = all.map(({ kind, metadata }) => `${kind} ${metadata.name}`);
  expect(kinds).toEqual(
    expect.arrayContaining(['StatefulSet moat-gateway', 'Deployment moat-engine', 'Ingress moat-gateway']),
  );
  expect(kinds.includes('StatefulSet moat-postgres')).toBe(postgres === 'own');
  expect(kinds.filter((kind) => kind.startsWith(scaler ?? 'nothing'))).toHaveLength(scaler === undefined ? 0 : 2);
  const gateway = all.find(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'moat-gateway');
  expect(gateway?.spec['replicas']).toBe(autoscaling === 'none' ? 2 : undefined);
  const text = JSON.stringify(gateway);
  expect(text).toContain('"readinessProbe":{"httpGet":{"path":"/readyz"');
  expect(text).toContain(postgres === 'own' ? '"key":"database-password"' : '"key":"database-url"');
  const listed = parse(await read(out, 'kustomization.yaml')) as { resources: string[] };
  expect([...listed.resources, 'kustomization.yaml'].sort()).toEqual(
    (await filesIn(out)).filter((name) => name.endsWith('.yaml')),
  );
});

test('what scales is a figure that /metrics has', async () => {
  const metrics = await createMetrics(() => 3).text();
  const names = [...JSON.stringify(await manifests('k8s-keda')).matchAll(/sum\((\w+)\{/g)].map(([, name]) => name);
  expect(names).toHaveLength(2);
  for (const name of names) expect(metrics).toContain(`\n${name} 3\n`);
});

test('the command in the container is one that moat serve understands', () => {
  const flags = GATEWAY_COMMAND.filter((word) => word.startsWith('--')).map((word) => word.slice(2));
  const known = new Set([...configFields.map(({ flag }) => flag), ...Object.keys(serve.options ?? {})]);
  expect(flags.filter((flag) => !known.has(flag))).toEqual([]);
  expect(flags).toEqual(expect.arrayContaining(['elsewhere', 'drain-notice', 'drain-grace']));
});

test('no secret of the environment is in any file', async () => {
  for (const folder of ['deploy-vllm', 'deploy-ollama', 'deploy-compose', 'k8s-keda', 'k8s-hpa'])
    for (const name of await filesIn(folder)) expect(await read(folder, name)).not.toContain('private-word');
});

test('what is there stays, unless forced; other files stay always, and nothing half-written is left', async () => {
  await mkdir(path.join(cwd, 'mine'));
  await writeFile(path.join(cwd, 'mine', '.env'), 'SECRET=1');
  await writeFile(path.join(cwd, 'mine', 'README.md'), 'my notes');
  const refused = await deploy('vllm', '--run', 'first', '--out', 'mine');
  expect(refused).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('README.md is already there') as string,
  });
  expect(await filesIn('mine')).toEqual(['.env', 'README.md']);
  expect(await deploy('vllm', '--run', 'first', '--out', 'mine', '--force')).toMatchObject({ exitCode: 0 });
  expect(await read('mine', '.env')).toBe('SECRET=1');
  expect(await read('mine', 'README.md')).toContain('# shop behind vLLM');
  expect((await readdir(cwd)).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

test.each([
  [['moon'], '"moon" is not a target'],
  [['vllm', '--run', 'none'], 'there is no trained model'],
  [['compose', '--run', 'first', '--domain', 'http://x'], '--domain "http://x" is no host name'],
  [['k8s', '--run', 'first', '--namespace', 'Big One'], '--namespace "Big One" is no name of Kubernetes'],
  [['k8s', '--run', 'first', '--image', 'a b'], '--image "a b" is no image'],
])('%j is refused in a line', async (argv, message) => {
  const { exitCode, stderr } = await deploy(...argv);
  expect(exitCode).not.toBe(0);
  expect(stderr).toContain(message);
  expect(stderr.trim().split('\n')).toHaveLength(1);
});
