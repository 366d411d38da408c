/**
 * The golden files of tests/golden/encoders (made by make.py there with Hugging Face transformers): hidden states,
 * heads, loss and every gradient of tiny random BERT and T5 models, padding included.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grad } from '../graph/grad.js';
import { add, mul, scale } from '../graph/ops/arithmetic.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { reshape, sum } from '../graph/ops/reshape.js';
import { type Tensor, input } from '../graph/tensor.js';
import { type Value, compile, floats, integers } from '../runtime/program.js';
import {
  type EncoderDecoderModel,
  type EncoderModel,
  INFERENCE,
  type Model,
  type Parameters,
  type Pass,
  parameterCount,
} from './model.js';
import { architectures, readModelConfig } from './registry.js';

interface Packed {
  readonly shape: number[];
  readonly base64: string;
}
interface Golden {
  readonly config: unknown;
  readonly loss: number;
  readonly hidden: Packed;
  readonly mask: number[][];
  readonly parameters: Record<string, Packed>;
  readonly gradients: Record<string, Packed>;
}
interface EncoderGolden extends Golden {
  readonly tokens: number[][];
  readonly types: number[][];
  readonly targets?: number[];
  readonly follows?: number[];
  readonly pooled?: Packed;
  readonly maskedLogits?: Packed;
  readonly nextSentenceLogits?: Packed;
}
interface TranslatorGolden extends Golden {
  readonly source: number[][];
  readonly shifted: number[][];
  readonly targets: number[][];
  readonly weights: number[][];
  readonly logits: Packed;
}

const folder = new URL('../../../tests/golden/encoders/', import.meta.url);
const read = <G extends Golden>(name: string): G =>
  JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8')) as G;

function unpack({ base64, shape }: Packed): Value {
  return floats(new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer), shape);
}

/** The largest difference, relative to the largest expected value. */
function relativeError(actual: Value | undefined, expected: Value): number {
  const a = Array.from(actual?.data ?? [], Number);
  const b = Array.from(expected.data, Number);
  expect(a.length).toBe(b.length);
  const largest = Math.max(...b.map(Math.abs));
  const difference = Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number))));
  return difference === 0 ? 0 : difference / Math.max(largest, 1e-6);
}

const shapeOf = (rows: number[][]): [number, number] => [rows.length, rows[0]?.length ?? 0];
const ids = (rows: number[][]): Value => integers(rows.flat(), shapeOf(rows));
const maskOf = ({ mask }: Golden): Value => floats(Float32Array.from(mask.flat()), shapeOf(mask));

/** Runs a loss built from the model and compares loss, named outputs and every gradient with the golden file. */
async function check(
  golden: Golden,
  model: Model,
  feeds: Record<string, Value>,
  build: (
    p: Parameters,
    fed: (name: string) => Tensor,
    pass: Pass,
  ) => { loss: Tensor; outputs: Record<string, [Tensor, Packed]> },
) {
  const specs = model.parameters;
  expect(Object.fromEntries(specs.map((spec) => [spec.name, spec.shape]))).toEqual(
    Object.fromEntries(Object.entries(golden.parameters).map(([name, { shape }]) => [name, shape])),
  );
  const parameters = new Map(specs.map((spec) => [spec.name, input(spec.name, spec.shape)]));
  const fed = new Map(Object.entries(feeds).map(([name, { dims, dtype }]) => [name, input(name, dims, dtype)]));
  const boundaries: Tensor[] = [];
  const { loss, outputs } = build(
    (name) => parameters.get(name) as Tensor,
    (name) => fed.get(name) as Tensor,
    { ...INFERENCE, boundary: (hidden) => void boundaries.push(hidden) },
  );
  const gradients = grad(loss, [...parameters.values()]);
  const recomputed = grad(loss, [...parameters.values()], { boundaries });
  const named: Record<string, Tensor> = { loss };
  for (const [name, [tensor]] of Object.entries(outputs)) named[`output:${name}`] = tensor;
  for (const [index, { name }] of specs.entries()) {
    named[`gradient:${name}`] = gradients[index] as Tensor;
    named[`recomputed:${name}`] = recomputed[index] as Tensor;
  }
  const program = await compile(named, [...parameters.values(), ...fed.values()]);
  const weights = Object.fromEntries(specs.map(({ name }) => [name, unpack(golden.parameters[name] as Packed)]));
  const results = await program.run({ ...weights, ...feeds });
  await program.close();
  expect(Number(results['loss']?.data[0])).toBeCloseTo(golden.loss, 4);
  for (const [name, [, expected]] of Object.entries(outputs))
    expect(relativeError(results[`output:${name}`], unpack(expected)), name).toBeLessThan(1e-4);
  for (const { name } of specs) {
    const expected = unpack(golden.gradients[name] as Packed);
    for (const kind of ['gradient', 'recomputed']) {
      const gradient = results[`${kind}:${name}`];
      const values = Array.from(gradient?.data ?? [], Number);
      // the gradient of a key's bias is zero but for rounding
      if (name.endsWith('key.bias')) expect(Math.max(...values.map(Math.abs)), name).toBeLessThan(1e-5);
      else expect(relativeError(gradient, expected), `${kind} ${name}`).toBeLessThan(1e-4);
    }
  }
}

