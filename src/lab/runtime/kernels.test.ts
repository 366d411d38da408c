import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { type FloatArray, allocationBytes, createKernels } from './kernels.js';

const lengths = [0, 1, 2, 3, 4, 5, 7, 8, 9, 1000];

function filled(kernels: ReturnType<typeof createKernels>, length: number, rng: Rng, positive = false): FloatArray {
  const array = kernels.allocate(length);
  const view = array.view();
  for (let i = 0; i < length; i++) view[i] = positive ? rng.uniform() : rng.normal();
  return array;
}

describe.each(lengths)('%i elements', (length) => {
  const make = () => ({
    kernels: createKernels(allocationBytes(Array.from({ length: 6 }, () => length))),
    rng: Rng.fromSeed(length),
  });

  test('adamw is the textbook formula', () => {
    const { kernels, rng } = make();
    const parameter = filled(kernels, length, rng);
    const gradient = filled(kernels, length, rng);
    const firstMoment = filled(kernels, length, rng);
    const secondMoment = filled(kernels, length, rng, true);
    const before = [parameter, firstMoment, secondMoment].map((array) => Array.from(array.view()));
    const settings = {
      learningRate: 0.01,
      beta1: 0.8,
      beta2: 0.95,
      epsilon: 1e-8,
      weightDecay: 0.1,
      gradientScale: 0.5,
      step: 3,
    };
    kernels.adamw({ parameter, gradient, firstMoment, secondMoment, ...settings });
    for (let i = 0; i < length; i++) {
      const g = (gradient.view()[i] as number) * 0.5;
      const m = 0.8 * (before[1]?.[i] as number) + 0.2 * g;
      const v = 0.95 * (before[2]?.[i] as number) + 0.05 * g * g;
      const step = (0.01 * (m / (1 - 0.8 ** 3))) / (Math.sqrt(v / (1 - 0.95 ** 3)) + 1e-8);
      expect(parameter.view()[i]).toBeCloseTo((before[0]?.[i] as number) * (1 - 0.001) - step, 5);
      expect(firstMoment.view()[i]).toBeCloseTo(m, 5);
      expect(secondMoment.view()[i]).toBeCloseTo(v, 5);
    }
  });

  test('nesterovMomentum and decayAndAdd', () => {
    const { kernels, rng } = make();
    const [gradient, momentum, update, parameter] = [0, 1, 2, 3].map(() =>
      filled(kernels, length, rng),
    ) as FloatArray[] & [FloatArray, FloatArray, FloatArray, FloatArray];
    const before = Array.from(momentum.view());
    const values = Array.from(parameter.view());
    kernels.nesterovMomentum({ gradient, momentum, update, factor: 0.95 });
    kernels.decayAndAdd({ parameter, update, decay: 0.25, factor: -2 });
    for (let i = 0; i < length; i++) {
      const g = gradient.view()[i] as number;
      const buffer = 0.95 * (before[i] as number) + 0.05 * g;
      expect(momentum.view()[i]).toBeCloseTo(buffer, 5);
      expect(update.view()[i]).toBeCloseTo(0.05 * g + 0.95 * buffer, 5);
      expect(parameter.view()[i]).toBeCloseTo(0.75 * (values[i] as number) - 2 * (update.view()[i] as number), 5);
    }
  });

  test('sumOfSquares', () => {
    const { kernels, rng } = make();
    const array = filled(kernels, length, rng);
    const expected = array.view().reduce((total, x) => total + x * x, 0);
    expect(kernels.sumOfSquares(array)).toBeCloseTo(expected, 6);
  });
});

test('not-a-number is not lost', () => {
  const kernels = createKernels(64);
  const array = kernels.allocate(5);
  array.view()[4] = Number.NaN;
  expect(kernels.sumOfSquares(array)).toBeNaN();
});

test('more than was asked for is refused, and so are unequal lengths', () => {
  const kernels = createKernels(64);
  const small = kernels.allocate(3);
  expect(() => kernels.allocate(1 << 20)).toThrow(/used up/);
  expect(() => kernels.decayAndAdd({ parameter: small, update: small.part(0, 2), decay: 0, factor: 1 })).toThrow(
    RangeError,
  );
  expect(() => createKernels(2 ** 33)).toThrow(/4 GiB/);
});
