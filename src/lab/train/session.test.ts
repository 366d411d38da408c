import { mkdtemp, readFile, readdir, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  SMALL_SIZES as SIZES,
  smallConfig as config,
  smallJob,
  smallTokens as tokens,
  trainTokens,
} from '../../../tests/small-run.js';
import type { RunEvent } from '../../base/run-events.js';
import { type FileSystem, nodeFileSystem } from '../checkpoint/file-system.js';
import { checkpointDirectory, listCheckpoints } from '../checkpoint/run-checkpoints.js';
import { architectures } from '../models/registry.js';
import { readEvents } from './run-directory.js';
import { trainRun } from './session.js';
import type { TrainingJob } from './training-job.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-session-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const job = (name: string, more: Partial<TrainingJob> = {}): TrainingJob => smallJob(folder, name, more);

const weights = (name: string, step: number): Promise<Buffer> =>
  readFile(path.join(checkpointDirectory(path.join(folder, name), step), 'model.safetensors'));

/** Stops the run when an event says so, as Ctrl-C does. */
function stopWhen(wanted: (event: RunEvent) => boolean): Pick<TrainingJob, 'signal' | 'onEvent'> {
  const controller = new AbortController();
  return { signal: controller.signal, onEvent: (event) => wanted(event) && controller.abort() };
}

const everything = { labelSmoothing: 0.1, packDocuments: true, recompute: true, averageDecay: 0.9, keepBest: 2 };
const cases = [
  ...(['muon', 'adamw', 'adam', 'sgd'] as const).map((kind) => ({ kind, changes: {} })),
  { kind: 'adamw' as const, changes: { loop: everything } },
];

test.each(cases)(
  'a stopped and resumed run equals an uninterrupted one, bit for bit: %j',
  async ({ kind, changes }) => {
    const whole = await trainRun(job('whole', { config: config(kind, 10, changes) }));
    expect(whole).toMatchObject({ reason: 'finished', progress: { step: 10 } });
    const stop = stopWhen((event) => event.type === 'step' && event.step === 6);
    const stopped = await trainRun(job('parts', { config: config(kind, 10, changes), ...stop }));
    expect(stopped).toMatchObject({ reason: 'stopped', progress: { step: 6 } });
    await trainRun(job('parts', { config: undefined, resume: { fromStep: undefined } }));
    expect(await weights('parts', 10)).toEqual(await weights('whole', 10));
  },
);

const sized = architectures.flatMap(({ modelType, sized: sizesOf }) =>
  sizesOf === undefined ? [] : [{ modelType, sizesOf }],
);

test.each(sized)('$modelType learns, and resumes bit for bit with dropout', async ({ modelType, sizesOf }) => {
  const model = { model_type: modelType, ...sizesOf({ ...SIZES, dropout: 0.1 }) };
  const json = { ...config('adamw', 12), model };
  const losses: number[] = [];
  const whole = job('whole', { config: json, onEvent: (event) => event.type === 'step' && losses.push(event.loss) });
  await trainRun(whole);
  expect(losses.at(-1)).toBeLessThan(losses[0] as number);
  await trainRun(job('parts', { config: json, ...stopWhen((event) => event.type === 'step' && event.step === 5) }));
  await trainRun(job('parts', { config: undefined, resume: { fromStep: undefined } }));
  expect(await weights('parts', 12)).toEqual(await weights('whole', 12));
});

test.each([
  ['qwen3', { causal: 0.4, infill: 0.3, order: 0.3 }],
  ['t5', { infill: 0.5, order: 0.5 }],
  ['bert', { masked: 0.4, membership: 0.1, order: 0.2, 'next-sentence': 0.1, contrastive: 0.2 }],
] as const)('%s learns from a mixture of objectives, and resumes bit for bit', async (modelType, objective) => {
  const { sizesOf } = sized.find((architecture) => architecture.modelType === modelType) as (typeof sized)[number];
  const base = config('adamw', 12, { loop: { objective } });
  const dropout = modelType === 'bert' ? 0.1 : 0;
  const json = { ...base, model: { model_type: modelType, ...sizesOf({ ...SIZES, dropout }) } };
  const evals: (number | undefined)[] = [];
  const onEvent = (event: RunEvent): unknown => event.type === 'eval' && evals.push(event.bitsPerByte);
  await trainRun(job('whole', { config: json, onEvent }));
  // only what continues texts gives a text a probability
  expect(evals.every((bits) => (modelType === 'qwen3') === (bits !== undefined))).toBe(true);
  expect(evals.length).toBeGreaterThan(0);
  await trainRun(job('parts', { config: json, ...stopWhen((event) => event.type === 'step' && event.step === 7) }));
  await trainRun(job('parts', { config: undefined, resume: { fromStep: undefined } }));
  expect(await weights('parts', 12)).toEqual(await weights('whole', 12));
  await trainRun(job('plain', { config: { ...json, loop: config('adamw', 12).loop } }));
  expect(await weights('plain', 12)).not.toEqual(await weights('whole', 12));
});

