/** Loss, margins and gradients against PyTorch (tests/golden/preference/make.py), and what training does to preferences. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { twoMatrices, weightsFor } from '../../../../tests/golden/preference/two-matrices.js';
import { type Value, floats, integers } from '../../runtime/program.js';
import { compileObjective, gradientName } from '../objective.js';
import {
  type PreferencePair,
  preferenceBatch,
  preferenceObjective,
  preferenceTask,
  referenceLogProbabilities,
} from './dpo.js';

interface Golden {
  readonly vocabulary: number;
  readonly width: number;
  readonly time: number;
  readonly pairs: number;
  readonly policy: number[][];
  readonly reference: number[][];
  readonly tokens: number[][];
  readonly targets: number[][];
  readonly learned: number[][];
  readonly referenceLogProbabilities: number[];
  readonly cases: readonly { beta: number; loss: number; margins: number[]; gradients: number[][] }[];
}
const file = new URL('../../../../tests/golden/preference/preference.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
const { vocabulary, width, time, pairs: pairCount } = golden;
const model = twoMatrices(vocabulary, width);
const shape = { pairCount, sequenceLength: time };
const numbers = (value: Value | undefined): number[] => Array.from(value?.data ?? [], Number);

function expectClose(actual: readonly number[], expected: readonly number[], digits = 5): void {
  expect(actual).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, digits);
}

test.each(golden.cases)('beta $beta: as PyTorch', async ({ beta, loss, margins, gradients }) => {
  const { program } = await compileObjective(
    model.parameters,
    model.parameters,
    preferenceObjective(model, shape, beta),
  );
  const rows = 2 * pairCount;
  const results = await program.run({
    ...Object.fromEntries(weightsFor(model, golden.policy)),
    tokens: integers(golden.tokens.flat(), [rows, time]),
    targets: integers(golden.targets.flat(), [rows * time]),
    learned: floats(Float32Array.from(golden.learned.flat()), [rows * time]),
    reference: floats(Float32Array.from(golden.referenceLogProbabilities), [rows]),
    weights: floats(new Float32Array(pairCount).fill(1 / pairCount), [pairCount]),
  });
  await program.close();
  expectClose(numbers(results['loss']), [loss]);
  expectClose(numbers(results['margins']), margins, 4);
  for (const [i, { name }] of model.parameters.entries())
    expectClose(numbers(results[gradientName(name)]), gradients[i] ?? []);
});

/** The rows of the golden file as pairs: its learned targets follow its tokens here too where every token is kept. */
const pairOf = (id: string, asked: number, chosen: number, rejected: number): PreferencePair => {
  const answer = (token: number) => ({ tokens: Int32Array.of(asked, token, 0), mask: Uint8Array.of(0, 1, 1) });
  return { id, origin: `x:${id}`, chosen: answer(chosen), rejected: answer(rejected) };
};
const pairs = [pairOf('1', 1, 2, 3), pairOf('2', 4, 5, 6), pairOf('3', 7, 8, 9)];
const options = { ...shape, fillToken: 10, beta: 0.5, seed: 1 };

test('the reference is what the model gives to the answers, whatever stands beside them in a batch', async () => {
  const weights = weightsFor(model, golden.reference);
  const together = await referenceLogProbabilities(model, weights, pairs, options);
  for (const [i, pair] of pairs.entries()) {
    const alone = await referenceLogProbabilities(model, weights, [pair], { ...options, pairCount: 1 });
    expect(together.chosen[i]).toBeCloseTo(alone.chosen[0] ?? 0, 5);
    expect(together.rejected[i]).toBeCloseTo(alone.rejected[0] ?? 0, 5);
  }
  expect(together.chosen[0]).toBeLessThan(0);
});

test('a model that is still the reference loses log 2 a pair, also in a batch that is not full', async () => {
  const weights = weightsFor(model, golden.policy);
  const reference = await referenceLogProbabilities(model, weights, pairs, options);
  const referenced = { pairs, reference };
  const task = preferenceTask(model, { train: referenced, heldOut: referenced }, options);
  const { program } = await compileObjective(model.parameters, [], task.objective);
  const batches = [...task.heldOut(), preferenceBatch(referenced, [0], options)];
  expect(batches.map(({ counted }) => [...counted])).toEqual([
    [1, 1],
    [1, 0],
    [1, 0],
  ]);
  for (const { feeds, counted } of batches) {
    const total = counted.reduce((a, b) => a + b);
    const fed = {
      ...feeds,
      weights: floats(
        counted.map((count) => count / total),
        [pairCount],
      ),
    };
    const { loss } = await program.run({ ...Object.fromEntries(weights), ...fed });
    expect(Number(loss?.data[0])).toBeCloseTo(Math.LN2, 5);
  }
  await program.close();
});
