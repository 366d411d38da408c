/**
 * Golden values of tests/golden/objectives/encoder.json, made by encoder.py there: loss and gradients of what an encoder learns
 * are PyTorch's, one by one and all together.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { type EncoderModel, INFERENCE } from '../../models/model.js';
import { readModelConfig } from '../../models/registry.js';
import { grad } from '../../graph/grad.js';
import { type Value, compile, floats, integers } from '../../runtime/program.js';
import { gradientName, parameterInputs } from '../objective.js';
import { MEMBER_LIMIT, encoderObjective, predictionCounts } from './encoder-objective.js';
import type { ObjectiveShares } from './objectives.js';

interface Golden {
  readonly pad: number;
  readonly tokens: number[][];
  readonly types: number[][];
  readonly follows: number[];
  readonly places: number[];
  readonly targets: number[];
  readonly sentences: number[][];
  readonly cases: {
    readonly name: string;
    readonly shares: ObjectiveShares;
    readonly loss: number;
    readonly gradientNorms: Record<string, number>;
  }[];
}

const folder = new URL('../../../../tests/golden/', import.meta.url);
const golden = JSON.parse(readFileSync(new URL('objectives/encoder.json', folder), 'utf8')) as Golden;
const stored = JSON.parse(readFileSync(new URL('encoders/bert-pre-training.json', folder), 'utf8')) as {
  readonly config: { readonly vocab_size: number };
  readonly parameters: Record<string, { readonly shape: number[]; readonly base64: string }>;
};
const model = readModelConfig(stored.config, 'golden').model as EncoderModel;
const shape = { batchSize: golden.tokens.length, sequenceLength: golden.tokens[0]?.length ?? 0 };

function feedsOf(shares: ObjectiveShares): Record<string, Value> {
  const { places, targets, tokens, sentences, pad } = golden;
  const dims = [shape.batchSize, shape.sequenceLength];
  const counts = predictionCounts(shape, shares);
  const room = Math.max(counts.masked, counts.membership);
  const maskOf = (rows: number[][]): Value =>
    floats(
      Float32Array.from(rows.flat(), (id) => (id === pad ? 0 : 1)),
      dims,
    );
  const filled = (values: number[]): Value =>
    integers(
      Int32Array.from({ length: room }, (_, i) => values[i] ?? 0),
      [room],
    );
  const rowOf = (place: number | undefined): number => Math.floor((place ?? -1) / shape.sequenceLength);
  const members = new Int32Array(room * MEMBER_LIMIT);
  const memberMask = new Float32Array(members.length);
  for (let index = 0; index < room; index++) {
    const others = targets.filter((_, at) => at !== index && rowOf(places[at]) === rowOf(places[index]));
    for (const [at, word] of [targets[index] ?? 0, ...others].entries()) {
      members[index * MEMBER_LIMIT + at] = index * stored.config.vocab_size + word;
      memberMask[index * MEMBER_LIMIT + at] = 1;
    }
  }
  const spread = (share: number | undefined, count: number, used: number): number[] =>
    Array.from({ length: count }, (_, index) => (index < used ? (share ?? 0) / used : 0));
  const weights = [
    ...spread(shares.masked, counts.masked, places.length),
    ...spread(shares.membership, counts.membership, places.length),
    ...spread((shares.order ?? 0) + (shares['next-sentence'] ?? 0), counts.follows, counts.follows),
    ...spread(shares.contrastive, counts.contrastive, counts.contrastive),
  ];
  return {
    tokens: integers(tokens.flat(), dims),
    mask: maskOf(tokens),
    types: integers(golden.types.flat(), dims),
    follows: integers(golden.follows, [shape.batchSize]),
    places: filled(places),
    targets: filled(targets),
    members: integers(members, [room, MEMBER_LIMIT]),
    memberMask: floats(memberMask, [room, MEMBER_LIMIT]),
    sentences: integers(sentences.flat(), dims),
    sentenceMask: maskOf(sentences),
    weights: floats(Float32Array.from(weights), [weights.length]),
  };
}

test.each(golden.cases)('$name', async ({ shares, loss: expected, gradientNorms }) => {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const { inputs, loss } = encoderObjective(model, shape, shares)(lookUp, INFERENCE);
  const names = Object.keys(gradientNorms);
  const gradients = grad(loss, names.map(lookUp));
  const outputs = Object.fromEntries(names.map((name, index) => [gradientName(name), gradients[index] as typeof loss]));
  const program = await compile({ loss, ...outputs }, [...inputs, ...tensors]);
  const parameters = model.parameters.map(({ name, shape: dims }): [string, Value] => {
    const bytes = Buffer.from(stored.parameters[name]?.base64 ?? '', 'base64');
    return [name, floats(new Float32Array(new Uint8Array(bytes).buffer), dims)];
  });
  const fed = new Set(inputs.map(({ attributes }) => attributes['name']));
  const feeds = Object.entries(feedsOf(shares)).filter(([name]) => fed.has(name));
  const result = await program.run(Object.fromEntries([...parameters, ...feeds]));
  expect(result['loss']?.data[0]).toBeCloseTo(expected, 5);
  for (const [name, norm] of Object.entries(gradientNorms)) {
    const gradient = Array.from(result[gradientName(name)]?.data ?? [], Number);
    expect(Math.hypot(...gradient), name).toBeCloseTo(norm, 4);
  }
  await program.close();
});