test('an objective that does not fit is refused before anything is written', async () => {
  const refused = (changes: Record<string, unknown>, more: Partial<TrainingJob> = {}) =>
    trainRun(job('refused', { config: config('adamw', 4, { loop: changes }), ...more }));
  await expect(refused({ objective: { masked: 1 } })).rejects.toThrow('"masked" is not for a model that predicts');
  await expect(refused({ objective: { infill: 1 }, packDocuments: true })).rejects.toThrow('train.packDocuments keeps');
  const without = { ...tokens, special: new Map<string, number>() };
  await expect(refused({ objective: { infill: 1 } }, { tokens: without })).rejects.toThrow('no token <|fim_prefix|>');
  const encoder = sized.find(({ modelType }) => modelType === 'bert') as (typeof sized)[number];
  const refusedEncoder = (dropout: number, loop: Record<string, unknown>) => {
    const model = { model_type: 'bert', ...encoder.sizesOf({ ...SIZES, dropout }) };
    return trainRun(job('refused', { config: { ...config('adamw', 4, { loop }), model } }));
  };
  const contrastive = { objective: { contrastive: 1 } };
  await expect(refusedEncoder(0, contrastive)).rejects.toThrow('"contrastive" learns from dropout alone');
  await expect(refusedEncoder(0.1, { ...contrastive, batchSize: 1 })).rejects.toThrow('needs two texts in a batch');
  expect(await readdir(folder)).toEqual([]);
});

test('a run whose validation loss falls no more ends early, and its best checkpoints stay', async () => {
  // at this rate it overshoots: the first measurements are the best
  const base = config('sgd', 200, { loop: { evalEvery: 4, patience: 12, keepBest: 1, clipNorm: 0 } });
  const overshooting = { ...base, keepCheckpoints: 1, optimizer: { ...base.optimizer, learningRate: 3 } };
  const events: RunEvent[] = [];
  const result = await trainRun(job('early', { config: overshooting, onEvent: (event) => events.push(event) }));
  expect(result.reason).toBe('converged');
  expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'converged' });
  const measured = events.flatMap((event) => (event.type === 'eval' ? [event] : []));
  const best = measured.reduce((a, b) => (b.loss < a.loss ? b : a));
  expect(result.progress.step - best.step).toBeGreaterThanOrEqual(12);
  const kept = (await listCheckpoints(path.join(folder, 'early'))).map(({ step }) => step);
  expect(kept).toEqual([best.step, result.progress.step]);
});

test('a loss that is not a number stops the run and names the documents of the batch', async () => {
  const wild = config('sgd', 50, { loop: { clipNorm: 0, checkpointEvery: 1 } });
  const named = job('wild', {
    config: { ...wild, optimizer: { ...wild.optimizer, learningRate: 1e30 } },
    documentAt: (token) => `document-${Math.floor(token / 1000)}`,
  });
  await expect(trainRun(named)).rejects.toMatchObject({
    code: 'non-finite-loss',
    message: expect.stringMatching(/step \d+: .*document-[01]/),
  });
  expect((await readEvents(path.join(folder, 'wild'))).at(-1)).toMatchObject({ type: 'done', reason: 'failed' });
});

test('with an average, what is saved is the average, and it differs from the weights', async () => {
  await trainRun(job('plain', { config: config('adamw', 8) }));
  await trainRun(job('averaged', { config: config('adamw', 8, { loop: { averageDecay: 0.9 } }) }));
  expect(await weights('averaged', 8)).not.toEqual(await weights('plain', 8));
});

test('the loss falls and every event is in the log, in order', async () => {
  const seen: RunEvent[] = [];
  await trainRun(job('run', { config: config('muon', 40), onEvent: (event) => seen.push(event) }));
  const events = await readEvents(path.join(folder, 'run'));
  expect(events).toEqual(JSON.parse(JSON.stringify(seen)));
  const losses = events.flatMap((event) => (event.type === 'step' ? [event.loss] : []));
  expect(losses).toHaveLength(40);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) * 0.6);
  expect(events[0]?.type).toBe('start');
  expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: 40 });
  expect(events.some((event) => event.type === 'eval' && (event.bitsPerByte ?? Number.NaN) > 0)).toBe(true);
});