describe.each(['bert-pre-training', 'bert-masked-lm', 'bert-model'])('%s', (name) => {
  test('outputs, loss and gradients are those of the reference', async () => {
    const golden = read<EncoderGolden>(name);
    const model = readModelConfig(golden.config, name).model as EncoderModel;
    const rows = golden.mask.flat();
    const weights = rows.map((real) => real / rows.reduce((total, one) => total + one, 0));
    const feeds = {
      tokens: ids(golden.tokens),
      tokenTypes: ids(golden.types),
      mask: maskOf(golden),
      weights: floats(Float32Array.from(weights), [rows.length]),
      targets: integers(golden.targets ?? [], [golden.targets?.length ?? 0]),
      follows: integers(golden.follows ?? [], [golden.follows?.length ?? 0]),
    };
    await check(golden, model, feeds, (p, fed, pass) => {
      const [tokens, tokenTypes, mask] = ['tokens', 'tokenTypes', 'mask'].map(fed) as [Tensor, Tensor, Tensor];
      const hidden = model.encode(p, { tokens, tokenTypes, mask }, pass);
      const flat = reshape(hidden, [rows.length, 16]);
      const outputs: Record<string, [Tensor, Packed]> = { hidden: [hidden, golden.hidden] };
      const losses: Tensor[] = [];
      const pooled = model.pool?.(p, hidden);
      if (pooled !== undefined) outputs['pooled'] = [pooled, golden.pooled as Packed];
      const masked = model.maskedLogits?.(p, flat);
      if (masked !== undefined) {
        outputs['masked'] = [masked, golden.maskedLogits as Packed];
        losses.push(sum(mul(crossEntropy(masked, fed('targets')), fed('weights'))));
      }
      const next = pooled && model.nextSentenceLogits?.(p, pooled);
      if (next !== undefined) {
        outputs['next'] = [next, golden.nextSentenceLogits as Packed];
        losses.push(scale(sum(crossEntropy(next, fed('follows'))), 1 / 3));
      }
      if (losses.length === 0) {
        const perRow = scale(sum(mul(flat, flat), [1]), 1 / 16);
        losses.push(sum(mul(perRow, fed('weights'))), sum(pooled as Tensor));
      }
      return { loss: losses.reduce(add), outputs };
    });
  });
});

