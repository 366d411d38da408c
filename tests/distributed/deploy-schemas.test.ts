/** The files of moat deploy, held against the schemas of Compose and of Kubernetes, and built by kubectl where there is one. */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
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
/** Of this machine, or the one that MOAT_KUBECTL names. */
const kubectl = process.env['MOAT_KUBECTL'] ?? 'kubectl';
const hasKubectl = (() => {
  try {
    execFileSync(kubectl, ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

const images = { postgresImage: 'postgres:18', engineImage: 'vllm/vllm-openai:v0.11.0' };
const domain = 'api.acme.com';

describe.skipIf(python === undefined)('deployments', () => {
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

  test.each([
    [1, undefined],
    [5, domain],
  ])('compose with %i gateways, for %s', async (gateways, name) => {
    const { project, model } = await parts();
    const out = path.join(folder, `compose-${gateways}`);
    await writeDeployment(out, composeFiles(project, model, { ...images, gateways, gpus: 1, domain: name }), false);
    const code =
      'import sys, compose_spec; c = compose_spec.PyCompose.from_yaml(open(sys.argv[1]).read()); c.validate(); print(len(c.services))';
    const { stdout } = await run(python ?? '', ['-c', code, path.join(out, 'compose.yaml')]);
    expect(Number(stdout)).toBe(gateways + 3);
  });

  test.each([
    ['keda', true],
    ['hpa', false],
    ['none', true],
  ] as const)('k8s with %s, own database %s', async (autoscaling, hasOwnDatabase) => {
    const { project, model } = await parts();
    const out = path.join(folder, `k8s-${autoscaling}`);
    const settings = { namespace: 'moat', gateways: 2, gpus: 2, domain, image: 'moat:1', prometheus: 'http://p:9090' };
    const files = kubernetesFiles(project, model, { ...images, ...settings, autoscaling, hasOwnDatabase });
    await writeDeployment(out, files, false);
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
    if (!hasKubectl) return;
    const built = await run(kubectl, ['kustomize', out], { maxBuffer: 1 << 24 });
    expect(built.stdout).toMatch(/name: moat-upstreams-[a-z0-9]+\n/);
    expect(built.stdout.match(/namespace: moat\n/g)?.length).toBeGreaterThan(10);
  });
});
