/** Stacks of recurrent layers against torch.nn (tests/golden/recurrent, made by make.py there). */
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { grad } from '../graph/grad.js';
import { mul } from '../graph/ops/arithmetic.js';
import { type RecurrentCell, stateCount } from '../graph/ops/recurrent.js';
import { sum } from '../graph/ops/reshape.js';
import { type Tensor, constant, input } from '../graph/tensor.js';
import { type Value, compile, floats, integers } from '../runtime/program.js';
import { INFERENCE } from './model.js';
import { type RecurrencePlan, recurrenceParameters, runRecurrence } from './recurrence.js';
import { readCausalModel } from './registry.js';

interface Packed {
  shape: number[];
  base64: string;
}
interface Golden {
  cell: RecurrentCell;
  sizes: Pick<RecurrencePlan, 'inputSize' | 'hiddenSize' | 'layers' | 'bidirectional'>;
  lengths: number[] | null;
  x: Packed;
  states: Packed[];
  weights: Packed;
  outputs: Packed;
  last: Packed[];
  parameters: Record<string, Packed>;
  gradients: Record<string, Packed> & { states: Packed[] };
}

const folder = new URL('../../../tests/golden/recurrent/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

function unpack({ base64, shape }: Packed): Value {
  return floats(new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer), shape);
}

function expectClose(actual: Value | undefined, expected: ArrayLike<number>, title: string): void {
  expect(actual?.data.length, title).toBe(expected.length);
  const largest = Math.max(1, ...Array.from(expected, Math.abs));
  const differences = Array.from(expected, (value, i) => Math.abs(value - Number(actual?.data[i])));
  expect(Math.max(...differences) / largest, title).toBeLessThan(2e-6);
}

/** torch stacks the states `[layers · directions, batch, hidden]`, one tensor a kind; ours are one by one. */
function statesApart(stacked: readonly Packed[]): Float32Array[] {
  const tensors = stacked.map((packed) => unpack(packed));
  const [count, batch, hidden] = (stacked[0] as Packed).shape as [number, number, number];
  const size = batch * hidden;
  return Array.from({ length: count }, (_, index) =>
    tensors.map(({ data }) => (data as Float32Array).subarray(index * size, (index + 1) * size)),
  ).flat();
}

describe.each(names)('%s', (name) => {
  test('outputs, last states and gradients are those of torch', async () => {
    const golden = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden;
    const batch = golden.x.shape[1] as number;
    const plan: RecurrencePlan = { module: 'layer', cell: golden.cell, ...golden.sizes };
    const specs = recurrenceParameters(plan);
    const torchName = (spec: string): string => spec.replace('layer.', '');
    expect(Object.fromEntries(specs.map((spec) => [torchName(spec.name), spec.shape]))).toEqual(
      Object.fromEntries(Object.entries(golden.parameters).map(([parameter, { shape }]) => [parameter, shape])),
    );
    const parameters = new Map(specs.map((spec) => [spec.name, input(spec.name, spec.shape)]));
    const x = input('x', golden.x.shape);
    const given = statesApart(golden.states);
    const states = given.map((_, i) => input(`state${i}`, [batch, plan.hiddenSize]));
    const lengths = golden.lengths === null ? undefined : input('lengths', [batch], 'int64');
    const result = runRecurrence((parameter) => parameters.get(parameter) as Tensor, plan, x, { states, lengths });
    const weights = unpack(golden.weights);
    const loss = sum(mul(result.hidden, constant(weights.data, weights.dims)));
    const sources = [x, ...states, ...parameters.values()];
    const gradients = Object.fromEntries(grad(loss, sources).map((tensor, i) => [`gradient${i}`, tensor]));
    const last = Object.fromEntries(result.states.map((state, i) => [`last${i}`, state]));
    const program = await compile({ hidden: result.hidden, ...last, ...gradients }, [
      ...sources,
      ...(lengths === undefined ? [] : [lengths]),
    ]);
    const results = await program.run({
      x: unpack(golden.x),
      ...Object.fromEntries(given.map((data, i) => [`state${i}`, floats(data, [batch, plan.hiddenSize])])),
      ...Object.fromEntries(
        specs.map((spec) => [spec.name, unpack(golden.parameters[torchName(spec.name)] as Packed)]),
      ),
      lengths: integers(golden.lengths ?? [], [batch]),
    });
    await program.close();
    expectClose(results['hidden'], unpack(golden.outputs).data as Float32Array, 'outputs');
    for (const [i, data] of statesApart(golden.last).entries()) expectClose(results[`last${i}`], data, `last ${i}`);
    const expected = [
      unpack(golden.gradients['x'] as Packed).data as Float32Array,
      ...statesApart(golden.gradients.states),
      ...specs.map((spec) => unpack(golden.gradients[torchName(spec.name)] as Packed).data as Float32Array),
    ];
    for (const [i, data] of expected.entries()) expectClose(results[`gradient${i}`], data, `gradient ${i}`);
    expect(given.length).toBe(plan.layers * (plan.bidirectional ? 2 : 1) * stateCount(plan.cell));
  });
});

