import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { type FloatArray, allocationBytes, createKernels, createLeastHashes } from './kernels.js';

const lengths = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1000];

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

  test('sgdMomentum is the textbook formula', () => {
    const { kernels, rng } = make();
    const parameter = filled(kernels, length, rng);
    const gradient = filled(kernels, length, rng);
    const momentum = filled(kernels, length, rng);
    const [values, buffers] = [parameter, momentum].map((array) => Array.from(array.view()));
    const rates = { learningRate: 0.1, factor: 0.9, weightDecay: 0.01, gradientScale: 0.5 };
    kernels.sgdMomentum({ parameter, gradient, momentum, ...rates });
    for (let i = 0; i < length; i++) {
      const value = values?.[i] as number;
      const buffer = 0.9 * (buffers?.[i] as number) + 0.5 * (gradient.view()[i] as number) + 0.01 * value;
      expect(momentum.view()[i]).toBeCloseTo(buffer, 5);
      expect(parameter.view()[i]).toBeCloseTo(value - 0.1 * buffer, 5);
    }
  });

  test('axpy and scale', () => {
    const { kernels, rng } = make();
    const into = filled(kernels, length, rng);
    const from = filled(kernels, length, rng);
    const expected = into.view().map((y, i) => (y + 0.25 * (from.view()[i] as number)) * -3);
    kernels.axpy({ into, from, factor: 0.25 });
    kernels.scale(into, -3);
    for (let i = 0; i < length; i++) expect(into.view()[i]).toBeCloseTo(expected[i] as number, 5);
  });

  test('sumOfSquares', () => {
    const { kernels, rng } = make();
    const array = filled(kernels, length, rng);
    const expected = array.view().reduce((total, x) => total + x * x, 0);
    expect(kernels.sumOfSquares(array)).toBeCloseTo(expected, 6);
  });
});

test.each([0, 2, 4])('not-a-number at %i spreads to its own element and no other', (at) => {
  const kernels = createKernels(allocationBytes([5, 5, 5, 5, 5]));
  const fresh = (): FloatArray => kernels.allocate(5);
  const [parameter, gradient, first, second, update] = [fresh(), fresh(), fresh(), fresh(), fresh()];
  gradient.view()[at] = Number.NaN;
  expect(kernels.sumOfSquares(gradient)).toBeNaN();
  const rates = { learningRate: 0.1, weightDecay: 0, gradientScale: 1 };
  const betas = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, step: 1 };
  const isBroken = (array: FloatArray): void =>
    expect(Array.from(array.view(), Number.isNaN)).toEqual([0, 1, 2, 3, 4].map((i) => i === at));
  kernels.adamw({ parameter, gradient, firstMoment: first, secondMoment: second, ...betas, ...rates });
  for (const array of [parameter, first, second]) isBroken(array);
  for (const array of [parameter, first]) array.view().fill(0);
  kernels.sgdMomentum({ parameter, gradient, momentum: first, factor: 0.9, ...rates });
  for (const array of [parameter, first]) isBroken(array);
  for (const array of [parameter, first]) array.view().fill(0);
  kernels.nesterovMomentum({ gradient, momentum: first, update, factor: 0.9 });
  kernels.decayAndAdd({ parameter, update, decay: 0.5, factor: 1 });
  for (const array of [first, update, parameter]) isBroken(array);
  parameter.view().fill(0);
  kernels.axpy({ into: parameter, from: gradient, factor: 0 });
  kernels.scale(parameter, 2);
  isBroken(parameter);
});

test('neighbours of an array are left alone, and a part shares its numbers', () => {
  const kernels = createKernels(allocationBytes([12]));
  const whole = kernels.allocate(12);
  whole.view().fill(1);
  kernels.scale(whole.part(3, 6), 2);
  expect(Array.from(whole.view())).toEqual([1, 1, 1, 2, 2, 2, 2, 2, 2, 1, 1, 1]);
  expect(() => whole.part(7, 6)).toThrow(RangeError);
});

test('the sum of squares is exact where float32 would lose everything', () => {
  const kernels = createKernels(allocationBytes([4001]));
  const array = kernels.allocate(4001);
  array.view().fill(1e-3);
  array.view()[0] = 1e4;
  const small = Math.fround(1e-3);
  expect(kernels.sumOfSquares(array)).toBeCloseTo(1e8 + 4000 * small * small, 4);
});

test('more than was asked for is refused, and so are unequal lengths and step 0', () => {
  const kernels = createKernels(64);
  const small = kernels.allocate(3);
  expect(() => kernels.allocate(1 << 20)).toThrow(/used up/);
  expect(kernels.allocate(3).pointer).toBe(small.pointer + 16);
  expect(() => kernels.allocate(-1)).toThrow(RangeError);
  expect(() => kernels.decayAndAdd({ parameter: small, update: small.part(0, 2), decay: 0, factor: 1 })).toThrow(
    RangeError,
  );
  expect(() => createKernels(2 ** 33)).toThrow(/4 GiB/);
});

