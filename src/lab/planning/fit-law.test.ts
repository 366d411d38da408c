import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { checkLargest } from './check-law.js';
import { type LawPoint, fitLaw, predictLoss } from './fit-law.js';
import { type ScalingLaw, bestParameters, effectiveTokens, lossAt } from './scaling-law.js';

/** As published: Hoffmann et al. 2022, Besiroglu et al. 2024, Muennighoff et al. 2023. */
const LAWS: readonly ScalingLaw[] = [
  { floor: 1.69, parameterFactor: 406.4, parameterExponent: 0.34, tokenFactor: 410.7, tokenExponent: 0.28 },
  { floor: 1.8172, parameterFactor: 482.01, parameterExponent: 0.3478, tokenFactor: 2085.43, tokenExponent: 0.3658 },
  { floor: 1.87, parameterFactor: 521, parameterExponent: 0.3527, tokenFactor: 1488, tokenExponent: 0.3527 },
];
const PLENTY = 1e15;

function runsOf(
  law: ScalingLaw,
  sizes: readonly number[],
  lengths: readonly number[],
  noise: number,
  rng: Rng,
): LawPoint[] {
  return sizes.flatMap((parameters) =>
    lengths.map((tokens) => ({
      name: `${parameters}-${tokens}`,
      parameters,
      tokens,
      uniqueTokens: PLENTY,
      loss: lossAt(law, parameters, tokens) * Math.exp(noise * rng.normal()),
    })),
  );
}
const powers = (from: number, to: number, count: number): number[] =>
  Array.from({ length: count }, (_, index) => from * (to / from) ** (index / (count - 1)));

test.each(LAWS)('many exact runs over a wide range give the law back: $floor', (law) => {
  const points = runsOf(law, powers(1e6, 1e10, 7), powers(1e7, 1e12, 7), 0.0001, Rng.fromSeed(3));
  const { law: found } = fitLaw(points, { draws: 20 });
  expect(found.floor / law.floor).toBeCloseTo(1, 1);
  expect(found.parameterExponent).toBeCloseTo(law.parameterExponent, 2);
  expect(found.tokenExponent).toBeCloseTo(law.tokenExponent, 2);
  expect(found.parameterFactor / law.parameterFactor).toBeGreaterThan(0.85);
  expect(found.parameterFactor / law.parameterFactor).toBeLessThan(1.15);
});

test('one run that went wrong hardly moves it', () => {
  const [law] = LAWS as [ScalingLaw];
  const points = runsOf(law, powers(1e6, 1e9, 5), powers(1e7, 1e10, 5), 0.003, Rng.fromSeed(5));
  const spoilt = points.map((point, index) => (index === 12 ? { ...point, loss: point.loss * 1.4 } : point));
  const [clean, dirty] = [fitLaw(points, { draws: 20 }), fitLaw(spoilt, { draws: 20 })];
  const at = (fit: typeof clean): number => predictLoss(fit, 3e9, 3e10).value;
  expect(Math.abs(at(dirty) / at(clean) - 1)).toBeLessThan(0.02);
});

// A dozen small runs, as a founder has them; what is foretold is four times as large as the largest.
test.each([0.003, 0.01, 0.03])('the interval holds a larger run in about 95 of 100 projects, noise $0', (noise) => {
  let [held, asked] = [0, 0];
  for (const [index, law] of LAWS.entries()) {
    for (let seed = 0; seed < 12; seed++) {
      const rng = Rng.fromSeed(1000 * index + seed);
      const points = runsOf(law, [0.6e6, 1.6e6, 3.3e6], [2e5, 4e5, 8e5, 1.6e6], noise, rng);
      const predicted = predictLoss(fitLaw(points, { seed, draws: 100 }), 6.6e6, 3.2e6);
      const shown = lossAt(law, 6.6e6, 3.2e6) * Math.exp(noise * rng.normal());
      asked++;
      if (predicted.low <= shown && shown <= predicted.high) held++;
    }
  }
  expect(asked).toBe(36);
  // of 36, fewer than 31 would come by chance in one of 130 when 95 % hold
  expect(held).toBeGreaterThanOrEqual(31);
});