const SIZES = { vocab_size: 12, embedding_size: 6, hidden_size: 8, num_layers: 2 };
const tokensOf = (time: number): Tensor => input('tokens', [2, time], 'int64');

test.each(['text_generator', 'gru', 'rnn'])('%s: two chunks with the state carried are one sequence', async (kind) => {
  const { model } = readCausalModel({ model_type: kind, ...SIZES }, 'test');
  const inputs = new Map(model.parameters.map(({ name, shape }) => [name, input(name, shape)]));
  const feeds = Object.fromEntries(
    model.parameters.map(({ name, shape }) => {
      const length = shape.reduce((a, b) => a * b);
      return [
        name,
        floats(
          Float32Array.from({ length }, (_, i) => Math.sin(i * 1.7) * 0.4),
          shape,
        ),
      ];
    }),
  );
  const rows = [
    [1, 2, 3, 4, 5, 6],
    [7, 8, 9, 10, 11, 0],
  ];
  const run = async (from: number, to: number, carried?: Value[]) => {
    const tokens = tokensOf(to - from);
    const states = carried?.map((value, i) => input(`carried${i}`, value.dims));
    const outputs = model.forward(
      (name) => inputs.get(name) as Tensor,
      { tokens, ...(states && { states }) },
      INFERENCE,
    );
    const next = Object.fromEntries(outputs.states.map((state, i) => [`next${i}`, state]));
    const program = await compile({ logits: outputs.logits, ...next }, [tokens, ...(states ?? []), ...inputs.values()]);
    const results = await program.run({
      ...feeds,
      ...Object.fromEntries((carried ?? []).map((value, i) => [`carried${i}`, value])),
      tokens: integers(
        rows.flatMap((row) => row.slice(from, to)),
        [2, to - from],
      ),
    });
    await program.close();
    return {
      logits: results['logits']?.data as Float32Array,
      states: outputs.states.map((_, i) => results[`next${i}`] as Value),
    };
  };
  const whole = await run(0, 6);
  const first = await run(0, 3);
  const second = await run(3, 6, first.states);
  const width = 3 * SIZES.vocab_size;
  for (const row of [0, 1]) {
    const expected = whole.logits.subarray((2 * row + 1) * width, (2 * row + 2) * width);
    const actual = second.logits.subarray(row * width, (row + 1) * width);
    expectClose(floats(actual, [width]), expected, `row ${row}`);
  }
});

test('a model of one direction sees nothing of what comes after; big_model with is_causal false does', async () => {
  const reach = async (config: object): Promise<number> => {
    const { model } = readCausalModel({ ...SIZES, num_attention_heads: 2, ...config }, 'test');
    const inputs = new Map(model.parameters.map(({ name, shape }) => [name, input(name, shape)]));
    const tokens = tokensOf(4);
    const { logits } = model.forward((name) => inputs.get(name) as Tensor, { tokens }, INFERENCE);
    const program = await compile({ logits }, [tokens, ...inputs.values()]);
    const feeds = Object.fromEntries(
      model.parameters.map(({ name, shape }) => {
        const length = shape.reduce((a, b) => a * b);
        return [
          name,
          floats(
            Float32Array.from({ length }, (_, i) => Math.sin(i * 2.3)),
            shape,
          ),
        ];
      }),
    );
    const firstLogit = async (last: number): Promise<number> => {
      const results = await program.run({ ...feeds, tokens: integers([1, 2, 3, last, 5, 6, 7, 8], [2, 4]) });
      return Number(results['logits']?.data[0]);
    };
    const difference = Math.abs((await firstLogit(4)) - (await firstLogit(9)));
    await program.close();
    return difference;
  };
  expect(await reach({ model_type: 'big_model' })).toBe(0);
  expect(await reach({ model_type: 'big_model', is_causal: false })).toBeGreaterThan(1e-6);
});

test('what cannot be done is refused in one line', () => {
  const { model } = readCausalModel({ model_type: 'gru', ...SIZES }, 'test');
  const tokens = tokensOf(4);
  const packing = { segments: tokensOf(4), positions: tokensOf(4) };
  expect(() => model.forward((name) => input(name, [1]), { tokens, packing }, INFERENCE)).toThrow(/several documents/);
  expect(() => readCausalModel({ model_type: 'big_model', ...SIZES, num_attention_heads: 3 }, 'config.json')).toThrow(
    'config.json: num_attention_heads: it does not divide hidden_size',
  );
});