interface GoldenRun {
  settings: Record<string, number>;
  start: number[];
  gradients: number[][];
  parameters: number[][];
}

/** tests/golden/optimizers/make.py wrote these with torch.optim. */
const golden = JSON.parse(
  readFileSync(new URL('../../../tests/golden/optimizers/optimizers.json', import.meta.url), 'utf8'),
) as { adamw: GoldenRun[]; sgd: GoldenRun[] };

function expectClose(actual: Float32Array, expected: readonly number[]): void {
  for (const [i, value] of expected.entries()) {
    expect(Math.abs((actual[i] as number) - value)).toBeLessThanOrEqual(2e-6 * Math.max(Math.abs(value), 0.1));
  }
}

test.each(golden.adamw)('adamw takes the steps of torch.optim.AdamW: $settings', ({ settings, start, ...run }) => {
  const { length } = start;
  const kernels = createKernels(allocationBytes([length, length, length, length]));
  const parameter = kernels.allocate(length);
  const gradient = kernels.allocate(length);
  const moments = { firstMoment: kernels.allocate(length), secondMoment: kernels.allocate(length) };
  parameter.view().set(start);
  const { learningRate = 0, beta1 = 0, beta2 = 0, epsilon = 0, weightDecay = 0 } = settings;
  const rates = { learningRate, beta1, beta2, epsilon, weightDecay, gradientScale: 1 };
  for (const [index, values] of run.gradients.entries()) {
    gradient.view().set(values);
    kernels.adamw({ parameter, gradient, ...moments, ...rates, step: index + 1 });
    expectClose(parameter.view(), run.parameters[index] ?? []);
  }
});

test.each(golden.sgd)('sgdMomentum takes the steps of torch.optim.SGD: $settings', ({ settings, start, ...run }) => {
  const { length } = start;
  const kernels = createKernels(allocationBytes([length, length, length]));
  const [parameter, gradient, momentum] = [
    kernels.allocate(length),
    kernels.allocate(length),
    kernels.allocate(length),
  ];
  parameter.view().set(start);
  const { learningRate = 0, factor = 0, weightDecay = 0 } = settings;
  for (const [index, values] of run.gradients.entries()) {
    gradient.view().set(values);
    kernels.sgdMomentum({ parameter, gradient, momentum, learningRate, factor, weightDecay, gradientScale: 1 });
    expectClose(parameter.view(), run.parameters[index] ?? []);
  }
});

describe('bernoulli', () => {
  const draw = (probability: number, seed: number, length = 25_000): Uint8Array => {
    const kernels = createKernels(allocationBytes([length]));
    const into = kernels.allocate(length);
    kernels.bernoulli({ into, probability, seed });
    const view = into.view();
    return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  };

  test.each([0, 0.1, 0.5, 0.9])('%d of the bytes are 1, the others 0', (probability) => {
    const bytes = draw(probability, 7);
    expect(bytes.every((byte) => byte <= 1)).toBe(true);
    const share = bytes.reduce((total, byte) => total + byte, 0) / bytes.length;
    // five standard deviations of a binomial share over 100,000 draws
    expect(Math.abs(share - probability)).toBeLessThan(5 * Math.sqrt(0.25 / bytes.length));
  });

  test('equal seeds draw the same, neighbouring seeds and neighbouring bytes independently', () => {
    const [a, same, b] = [draw(0.5, 1), draw(0.5, 1), draw(0.5, 2)];
    expect(a).toEqual(same);
    const agreement = (x: Uint8Array, y: Uint8Array): number =>
      y.reduce((total, byte, i) => total + Number(byte === x[i]), 0) / y.length;
    expect(Math.abs(agreement(a, b) - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(agreement(a, a.subarray(1)) - 0.5)).toBeLessThan(0.01);
    expect(Math.abs(agreement(a, a.subarray(2)) - 0.5)).toBeLessThan(0.01);
  });
});

test('leastHashes is the least of every hash, unsigned, over any number of numbers', () => {
  const rng = Rng.fromSeed(11);
  const factors = Int32Array.from({ length: 112 }, () => rng.uint32() | 1);
  const offsets = Int32Array.from({ length: 112 }, () => rng.uint32());
  const leastHashes = createLeastHashes(factors, offsets);
  for (const count of [0, 1, 7, 16_384, 16_385, 40_000]) {
    const numbers = Uint32Array.from({ length: count }, () => rng.uint32());
    const least = new Uint32Array(112).fill(0xffffffff);
    leastHashes(numbers, least);
    for (const f of [0, 1, 63, 111]) {
      const expected = numbers.reduce((so, number) => {
        const product = Math.imul(number ^ (offsets[f] as number), factors[f] as number);
        return Math.min(so, (product ^ (product >>> 15)) >>> 0);
      }, 0xffffffff);
      expect([count, f, least[f]]).toEqual([count, f, expected]);
    }
  }
});
