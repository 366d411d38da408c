/**
 * Every golden file of tests/golden/models (made by make.py there with Hugging Face transformers): logits, loss and
 * every gradient of tiny random models, and the step-by-step form against the whole-sequence form.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grad } from '../graph/grad.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { mean } from '../graph/ops/reduce.js';
import { type Tensor, input } from '../graph/tensor.js';
import { type Value, compile, floats, integers } from '../runtime/program.js';
import { INFERENCE } from './model.js';
import { readCausalModel } from './registry.js';

interface Packed {
  shape: number[];
  base64: string;
}
interface Golden {
  config: unknown;
  tokens: number[][];
  logits: Packed;
  loss: number;
  parameters: Record<string, Packed>;
  gradients: Record<string, Packed>;
}

const folder = new URL('../../../tests/golden/models/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

function unpack({ base64, shape }: Packed): Value {
  const bytes = Buffer.from(base64, 'base64');
  return floats(new Float32Array(new Uint8Array(bytes).buffer), shape);
}

/** The largest difference, relative to the largest expected value. */
function relativeError(actual: Value | undefined, expected: Value): number {
  const a = Array.from(actual?.data ?? [], Number);
  const b = Array.from(expected.data, Number);
  expect(a.length).toBe(b.length);
  const largest = Math.max(...b.map(Math.abs));
  return Math.max(...a.map((value, i) => Math.abs(value - (b[i] as number)))) / largest;
}

function load(name: string) {
  const golden = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden;
  const { model } = readCausalModel(golden.config, name);
  const { config, parameters: specs } = model;
  const inputs = new Map(specs.map((spec) => [spec.name, input(spec.name, spec.shape)]));
  const feeds = Object.fromEntries(specs.map((spec) => [spec.name, unpack(golden.parameters[spec.name] as Packed)]));
  const lookUp = (parameter: string): Tensor => inputs.get(parameter) as Tensor;
  return { golden, model, config, specs, inputs, feeds, lookUp };
}

describe.each(names)('%s', (name) => {
  const { golden, model, config, specs, inputs, feeds, lookUp } = load(name);

  test('parameters have the names and shapes of the reference', () => {
    const expected = Object.entries(golden.parameters).map(([parameter, { shape }]) => [parameter, shape]);
    expect(Object.fromEntries(specs.map((spec) => [spec.name, spec.shape]))).toEqual(Object.fromEntries(expected));
  });

  test('logits, loss and gradients are those of the reference', async () => {
    const rows = golden.tokens.map((row) => row.slice(0, -1));
    const time = rows[0]?.length as number;
    const tokens = input('tokens', [rows.length, time], 'int64');
    const targets = input('targets', [rows.length * time], 'int64');
    const { logits } = model.forward(lookUp, { tokens }, INFERENCE);
    const loss = mean(crossEntropy(logits, targets));
    const gradients = grad(loss, [...inputs.values()]);
    const outputs: Record<string, Tensor> = { logits, loss };
    for (const [i, spec] of specs.entries()) outputs[`gradient:${spec.name}`] = gradients[i] as Tensor;
    const program = await compile({ ...outputs }, [tokens, targets, ...inputs.values()]);
    const results = await program.run({
      ...feeds,
      tokens: integers(rows.flat(), [rows.length, time]),
      targets: integers(
        golden.tokens.flatMap((row) => row.slice(1)),
        [rows.length * time],
      ),
    });
    expect(relativeError(results['logits'], unpack(golden.logits))).toBeLessThan(1e-5);
    expect(Number(results['loss']?.data[0])).toBeCloseTo(golden.loss, 5);
    for (const spec of specs) {
      const error = relativeError(results[`gradient:${spec.name}`], unpack(golden.gradients[spec.name] as Packed));
      expect(error, spec.name).toBeLessThan(1e-4);
    }
    await program.close();
  });

  test('prefill, then one token at a time, gives the same logits', async () => {
    const row = (golden.tokens[0] as number[]).slice(0, -1);
    const expected = unpack({ ...golden.logits });
    const vocabulary = config.vocab_size;
    const at = (position: number): Value =>
      floats(
        Float32Array.from(expected.data.slice(position * vocabulary, (position + 1) * vocabulary) as Float32Array),
        [1, vocabulary],
      );
    const steps = await stepPrograms(name);
    const prefixLength = 3;
    let logits = await steps.prefill(row.slice(0, prefixLength));
    expect(relativeError(logits, at(prefixLength - 1))).toBeLessThan(1e-4);
    for (let position = prefixLength; position < row.length; position++) {
      logits = await steps.decode(row[position] as number);
      expect(relativeError(logits, at(position))).toBeLessThan(1e-4);
    }
    await steps.close();
  });
});

