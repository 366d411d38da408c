/** Tuning on PyTorch, by torchrun, held against the local tuner: the same losses, and adapters and runs that go to and fro. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import type { RunEvent } from '../../src/base/run-events.js';
import { tuneThere } from '../../src/cli/stages/tune-there-stage.js';
import { openSafetensors } from '../../src/lab/checkpoint/safetensors.js';
import { loadModelOrAdapter } from '../../src/lab/generate/load-adapted-model.js';
import { loadModel } from '../../src/lab/generate/load-model.js';
import { input } from '../../src/lab/graph/tensor.js';
import { INFERENCE } from '../../src/lab/models/model.js';
import { compile, integers } from '../../src/lab/runtime/program.js';
import { parameterInputs } from '../../src/lab/train/objective.js';
import { readEvents } from '../../src/lab/train/run-directory.js';
import { keepBest } from '../../src/lab/train/supervised/tune-state.js';
import { countedSteps, killWorker, losses, python } from './small-run.js';
import { type TuningProject, makeTuningProject, silentReporter } from './small-tuning.js';

let project: TuningProject;
beforeAll(async () => {
  project = await makeTuningProject();
});
afterAll(() => project.remove());

/** Largest difference, item by item. */
function furthest(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, index) => Math.abs(value - (b[index] ?? Number.NaN))));
}

const evals = (events: readonly RunEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'eval' ? [event.loss, event.bitsPerByte ?? 0] : []));

const cases = [
  { name: 'an adapter, one worker', workers: 1, changes: { adapter: {} } },
  { name: 'an adapter, two workers, several texts a row', workers: 2, changes: { adapter: {}, packed: true } },
  {
    name: 'an adapter of some layers that learns lengths apart, two workers, GPT-2',
    workers: 2,
    changes: { architecture: 'gpt2', adapter: { modules: ['c_attn', 'c_fc'], dora: true } },
  },
  {
    name: 'an adapter beside a share of the weights each (FSDP2), three workers, Gemma',
    workers: 3,
    sharding: 'fsdp2' as const,
    changes: { architecture: 'gemma3_text', adapter: {}, packed: true, settings: { recompute: true } },
  },
  { name: 'all of the model, two workers', workers: 2, changes: { architecture: 'llama', packed: true } },
  { name: 'preferences, an adapter, two workers', workers: 2, changes: { adapter: {}, beta: 0.1 } },
  {
    name: 'preferences, all of the model, a share each (FSDP2)',
    workers: 2,
    sharding: 'fsdp2' as const,
    changes: { beta: 0.3 },
  },
];

test.each(cases)(
  '$name: the first twenty losses are those of the local tuner',
  async ({ name, workers, changes, sharding }) => {
    const run = name.replace(/\W+/g, '-');
    const { tuning } = await project.tuning(changes);
    const { events: here, result } = await project.here(`${run}-here`, tuning);
    const there = await project.there(`${run}-there`, tuning, { workers, ...(sharding && { sharding }) });
    expect(losses(there)).toHaveLength(20);
    expect(furthest(losses(here), losses(there))).toBeLessThan(1e-3);
    // before anything is learned, and four times since
    expect(evals(there)).toHaveLength(10);
    expect(furthest(evals(here), evals(there))).toBeLessThan(1e-3);
    // they learn something, or equal losses would say little
    expect(Math.min(...losses(here).slice(-3))).toBeLessThan((losses(here)[0] ?? 0) - 0.05);
    expect(await readEvents(project.out(`${run}-there`))).toEqual(there);
    const progress = await keepBest(project.out(`${run}-there`));
    expect(progress?.heldOut.kept).toMatchObject({ step: result.keptStep });
    const file = tuning.weights.layout.weightsFile;
    const [ours, theirs] = await Promise.all(
      ['here', 'there'].map((side) => openSafetensors(path.join(project.out(`${run}-${side}`), file))),
    );
    expect([...(theirs?.tensors.keys() ?? [])].sort()).toEqual([...(ours?.tensors.keys() ?? [])].sort());
    expect(theirs?.metadata).toEqual(ours?.metadata);
    for (const tensor of ours?.tensors.keys() ?? []) {
      const [a, b] = [await ours?.readFloat32(tensor), await theirs?.readFloat32(tensor)];
      expect(furthest([...(a ?? [])], [...(b ?? [])]), tensor).toBeLessThan(2e-3);
    }
    await ours?.close();
    await theirs?.close();
  },
);

