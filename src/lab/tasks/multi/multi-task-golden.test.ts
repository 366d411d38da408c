/**
 * Golden values of tests/golden/multi-task/multi-task.json, made by multi_task.py there: losses and gradients of two heads on one
 * encoder, weighted by hand and by uncertainty, and a step of GradNorm are PyTorch's.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { grad } from '../../graph/grad.js';
import { type EncoderModel, INFERENCE } from '../../models/model.js';
import { readModelConfig } from '../../models/registry.js';
import { type Value, compile, floats } from '../../runtime/program.js';
import { gradientName, parameterInputs } from '../../train/objective.js';
import { type LabelledRow, feedsOf } from './fit-shared.js';
import type { Head } from './heads.js';
import { TASK_WEIGHTS, UNCERTAINTY, lossName, normName, sharedObjective, sharedParameters } from './shared-encoder.js';
import { gradNormWeights } from './task-weights.js';

interface Weighted {
  readonly loss: number;
  readonly gradientNorms: Record<string, number>;
}
interface Golden {
  readonly pad: number;
  readonly texts: { readonly opinion: number[][]; readonly names: number[][] };
  readonly labels: number[];
  readonly tags: [number, number][];
  readonly classes: number;
  readonly tagCount: number;
  readonly logVariances: number[];
  readonly losses: number[];
  readonly lastLayerNorms: number[];
  readonly gradNorm: {
    readonly weights: number[];
    readonly firstLosses: number[];
    readonly strength: number;
    readonly learningRate: number;
    readonly after: number[];
  };
  readonly fixed: Weighted & { readonly weights: number[] };
  readonly uncertainty: Weighted;
}

const folder = new URL('../../../../tests/golden/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('multi-task/multi-task.json', folder), 'utf8')) as Golden;
const stored = JSON.parse(readFileSync(new URL('encoders/bert-pre-training.json', folder), 'utf8')) as {
  readonly config: { readonly hidden_size: number };
  readonly parameters: Record<string, { readonly shape: number[]; readonly base64: string }>;
};
const encoder = readModelConfig(stored.config, 'golden').model as EncoderModel;
const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);
const opinion: Head = { name: 'opinion', kind: 'classification', classes: numbered(golden.classes) };
const names: Head = { name: 'names', kind: 'tagging', classes: numbered(golden.tagCount) };
const shared = { encoder, width: stored.config.hidden_size, heads: [opinion, names] };
const shape = { batchSize: 2, sequenceLength: 6 };

/** As the reference makes its weights. */
const wave = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 0.3 * Math.sin(0.7 * i + 1));

function weightsOf(): Record<string, Value> {
  const given = encoder.parameters.map(({ name, shape: dims }): [string, Value] => {
    const bytes = Buffer.from(stored.parameters[name]?.base64 ?? '', 'base64');
    return [name, floats(new Float32Array(new Uint8Array(bytes).buffer), dims)];
  });
  const heads = sharedParameters(shared, 'fixed')
    .slice(encoder.parameters.length)
    .map(({ name, shape: dims }): [string, Value] => [name, floats(wave(dims.reduce((a, b) => a * b)), dims)]);
  return Object.fromEntries([...given, ...heads]);
}

const withoutPadding = (row: number[]): number[] => row.filter((id) => id !== golden.pad);

function batch(): Record<string, Value> {
  const texts = golden.texts.opinion.map((row, at): LabelledRow => ({
    ids: withoutPadding(row),
    targets: [{ place: 0, target: golden.labels[at] as number }],
  }));
  const tagged = golden.texts.names.map((row, at): LabelledRow => ({
    ids: withoutPadding(row),
    targets: golden.tags
      .filter(([place]) => Math.floor(place / 6) === at)
      .map(([place, target]) => ({ place: place % 6, target })),
  }));
  return { ...feedsOf(opinion, texts, shape, golden.pad), ...feedsOf(names, tagged, shape, golden.pad) };
}

test.each(['fixed', 'gradnorm', 'uncertainty'] as const)('%s', async (weighting) => {
  const { loss: expected, gradientNorms } = weighting === 'uncertainty' ? golden.uncertainty : golden.fixed;
  const { lookUp, tensors } = parameterInputs(sharedParameters(shared, weighting));
  const { inputs, loss, outputs = {} } = sharedObjective(shared, shape, weighting)(lookUp, INFERENCE);
  const watched = Object.keys(gradientNorms);
  const gradients = grad(loss, watched.map(lookUp));
  const named = watched.map((name, index) => [gradientName(name), gradients[index] as typeof loss] as const);
  const program = await compile({ loss, ...outputs, ...Object.fromEntries(named) }, [...inputs, ...tensors]);
  const counted: Record<string, Value> =
    weighting === 'uncertainty'
      ? { [UNCERTAINTY]: floats(Float32Array.from(golden.logVariances), [2]) }
      : { [TASK_WEIGHTS]: floats(Float32Array.from(golden.fixed.weights), [2]) };
  const result = await program.run({ ...weightsOf(), ...batch(), ...counted });
  const read = (name: string): number => Number(result[name]?.data[0]);
  expect(read('loss')).toBeCloseTo(expected, 5);
  expect(read(lossName(opinion))).toBeCloseTo(golden.losses[0] as number, 5);
  expect(read(lossName(names))).toBeCloseTo(golden.losses[1] as number, 5);
  for (const [name, norm] of Object.entries(gradientNorms)) {
    expect(Math.hypot(...Array.from(result[gradientName(name)]?.data ?? [], Number)), name).toBeCloseTo(norm, 4);
  }
  if (weighting === 'gradnorm') {
    const norms = [read(normName(opinion)), read(normName(names))];
    for (const [task, norm] of norms.entries()) expect(norm).toBeCloseTo(golden.lastLayerNorms[task] as number, 4);
    const { weights, firstLosses, after, ...options } = golden.gradNorm;
    const moved = gradNormWeights({ weights, firstLosses, losses: golden.losses, norms }, options);
    for (const [task, weight] of moved.entries()) expect(weight).toBeCloseTo(after[task] as number, 5);
  }
  await program.close();
});

test('GradNorm takes weight from the task whose gradient is a hundred times the other', () => {
  let weights: number[] = [1, 1];
  for (let step = 0; step < 400; step++) {
    weights = gradNormWeights(
      { weights, firstLosses: [1, 1], losses: [0.5, 0.5], norms: [100, 1] },
      { strength: 1.5, learningRate: 0.0005 },
    );
  }
  expect(weights[0]).toBeLessThan(0.1);
  expect((weights[0] as number) + (weights[1] as number)).toBeCloseTo(2, 9);
});
