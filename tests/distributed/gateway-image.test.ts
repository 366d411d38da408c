/** The Dockerfile of moat deploy, step by step without Docker: its own install command in an empty folder, its start, its health, its end. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { composeFiles } from '../../src/cli/deploy/compose-files.js';
import { writeDeployment } from '../../src/cli/deploy/deploy-file.js';
import { readServedModel } from '../../src/cli/deploy/served-model.js';
import { loadProject } from '../../src/cli/config/project.js';
import { writeModelFolder } from '../model-folder.js';
import { type ScratchProject, openScratchProject } from '../scratch-database.js';

const run = promisify(execFile);
const PORT = '16628';
const SECRET = 'a'.repeat(32);

let folder: string;
let scratch: ScratchProject;
let dockerfile: string;
let gateway: ChildProcess | undefined;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-image-'));
  scratch = await openScratchProject();
  await writeFile(path.join(folder, 'moat.config.json'), '{"schemaVersion": 1, "name": "shop"}');
  await writeModelFolder(path.join(folder, 'model'), { model_type: 'llama' });
  const images = { postgresImage: 'postgres:18', engineImage: 'vllm/vllm-openai:v0.11.0' };
  const model = await readServedModel(path.join(folder, 'model'), 'shop');
  const files = composeFiles(await loadProject(folder, { env: {} }), model, {
    ...images,
    gateways: 1,
    gpus: 1,
    domain: undefined,
  });
  await writeDeployment(path.join(folder, 'out'), files, false);
  dockerfile = await readFile(path.join(folder, 'out', 'Dockerfile'), 'utf8');
});
afterAll(async () => {
  gateway?.kill('SIGKILL');
  await scratch.close();
  await rm(folder, { recursive: true, force: true });
});

/** What stands after an instruction of the Dockerfile, the first that the pattern fits. */
function instruction(pattern: RegExp): string {
  const found = pattern.exec(dockerfile)?.[1];
  if (found === undefined) throw new Error(`the Dockerfile has no ${pattern.source}`);
  return found;
}

test('its steps make a gateway that starts, is well, and ends', async () => {
  const [packages, app, project] = ['packages', 'app', 'project'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  for (const each of [packages, app, project]) await mkdir(each);
  // the built files are those of the tests; the script that builds them would take them away from under other tests
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', packages]);
  const install = instruction(/^RUN (npm install .*)$/m).replaceAll('/packages/', `${packages}/`);
  await run('sh', ['-c', install], { cwd: app, env: { ...process.env, PACKAGE: 'none' } });
  for (const [, from = '', to = ''] of dockerfile.matchAll(/^COPY (?!-|Dockerfile)(\S+) \.\/(\S+)$/gm)) {
    const source = path.join(folder, 'out', from);
    if (from === 'tokenizer') await run('cp', ['-r', source, path.join(project, to)]);
    else await copyFile(source, path.join(project, to));
  }
  await mkdir(path.join(project, '.moat'));

  const [program = '', script = ''] = JSON.parse(instruction(/^ENTRYPOINT (.*)$/m)) as string[];
  const command = (JSON.parse(instruction(/^CMD (\[.*)$/m)) as string[])
    .map((word) => (word === '6628' ? PORT : word))
    .map((word, at, words) => (words[at - 1] === '--drain-notice' ? '1' : word));
  gateway = spawn(program, [script.replace('/app/', `${app}/`), ...command], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'production',
      DATABASE_URL: scratch.database.url,
      MOAT_STUDIO_TOKEN: SECRET,
      VLLM_API_KEY: SECRET,
    },
  });
  const ended = once(gateway, 'exit');
  const [node = '', ...probe] = JSON.parse(instruction(/^HEALTHCHECK .*? CMD (\[.*)$/m)) as string[];
  const asked = probe.map((word) => word.replace(':6628/', `:${PORT}/`));
  const isWell = () =>
    run(node, asked).then(
      () => true,
      () => false,
    );
  for (let tries = 0; !(await isWell()); tries++) {
    expect({ tries, exitCode: gateway.exitCode }).toMatchObject({ exitCode: null });
    expect(tries).toBeLessThan(120);
    await sleep(500);
  }
  const models = await fetch(`http://127.0.0.1:${PORT}/v1/models`);
  expect(models.status).toBe(401);
  gateway.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(await isWell()).toBe(false);
});
