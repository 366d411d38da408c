import { mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type Fault, type SimulatedDisk, simulatedDisk } from '../../../tests/faults/simulated-disk.js';
import { manualClock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import type { FileSystem } from './file-system.js';
import { loadCheckpoint } from './load-checkpoint.js';
import { latestCheckpoint, listCheckpoints, pruneCheckpoints } from './run-checkpoints.js';
import { type CheckpointContents, type SaveOptions, saveCheckpoint } from './save-checkpoint.js';

const RUN = '/runs/first';

/** `version` shows in every file, so that a mixture of two saves would be seen. */
function contents(step: number, version = 0): CheckpointContents {
  const tensor = (name: string, length: number) => ({
    name,
    shape: [length],
    data: Float32Array.from({ length }, (_, i) => step * 1000 + version * 100 + i),
  });
  return {
    files: { 'config.json': JSON.stringify({ step, version }), 'tokenizer.json': '{}' },
    tensors: [tensor('model.embed_tokens.weight', 9), tensor('lm_head.weight', 5)],
    optimizer: [tensor('lm_head.weight.exp_avg', 5)],
    state: { step, version },
  };
}

const save = (fileSystem: FileSystem, step: number, options: SaveOptions = {}, version = 0) =>
  saveCheckpoint(RUN, step, contents(step, version), { fileSystem, ...options });

/** Loads a checkpoint and checks that everything in it is of one save; returns which. */
async function wholeVersion(fileSystem: FileSystem, directory: string): Promise<{ step: number; version: number }> {
  const checkpoint = await loadCheckpoint(directory, fileSystem);
  const state = checkpoint.state as { step: number; version: number };
  const expected = contents(state.step, state.version);
  expect(JSON.parse(await checkpoint.readText('config.json'))).toEqual(state);
  for (const { name, data } of expected.tensors) expect(await checkpoint.model.readFloat32(name)).toEqual(data);
  for (const { name, data } of expected.optimizer) expect(await checkpoint.optimizer.readFloat32(name)).toEqual(data);
  expect(checkpoint.step).toBe(state.step);
  await checkpoint.close();
  return state;
}

const steps = async (fileSystem: FileSystem): Promise<number[]> =>
  (await listCheckpoints(RUN, fileSystem)).map(({ step }) => step);

test('what is saved is loaded; listed in order; the latest found', async () => {
  const disk = simulatedDisk(RUN);
  expect(await latestCheckpoint(RUN, disk)).toBeUndefined();
  expect(await listCheckpoints('/nowhere', disk)).toEqual([]);
  disk.maxWriteBytes = 7; // short writes go on where they stopped
  for (const step of [200, 5, 100_000_000]) await save(disk, step);
  expect(await steps(disk)).toEqual([5, 200, 100_000_000]);
  const latest = await latestCheckpoint(RUN, disk);
  expect(latest?.directory).toBe(`${RUN}/checkpoints/step-100000000`);
  for (const { directory, step } of await listCheckpoints(RUN, disk)) {
    expect(await wholeVersion(disk, directory)).toEqual({ step, version: 0 });
  }
  expect(disk.openFiles).toBe(0);
});

test('the newest are kept, and never fewer than one', async () => {
  const disk = simulatedDisk(RUN);
  for (const step of [1, 2, 3, 4]) await save(disk, step, { keepLast: 2 });
  expect(await steps(disk)).toEqual([3, 4]);
  await pruneCheckpoints(RUN, { keepLast: 1 }, disk);
  expect(await steps(disk)).toEqual([4]);
  for (const keepLast of [0, -1, 1.5, Number.NaN]) {
    await expect(pruneCheckpoints(RUN, { keepLast }, disk)).rejects.toThrow(RangeError);
  }
});

test('a checkpoint that is held outlives its run’s later ones, for as long as it is held', async () => {
  const disk = simulatedDisk(RUN);
  const hold = (name: string) => disk.createDirectory(`${RUN}/checkpoints/${name}`);
  const clock = manualClock(Date.parse('2030-01-02T00:00:00Z'));
  await save(disk, 1);
  await hold('step-00000001.held');
  await save(disk, 2);
  await hold(`step-00000002.held-until-${clock.now() + 1000}-77`);
  for (const step of [3, 4]) await save(disk, step);
  await pruneCheckpoints(RUN, { keepLast: 1, clock }, disk);
  expect(await steps(disk)).toEqual([1, 2, 4]);
  // What was served before a run went back is not what the run left behind.
  await hold('step-00000004.held');
  await pruneCheckpoints(RUN, { keepLast: 1, notAfter: 2, clock }, disk);
  expect(await steps(disk)).toEqual([1, 2, 4]);
  clock.advance(1000);
  await disk.remove(`${RUN}/checkpoints/step-00000001.held`);
  await pruneCheckpoints(RUN, { keepLast: 1, clock }, disk);
  expect(await steps(disk)).toEqual([4]);
  expect((await disk.list(`${RUN}/checkpoints`)).map(({ name }) => name)).toEqual([
    'step-00000004',
    'step-00000004.held',
  ]);
});

test('a second save of a step replaces the first', async () => {
  const disk = simulatedDisk(RUN);
  await save(disk, 7);
  const { directory } = await save(disk, 7, {}, 1);
  expect(await wholeVersion(disk, directory)).toEqual({ step: 7, version: 1 });
  expect(await disk.list(`${RUN}/checkpoints`)).toHaveLength(1);
});

/** The save under test: a later step with pruning, or the same step again. */
const scenarios = {
  'a later step': { step: 2, version: 0, keepLast: 2 },
  'the same step': { step: 1, version: 1, keepLast: 2 },
  'a later step that prunes': { step: 2, version: 0, keepLast: 1 },
} as const;

async function diskWithFirstCheckpoint(): Promise<SimulatedDisk> {
  const disk = simulatedDisk(RUN);
  disk.maxWriteBytes = 100;
  await save(disk, 1);
  disk.restart();
  return disk;
}

describe.each(Object.entries(scenarios))('%s, stopped anywhere', (_, { step, version, keepLast }) => {
  const attempt = (disk: SimulatedDisk) => save(disk, step, { keepLast }, version);

  /** After a fault: every listed checkpoint is whole, at least one is listed, and the save can be done again. */
  async function checkRecovery(disk: SimulatedDisk, succeeded: boolean, fault: string): Promise<void> {
    const listed = await listCheckpoints(RUN, disk);
    expect(listed.length, fault).toBeGreaterThan(0);
    const states = await Promise.all(listed.map(({ directory }) => wholeVersion(disk, directory)));
    const isThere = states.some((state) => state.step === step && state.version === version);
    if (succeeded) expect(isThere, `${fault}: a save that returned is there`).toBe(true);
    await attempt(disk);
    const latest = await latestCheckpoint(RUN, disk);
    expect(await wholeVersion(disk, latest?.directory ?? '')).toEqual({ step, version });
    const names = (await disk.list(`${RUN}/checkpoints`)).map(({ name }) => name);
    expect(
      names.filter((name) => !/^step-\d+$/.test(name)),
      fault,
    ).toEqual([]);
  }

  test.each(['killed', 'error', 'full'] as const)('%s at every operation', async (kind) => {
    const dry = await diskWithFirstCheckpoint();
    await attempt(dry);
    const total = dry.operations;
    expect(total).toBeGreaterThan(20);
    for (let at = 1; at <= total + 1; at++) {
      for (const power of ['stays', 'is cut']) {
        const disk = await diskWithFirstCheckpoint();
        const fault: Fault = { at, kind };
        disk.fault = fault;
        const error: unknown = await attempt(disk).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        if (kind === 'full' && error !== undefined) expect(error).toMatchObject({ code: 'disk-full' });
        expect(disk.openFiles, 'every file is closed').toBe(0);
        disk.restart();
        if (power === 'is cut') disk.cutPower();
        await checkRecovery(disk, error === undefined, `${kind} at ${at} of ${total}, power ${power}`);
      }
    }
  });
});

test('a full disk leaves nothing of the failed save behind', async () => {
  const disk = await diskWithFirstCheckpoint();
  disk.fault = { at: 9, kind: 'full' };
  const error: unknown = await save(disk, 2).catch((thrown: unknown) => thrown);
  if (!(error instanceof MoatError)) throw new Error('not refused', { cause: error });
  expect(error.line).toContain('step-00000002: the disk is full; nothing was written.');
  expect((await disk.list(`${RUN}/checkpoints`)).map(({ name }) => name)).toEqual(['step-00000001']);
});

describe('damage is refused by name, with the checkpoint to use instead', () => {
  const damages: Record<string, { file: string; change: (bytes: Uint8Array) => Uint8Array; code: string }> = {
    'a truncated model': { file: 'model.safetensors', change: (b) => b.slice(0, -1), code: 'checkpoint-truncated' },
    'an empty state': { file: 'trainer-state.json', change: () => new Uint8Array(0), code: 'checkpoint-truncated' },
    'a longer file': { file: 'config.json', change: (b) => Uint8Array.from([...b, 32]), code: 'checkpoint-corrupt' },
    'a flipped bit': {
      file: 'optimizer.safetensors',
      change: (b) => b.map((byte, i) => (i === b.length - 3 ? byte ^ 1 : byte)),
      code: 'checkpoint-corrupt',
    },
    'a broken manifest': { file: 'manifest.json', change: (b) => b.slice(0, 40), code: 'checkpoint-corrupt' },
  };

  test.each(Object.entries(damages))('%s', async (_, { file, change, code }) => {
    const disk = simulatedDisk(RUN);
    for (const step of [1, 2, 3]) await save(disk, step);
    disk.damage(`${RUN}/checkpoints/step-00000002/config.json`, (bytes) => bytes.slice(1));
    const { directory } = (await latestCheckpoint(RUN, disk)) ?? { directory: '' };
    disk.damage(path.join(directory, file), change);
    const error: unknown = await loadCheckpoint(directory, disk).catch((thrown: unknown) => thrown);
    if (!(error instanceof MoatError)) throw new Error('not refused', { cause: error });
    expect(error.code).toBe(code);
    expect(error.message).toContain(path.join(directory, file));
    expect(error.fix).toContain('step-00000001, which is whole');
    expect(disk.openFiles).toBe(0);
  });

  test.each(['model.safetensors', 'manifest.json', 'tokenizer.json'])('a missing %s', async (file) => {
    const disk = simulatedDisk(RUN);
    const { directory } = await save(disk, 1);
    await disk.remove(path.join(directory, file));
    await expect(loadCheckpoint(directory, disk)).rejects.toMatchObject({
      code: 'checkpoint-missing',
      message: expect.stringContaining(file) as unknown,
      fix: expect.stringContaining('No earlier checkpoint') as unknown,
    });
    await expect(loadCheckpoint(`${RUN}/checkpoints/step-00000009`, disk)).rejects.toThrow('step-00000009');
  });
});

describe('on the real disk', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'moat-checkpoint-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('saved, replaced, copied, pruned, refused when cut', async () => {
    const tokenizer = path.join(folder, 'tokenizer.json');
    writeFileSync(tokenizer, '{"version":"1.0"}');
    const withCopy = (step: number, version = 0): CheckpointContents => ({
      ...contents(step, version),
      files: { 'config.json': JSON.stringify({ step, version }), 'tokenizer.json': { copyOf: tokenizer } },
    });
    for (const step of [1, 2, 3]) await saveCheckpoint(folder, step, withCopy(step), { keepLast: 2 });
    const saved = await saveCheckpoint(folder, 3, withCopy(3, 1));
    expect(readdirSync(path.join(folder, 'checkpoints')).sort()).toEqual(['step-00000002', 'step-00000003']);
    const names = readdirSync(saved.directory);
    const expected = ['config.json', 'manifest.json', 'model.safetensors', 'optimizer.safetensors', 'tokenizer.json'];
    expect(names.sort()).toEqual([...expected, 'trainer-state.json']);
    expect(saved.sizeBytes).toBe(
      names.reduce((sum, name) => sum + readFileSync(path.join(saved.directory, name)).length, 0),
    );
    const checkpoint = await loadCheckpoint(saved.directory);
    expect(checkpoint.state).toEqual({ step: 3, version: 1 });
    expect(checkpoint.model.metadata.get('format')).toBe('pt');
    expect(await checkpoint.readText('tokenizer.json')).toBe('{"version":"1.0"}');
    await checkpoint.close();
    truncateSync(path.join(saved.directory, 'model.safetensors'), 50);
    await expect(loadCheckpoint(saved.directory)).rejects.toMatchObject({
      code: 'checkpoint-truncated',
      fix: expect.stringContaining('step-00000002') as unknown,
    });
  });

  test('a source that is not there fails the save whole', async () => {
    const bad = { ...contents(9), files: { 'tokenizer.json': { copyOf: path.join(folder, 'nowhere.json') } } };
    await expect(saveCheckpoint(folder, 9, bad)).rejects.toThrow('nowhere.json');
    expect(readdirSync(path.join(folder, 'checkpoints')).filter((name) => name.includes('9'))).toEqual([]);
  });
});