test('gradient accumulation gives the gradient of the larger batch', async () => {
  const small = { ...config('adamw', 1), loop: { ...config('adamw', 1).loop, batchSize: 2, gradientAccumulation: 2 } };
  const large = { ...small, loop: { ...small.loop, batchSize: 4, gradientAccumulation: 1 } };
  const norms: number[] = [];
  for (const [name, each] of Object.entries({ small, large })) {
    await trainRun(
      job(name, {
        config: each,
        onEvent: (event) => event.type === 'step' && norms.push(event.loss, event.gradientNorm),
      }),
    );
  }
  expect(norms[2]).toBeCloseTo(norms[0] as number, 5);
  expect(norms[3]).toBeCloseTo(norms[1] as number, 5);
});

test('a full disk while saving is one clear line, and the checkpoint before it is still good', async () => {
  let saves = 0;
  const filling: FileSystem = {
    ...nodeFileSystem,
    async create(file) {
      const handle = await nodeFileSystem.create(file);
      if (!file.endsWith('model.safetensors') || ++saves < 2) return handle;
      return { ...handle, write: async () => Promise.reject(Object.assign(new Error('no space'), { code: 'ENOSPC' })) };
    },
  };
  await expect(trainRun(job('full', { fileSystem: filling }))).rejects.toMatchObject({ code: 'disk-full' });
  const run = path.join(folder, 'full');
  expect((await listCheckpoints(run)).map(({ step }) => step)).toEqual([4]);
  expect(await readdir(path.join(run, 'checkpoints'))).toEqual(['step-00000004']);
  expect((await readEvents(run)).at(-1)).toMatchObject({ type: 'done', reason: 'failed' });
  await trainRun(job('full', { config: undefined, resume: { fromStep: undefined } }));
  await trainRun(job('straight'));
  expect(await weights('full', 10)).toEqual(await weights('straight', 10));
});

test('a truncated checkpoint is refused by name, and the one before can be used', async () => {
  await trainRun(job('cut'));
  const run = path.join(folder, 'cut');
  await truncate(path.join(checkpointDirectory(run, 10), 'model.safetensors'), 500);
  const resume = (fromStep: number | undefined) => trainRun(job('cut', { config: undefined, resume: { fromStep } }));
  await expect(resume(undefined)).rejects.toMatchObject({
    message: expect.stringContaining('step-00000010'),
    fix: expect.stringContaining('step-00000008'),
  });
  expect(await resume(8)).toMatchObject({ progress: { step: 10 } });
});

test('a run that has had all it was given is not resumed for nothing, and from an earlier step it is', async () => {
  await trainRun(job('whole', {}));
  const resume = (fromStep: number | undefined) => trainRun(job('whole', { config: undefined, resume: { fromStep } }));
  await expect(resume(undefined)).rejects.toMatchObject({
    code: 'run-finished',
    fix: expect.stringContaining('moat train --fork whole --with-weights') as string,
  });
  const [first] = await listCheckpoints(path.join(folder, 'whole'));
  expect((await resume(first?.step)).reason).toBe('finished');
});

test('what cannot be resumed is refused in one line', async () => {
  await expect(trainRun(job('none', { resume: { fromStep: undefined } }))).rejects.toMatchObject({
    code: 'no-such-run',
  });
  await trainRun(job('run', { config: config('muon', 2) }));
  await expect(trainRun(job('run'))).rejects.toMatchObject({ code: 'run-exists' });
  const resume = { config: undefined, resume: { fromStep: undefined } };
  await expect(trainRun(job('run', { ...resume, tokenizerHash: 'other' }))).rejects.toMatchObject({
    code: 'other-tokenizer',
  });
  await expect(trainRun(job('run', { ...resume, resume: { fromStep: 1 } }))).rejects.toMatchObject({
    code: 'no-checkpoint',
  });
});

test('a corpus smaller than two windows is refused', async () => {
  await expect(trainRun(job('tiny', { trainTokens: trainTokens.slice(0, 20) }))).rejects.toMatchObject({
    code: 'corpus-too-small',
  });
  expect(await readdir(folder)).toEqual([]);
});