describe.each(['t5-relu-tied', 't5-gated-gelu-untied'])('%s', (name) => {
  test('hidden states, logits, loss and gradients are those of the reference', async () => {
    const golden = read<TranslatorGolden>(name);
    const model = readModelConfig(golden.config, name).model as EncoderDecoderModel;
    const weights = golden.weights.flat();
    const total = weights.reduce((a, b) => a + b);
    const feeds = {
      source: ids(golden.source),
      mask: maskOf(golden),
      shifted: ids(golden.shifted),
      targets: integers(golden.targets.flat(), [weights.length]),
      weights: floats(
        Float32Array.from(weights, (weight) => weight / total),
        [weights.length],
      ),
    };
    await check(golden, model, feeds, (p, fed, pass) => {
      const hidden = model.encode(p, { tokens: fed('source'), mask: fed('mask') }, pass);
      const logits = model.decode(p, fed('shifted'), { hidden, mask: fed('mask') }, pass);
      const loss = sum(mul(crossEntropy(logits, fed('targets')), fed('weights')));
      return { loss, outputs: { hidden: [hidden, golden.hidden], logits: [logits, golden.logits] } };
    });
  });
});

describe('published models', () => {
  const build = (config: Record<string, unknown>): Model => readModelConfig(config, 'published').model;
  const size = (config: Record<string, unknown>): number => parameterCount(build(config).parameters);
  const ofExample = (modelType: string): Record<string, unknown> => ({
    model_type: modelType,
    ...architectures.find((known) => known.modelType === modelType)?.example.config,
  });

  test('have as many parameters as published', () => {
    expect(size({ ...ofExample('bert'), architectures: ['BertModel'] })).toBe(109_482_240);
    expect(size({ ...ofExample('bert'), architectures: ['BertForPreTraining'] })).toBe(110_106_428);
    expect(size(ofExample('t5'))).toBe(60_506_624);
    expect(size(ofExample('mt5'))).toBe(300_176_768);
  });

  test('are refused by field where they would be read wrongly', () => {
    const refuse = (config: Record<string, unknown>) => expect(() => build(config));
    refuse({ ...ofExample('bert'), num_attention_heads: 7 }).toThrow('num_attention_heads: ');
    refuse({ ...ofExample('bert'), architectures: ['BertForQuestions'] }).toThrow('architectures');
    refuse({ ...ofExample('bert'), position_embedding_type: 'relative_key' }).toThrow('position_embedding_type: ');
    refuse({ ...ofExample('bert'), is_decoder: true }).toThrow('is_decoder: ');
    refuse({ ...ofExample('t5'), feed_forward_proj: 'swish' }).toThrow('feed_forward_proj: ');
  });
});

describe('dropout', () => {
  const probabilities = (build: (pass: Pass) => unknown): number[] => {
    const seen: number[] = [];
    build({ ...INFERENCE, training: true, dropout: (x, probability) => (seen.push(probability), x) });
    return seen;
  };
  const lookUp = (model: Model): Parameters => {
    const specs = new Map(model.parameters.map((spec) => [spec.name, input(spec.name, spec.shape)]));
    return (name) => specs.get(name) as Tensor;
  };
  const tokens = input('tokens', [2, 5], 'int64');
  const mask = input('mask', [2, 5]);

  test('BERT drops embeddings, attention weights and what each layer adds', () => {
    const { config } = read<EncoderGolden>('bert-model');
    const rates = { hidden_dropout_prob: 0.1, attention_probs_dropout_prob: 0.2 };
    const model = readModelConfig({ ...(config as object), ...rates }, 'bert').model as EncoderModel;
    const seen = probabilities((pass) => model.encode(lookUp(model), { tokens, mask }, pass));
    expect(seen).toEqual([0.1, 0.2, 0.1, 0.1, 0.2, 0.1, 0.1]);
  });

  test('T5 drops at every place of the reference', () => {
    const { config } = read<TranslatorGolden>('t5-relu-tied');
    const model = readModelConfig({ ...(config as object), dropout_rate: 0.3 }, 't5').model as EncoderDecoderModel;
    const p = lookUp(model);
    const seen = probabilities((pass) => {
      const hidden = model.encode(p, { tokens, mask }, pass);
      return model.decode(p, tokens, { hidden, mask }, pass);
    });
    // embeddings and last norm of each side; weights and sum of each attention, inner and sum of each feed-forward
    expect(seen).toEqual(Array.from({ length: 4 + 2 * 4 + 2 * 6 }, () => 0.3));
  });
});