test('an adapter that workers trained loads here, and gives the logits that peft gives', async () => {
  const folder = project.out('an-adapter-one-worker-there');
  expect((await readdir(folder)).sort()).toEqual(
    expect.arrayContaining(['adapter_config.json', 'adapter_model.safetensors', 'events.jsonl', 'tuning.json']),
  );
  const { base } = await project.tuning({ adapter: {} });
  const ids = Array.from({ length: 24 }, (_, index) => (index * 37) % 300);
  const [ours, bare] = [
    await logitsOf(await loadModelOrAdapter(folder), ids),
    await logitsOf(await loadModel(base), ids),
  ];
  const script = `
import json, sys, torch, transformers, peft
base = transformers.AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.float32)
model = peft.PeftModel.from_pretrained(base, sys.argv[2]).eval()
print(json.dumps(model(torch.tensor([json.loads(sys.argv[3])])).logits.flatten().tolist()))`;
  const answer = await promisify(execFile)(await python(), ['-c', script, base, folder, JSON.stringify(ids)], {
    maxBuffer: 1 << 26,
  });
  expect(furthest(ours, JSON.parse(answer.stdout) as number[])).toBeLessThan(1e-4);
  expect(furthest(ours, bare)).toBeGreaterThan(0.1);
});

async function logitsOf({ model, weights }: Awaited<ReturnType<typeof loadModel>>, ids: number[]): Promise<number[]> {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const tokens = input('tokens', [1, ids.length], 'int64');
  const program = await compile({ logits: model.forward(lookUp, { tokens }, INFERENCE).logits }, [tokens, ...tensors]);
  const results = await program.run({ ...Object.fromEntries(weights), tokens: integers(ids, [1, ids.length]) });
  await program.close();
  return Array.from(results['logits']?.data as Float32Array);
}

const stopAt = (step: number) => {
  const controller = new AbortController();
  const onEvent = (event: RunEvent): void => {
    if (event.type === 'step' && event.step >= step) controller.abort();
  };
  return { signal: controller.signal, onEvent };
};

test('a run begun here goes on there, and comes back to end as one that never left', async () => {
  const { tuning } = await project.tuning({ adapter: {}, packed: true });
  const whole = await project.here('whole', tuning);
  await project.here('to-and-fro', tuning, stopAt(6));
  const out = project.out('to-and-fro');
  const there = { cluster: undefined, workers: 2, workerCpus: 1, storage: undefined, detach: false, install: false };
  const common = { out, resume: true, clock: systemClock, reporter: silentReporter };
  // so many steps that a stop comes before the end
  const { result } = await tuneThere({ ...common, ...stopAt(7), there: { ...there, env: process.env } }, tuning);
  const middle = result?.steps ?? 20;
  expect(result).toMatchObject({ reason: 'stopped' });
  expect(middle).toBeGreaterThan(6);
  expect(middle).toBeLessThan(20);
  const back = await project.here('to-and-fro', tuning, { resume: true });
  expect(back.events[0]).toMatchObject({ type: 'start', resumedFromStep: middle });
  const counted = countedSteps(await readEvents(out));
  expect(counted.map(({ step }) => step)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
  expect(furthest(losses(whole.events), losses(counted))).toBeLessThan(1e-3);
  expect(back.result.keptStep).toBe(whole.result.keptStep);
  expect(back.result.lossBefore).toBe(whole.result.lossBefore);
  expect(furthest([back.result.lossAfter ?? 0], [whole.result.lossAfter ?? 1])).toBeLessThan(1e-3);
  expect(back.result.records.map(({ id }) => id)).toEqual(whole.result.records.map(({ id }) => id));
  expect((await readdir(out)).sort()).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
    'events.jsonl',
    'held-out.jsonl',
    'tuning.json',
  ]);
});

test('a worker killed in mid-run: all start anew from the last checkpoint, and nothing is learned twice', async () => {
  const { tuning } = await project.tuning({ adapter: {}, settings: { maxSteps: 60, evalEvery: 10 } });
  const { events: whole } = await project.here('unharmed', tuning);
  let killed = 0;
  const events = await project.there('killed', tuning, {
    workers: 2,
    onEvent(event) {
      if (event.type === 'step' && event.step === 23 && killed === 0)
        killed = killWorker(path.join(project.folder, 'jobs', 'killed'));
    },
  });
  expect(killed).toBeGreaterThan(0);
  const starts = events.flatMap((event) => (event.type === 'start' ? [event.resumedFromStep] : []));
  expect(starts).toHaveLength(2);
  expect(starts[1]).toBeGreaterThanOrEqual(20);
  const counted = countedSteps(await readEvents(project.out('killed')));
  expect(furthest(losses(whole), losses(counted))).toBeLessThan(1e-3);
});

test('what a worker refuses is one line: a checkpoint beside another base, a layer peft cannot adapt', async () => {
  const { tuning } = await project.tuning({ adapter: {} });
  await project.here('of-another', tuning, stopAt(3));
  const { tuning: other } = await project.tuning({ adapter: {}, seed: 2 });
  const resumed = project.there('of-another', other, { workers: 2, resume: true });
  await expect(resumed).rejects.toMatchObject({ code: 'other-base' });
  const [module] = tuning.adapted?.modules ?? [];
  if (module === undefined || tuning.adapted === undefined) throw new Error('an adapter has modules');
  const unknown = { ...tuning.adapted, modules: [{ ...module, name: 'model.layers.0.self_attn.r_proj' }] };
  const refused = project.there('no-such-layer', { ...tuning, adapted: unknown }, { workers: 1 });
  await expect(refused).rejects.toMatchObject({ code: 'no-such-module' });
});
