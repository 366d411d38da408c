/** Loss and gradients against PyTorch (tests/golden/preference/make.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { twoMatrices, weightsFor } from '../../../../tests/golden/preference/two-matrices.js';
import { type Value, floats, integers } from '../../runtime/program.js';
import { compileObjective, gradientName } from '../objective.js';
import { distillationObjective, teacherFeeds, withProjection } from './distillation.js';
import { allOf } from './trainable-weights.js';

interface Golden {
  readonly vocabulary: number;
  readonly width: number;
  readonly teacherWidth: number;
  readonly time: number;
  readonly rows: number;
  readonly student: number[][];
  readonly teacher: number[][];
  readonly projection: number[];
  readonly tokens: number[][];
  readonly targets: number[][];
  readonly learned: number[][];
  readonly cases: readonly {
    alpha: number;
    temperature: number;
    hiddenWeight: number;
    loss: number;
    gradients: number[][];
  }[];
}
const file = new URL('../../../../tests/golden/preference/distillation.json', import.meta.url);
const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
const student = twoMatrices(golden.vocabulary, golden.width);
const teacher = twoMatrices(golden.vocabulary, golden.teacherWidth);
const numbers = (value: Value | undefined): number[] => Array.from(value?.data ?? [], Number);

test.each(golden.cases)(
  'alpha $alpha, temperature $temperature, hidden states $hiddenWeight: as PyTorch',
  async (settings) => {
    const { rows, time } = golden;
    const shape = { batchSize: rows, sequenceLength: time, packed: false };
    const weights = weightsFor(student, golden.student);
    const withHidden = withProjection(allOf(student, weights), { student, teacher, seed: 1 });
    const specs = withHidden.trained.map(({ spec }) => spec);
    const used = settings.hiddenWeight > 0 ? specs : student.parameters;
    const objective = distillationObjective(student, teacher, shape, settings);
    const { program } = await compileObjective(specs, used, objective);
    const learned = golden.learned.flat();
    const count = learned.reduce((a, b) => a + b);
    const results = await program.run({
      ...Object.fromEntries(weights),
      ...Object.fromEntries(teacherFeeds({ model: teacher, weights: weightsFor(teacher, golden.teacher) })),
      [specs.at(-1)?.name ?? '']: floats(Float32Array.from(golden.projection), specs.at(-1)?.shape ?? []),
      tokens: integers(golden.tokens.flat(), [rows, time]),
      targets: integers(golden.targets.flat(), [rows * time]),
      weights: floats(
        Float32Array.from(learned, (each) => each / count),
        [rows * time],
      ),
    });
    await program.close();
    expect(Number(results['loss']?.data[0])).toBeCloseTo(settings.loss, 4);
    for (const [i, { name }] of used.entries()) {
      const actual = numbers(results[gradientName(name)]);
      expect(actual).toHaveLength(settings.gradients[i]?.length ?? 0);
      for (const [at, expected] of (settings.gradients[i] ?? []).entries()) expect(actual[at]).toBeCloseTo(expected, 5);
    }
  },
);