test('the interval grows with the distance and with the noise', () => {
  const [law] = LAWS as [ScalingLaw];
  const widthAt = (noise: number, times: number): number => {
    const points = runsOf(law, [0.6e6, 1.6e6, 3.3e6], [2e5, 4e5, 8e5, 1.6e6], noise, Rng.fromSeed(2));
    const { low, high } = predictLoss(fitLaw(points, { draws: 150 }), 3.3e6 * times, 1.6e6 * times);
    return high / low;
  };
  expect(widthAt(0.003, 100)).toBeGreaterThan(1.5 * widthAt(0.003, 2) - 0.5);
  expect(widthAt(0.03, 2)).toBeGreaterThan(widthAt(0.003, 2));
});

test('the same runs and seed give the same law and interval', () => {
  const points = runsOf(LAWS[0] as ScalingLaw, [1e6, 2e6, 4e6], [1e5, 4e5, 1e6], 0.01, Rng.fromSeed(1));
  expect(fitLaw(points, { draws: 30 })).toEqual(fitLaw(points, { draws: 30 }));
});

const codeOf = (points: readonly LawPoint[]): unknown => {
  try {
    fitLaw(points, { draws: 5 });
    return 'fitted';
  } catch (error) {
    return error instanceof Error && 'code' in error ? error.code : error;
  }
};

test('refuses what makes no law, and says so', () => {
  const [law] = LAWS as [ScalingLaw];
  const rng = Rng.fromSeed(1);
  const good = runsOf(law, [1e6, 2e6, 4e6], [1e5, 4e5, 1e6], 0.005, rng);
  expect(codeOf(good)).toBe('fitted');
  expect(codeOf(good.slice(0, 4))).toBe('too-few-runs');
  const [first] = good as [LawPoint];
  expect(codeOf(Array.from({ length: 9 }, () => first))).toBe('too-few-runs');
  expect(codeOf(runsOf(law, [1e6, 1.1e6, 1.2e6], [1e5, 4e5, 1e6], 0.005, rng))).toBe('runs-too-alike');
  expect(codeOf(runsOf(law, [1e6, 2e6, 4e6], [1e5, 1.1e5, 1.2e5], 0.005, rng))).toBe('runs-too-alike');
  const diagonal = powers(1e6, 1e7, 6).flatMap((size) => runsOf(law, [size], [size * 20], 0.005, rng));
  expect(codeOf(diagonal)).toBe('runs-too-alike');
  expect(codeOf(good.map((point) => ({ ...point, loss: 5 })))).toBe('no-scaling-law');
  expect(codeOf(good.map((point) => ({ ...point, loss: 5 + 3 * rng.uniform() })))).toBe('no-scaling-law');
});

test('the largest run is foretold from the others, and an odd one is noticed', () => {
  const points = runsOf(LAWS[1] as ScalingLaw, [1e6, 2e6, 4e6], [1e5, 4e5, 1e6], 0.005, Rng.fromSeed(4));
  const check = checkLargest(points);
  expect(check).toMatchObject({ name: '4000000-1000000', holds: true });
  const odd = points.map((point, index) => (index === 8 ? { ...point, loss: point.loss * 1.5 } : point));
  expect(checkLargest(odd)).toMatchObject({ name: '4000000-1000000', holds: false });
  expect(checkLargest(points.slice(0, 4))).toMatchObject({ why: expect.stringContaining('3 runs') });
});

test('repeats of a text lose their worth, and parameters that it cannot feed', () => {
  expect(effectiveTokens(5e5, 1e6)).toBe(5e5);
  // Muennighoff et al. 2023: four passes are worth nearly four, forty far from forty, never more than 1 + R*.
  expect(effectiveTokens(4e6, 1e6) / 4e6).toBeGreaterThan(0.92);
  expect(effectiveTokens(40e6, 1e6) / 40e6).toBeLessThan(0.4);
  expect(effectiveTokens(1e12, 1e6) / 1e6).toBeCloseTo(1 + 15.387756, 5);
  const [law] = LAWS as [ScalingLaw];
  const data = { uniqueTokens: 1e9, measuredParameters: 1e6 };
  const fed = bestParameters(law, 1e9);
  expect(lossAt(law, fed, 1e9, data)).toBe(lossAt(law, fed, 1e9));
  expect(lossAt(law, 100 * fed, 1e9, data)).toBeGreaterThan(lossAt(law, 6.4 * fed, 1e9));
});
