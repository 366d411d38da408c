import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { systemClock } from '../../base/clock.js';
import { loadModel } from '../../lab/generate/load-model.js';
import type { ExportJob } from './api-types.js';
import { type ModelExports, createModelExports } from './model-exports.js';

let project: string;
let exports: ModelExports;
const tiny = { run: 'tiny', checkpoint: null };
beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'moat-exports-'));
  await writeModelFolder(path.join(project, 'runs', 'tiny'), { model_type: 'llama', intermediate_size: 80 });
  exports = createModelExports(path.join(project, 'exports'), path.join(project, 'runs'), systemClock);
});
afterAll(() => rm(project, { recursive: true }));

async function ended(of: ModelExports): Promise<ExportJob> {
  await expect.poll(async () => (await of.list()).job?.state, { timeout: 20_000 }).not.toBe('running');
  const { job } = await of.list();
  if (job === null) throw new Error('there was a job');
  return job;
}

test('a GGUF file comes from a thread, one at a time, and can be read whole', async () => {
  expect(exports.start(tiny, 'q8_0')).toMatchObject({ state: 'running', name: 'tiny-q8_0.gguf' });
  expect(() => exports.start(tiny, 'f16')).toThrow('tiny-q8_0.gguf is being written');
  expect(await ended(exports)).toMatchObject({ state: 'done', fraction: 1, problem: null });
  const written = await readFile(path.join(project, 'exports', 'tiny-q8_0.gguf'));
  expect(written.toString('latin1', 0, 4)).toBe('GGUF');
  const file = await exports.open('tiny-q8_0.gguf');
  expect(file?.sizeBytes).toBe(written.length);
  expect(Buffer.from(await new Response(file?.stream).arrayBuffer()).equals(written)).toBe(true);
});

test('a folder of safetensors loads as a model, and a second export replaces it', async () => {
  for (let round = 0; round < 2; round++) {
    exports.start(tiny, 'safetensors');
    expect(await ended(exports)).toMatchObject({ state: 'done', name: 'tiny' });
  }
  expect((await loadModel(path.join(project, 'exports', 'tiny'))).model.config.model_type).toBe('llama');
  const { exported } = await exports.list();
  expect(exported.map(({ path, sizeBytes }) => [path, sizeBytes === null])).toEqual([
    ['exports/tiny', true],
    ['exports/tiny-q8_0.gguf', false],
  ]);
});

test('what cannot be written is said, and leaves nothing; a name that leads elsewhere opens nothing', async () => {
  exports.start({ run: 'none', checkpoint: null }, 'f32');
  expect(await ended(exports)).toMatchObject({ state: 'failed', problem: expect.stringContaining('none') });
  expect(await readdir(path.join(project, 'exports'))).toEqual(['tiny', 'tiny-q8_0.gguf']);
  for (const name of ['../serving.json', '..%2Fx.gguf', 'tiny', 'none.gguf', '.hidden.gguf'])
    expect(await exports.open(name), name).toBeUndefined();
});

test('what is exported is held until it is written, however far its run is by then', async () => {
  const checkpoints = path.join(project, 'runs', 'trained', 'checkpoints');
  const source = { run: 'trained', checkpoint: 'step-00000004' };
  await writeModelFolder(path.join(checkpoints, source.checkpoint), { model_type: 'llama', intermediate_size: 80 });
  exports.start(source, 'f32');
  await expect
    .poll(() => readdir(checkpoints))
    .toContainEqual(expect.stringMatching(/^step-00000004\.held-until-\d+-/));
  expect(await ended(exports)).toMatchObject({ state: 'done' });
  expect(await readdir(checkpoints)).toEqual(['step-00000004']);
});

test('closing ends what is under way, and nothing half is left', async () => {
  const other = createModelExports(path.join(project, 'others'), path.join(project, 'runs'), systemClock);
  other.start(tiny, 'f32');
  await other.close();
  const { job } = await other.list();
  expect(['failed', 'done']).toContain(job?.state);
  expect(await readdir(path.join(project, 'others')).catch(() => [])).toHaveLength(job?.state === 'done' ? 1 : 0);
});