/** The serving forms with the plainest of caches: everything copied, one sequence. */
async function stepPrograms(name: string) {
  const { model, inputs, feeds, lookUp } = load(name);
  const { layerCount, keyValueHeads, headSize, states: stateShapes } = model.cacheShape;
  const pastMask = input('pastMask', ['batch', 1, 1, 'past']);
  const cacheInputs = Array.from({ length: layerCount }, (_, layer) => ({
    keys: input(`keys${layer}`, ['batch', keyValueHeads, 'past', headSize]),
    values: input(`values${layer}`, ['batch', keyValueHeads, 'past', headSize]),
  }));
  const build = async (time: 'time' | 1) => {
    const batch = time === 1 ? 'batch' : 1;
    const tokens = input('tokens', [batch, time], 'int64');
    const positions = input('positions', [batch, time], 'int64');
    const causalMask = input('causalMask', ['time', 'time']);
    const lastRow = input('lastRow', [1], 'int64');
    const states = stateShapes.map((shape, i) => input(`state${i}`, [batch, ...shape]));
    const mask = time === 1 ? pastMask : input('pastMask', [1, 1, 1, 'past']);
    const cache =
      time === 1
        ? cacheInputs
        : cacheInputs.map(({ keys, values }) => ({ keys: oneRow(keys), values: oneRow(values) }));
    const stepInputs = {
      tokens,
      positions,
      pastMask: mask,
      cache,
      states,
      ...(time === 1 ? {} : { prefill: { causalMask, lastRow } }),
    };
    const outputs = model.step(lookUp, stepInputs);
    const named: Record<string, Tensor> = { logits: outputs.logits };
    for (const [layer, row] of outputs.cache.entries()) {
      named[`newKeys${layer}`] = row.keys;
      named[`newValues${layer}`] = row.values;
    }
    for (const [i, state] of outputs.states.entries()) named[`newState${i}`] = state;
    const all = [
      ...states,
      tokens,
      positions,
      mask,
      causalMask,
      lastRow,
      ...cache.flatMap((c) => [c.keys, c.values]),
      ...inputs.values(),
    ];
    return compile(named, all);
  };
  const programs = { prefill: await build('time'), decode: await build(1) };
  const stateValues = stateShapes.map((shape) =>
    floats(new Float32Array(shape.reduce((product, size) => product * size, 1)), [1, ...shape]),
  );
  const capacity = 10;
  let length = 0;
  const caches = Array.from({ length: layerCount * 2 }, () => new Float32Array(keyValueHeads * capacity * headSize));
  const run = async (program: (typeof programs)['prefill'], tokens: readonly number[]): Promise<Value> => {
    const time = tokens.length;
    const mask = Float32Array.from({ length: capacity }, (_, i) => (i < length ? 0 : -1e9));
    const causal = Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0));
    const cacheFeeds = Object.fromEntries(
      caches.map((data, i) => [
        `${i % 2 === 0 ? 'keys' : 'values'}${i >> 1}`,
        floats(data, [1, keyValueHeads, capacity, headSize]),
      ]),
    );
    const results = await program.run({
      ...feeds,
      ...cacheFeeds,
      ...Object.fromEntries(stateValues.map((value, i) => [`state${i}`, value])),
      tokens: integers(tokens, [1, time]),
      positions: integers(
        tokens.map((_, i) => length + i),
        [1, time],
      ),
      pastMask: floats(mask, [1, 1, 1, capacity]),
      causalMask: floats(causal, [time, time]),
      lastRow: integers([time - 1], [1]),
    });
    for (const [i, data] of caches.entries()) {
      const rows = results[`${i % 2 === 0 ? 'newKeys' : 'newValues'}${i >> 1}`]?.data as Float32Array;
      for (let head = 0; head < keyValueHeads; head++) {
        data.set(
          rows.subarray(head * time * headSize, (head + 1) * time * headSize),
          (head * capacity + length) * headSize,
        );
      }
    }
    for (const i of stateValues.keys()) stateValues[i] = results[`newState${i}`] as Value;
    length += time;
    return results['logits'] as Value;
  };
  return {
    prefill: (tokens: readonly number[]) => run(programs.prefill, tokens),
    decode: (token: number) => run(programs.decode, [token]),
    close: async () => {
      await programs.prefill.close();
      await programs.decode.close();
    },
  };
}

function oneRow(tensor: Tensor): Tensor {
  return input(tensor.attributes['name'] as string, [1, ...tensor.shape.slice(1)]);
}
