import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BuildOrBuyFacts, buildOrBuy } from './build-or-buy.js';
import { type Assumptions, forecast, forecastPriceFloor } from './forecast.js';
import { type Ranges, drawTriangular, runScenarios } from './scenarios.js';

const assumptions: Assumptions = {
  customers: 10,
  newCustomers: 2,
  churn: 0.1,
  tokens: 5,
  price: 2,
  fee: 10,
  capacity: 200,
  machineHour: 0.1,
  fixedCosts: 100,
  acquisition: 20,
  paymentShare: 0.03,
};
const certain = Object.fromEntries(
  Object.entries(assumptions).map(([name, base]) => [name, { low: base, base, high: base }]),
) as Ranges;

describe('forecast', () => {
  it('two months by hand', () => {
    const { months, estimatedProfit, breakEvenMonth } = forecast(assumptions, 2);
    // Month 1: 10 × 0.9 + 2 = 11 customers; 55 million tokens × 2 + 11 × 10 = 220.
    // One machine can write 200 × 730 × 3600 = 525.6 million: 73; costs 73 + 100 + 40 + 6.60 = 219.60.
    expect(months[0]).toMatchObject({ customers: 11, machines: 1, estimatedRevenue: 220 });
    expect(months[0]?.estimatedCost).toBeCloseTo(219.6, 9);
    // Month 2: 11.9 customers bring 238 and cost 213 + 7.14.
    expect(months[1]?.estimatedProfit).toBeCloseTo(17.86, 9);
    expect(estimatedProfit).toBeCloseTo(18.26, 9);
    expect(breakEvenMonth).toBe(1);
  });

  it('rents another machine for every full one', () => {
    expect(forecast({ ...assumptions, customers: 200, churn: 0, newCustomers: 0 }, 1).months[0]?.machines).toBe(2); // 1000 ÷ 525.6
  });

  it('needs the cash of its deepest point, and may never break even', () => {
    const poor = forecast({ ...assumptions, price: 0, fee: 0 }, 3);
    expect(poor.breakEvenMonth).toBeNull();
    expect(poor.estimatedCashNeed).toBeCloseTo(3 * 213, 9);
    expect(forecast({ ...assumptions, customers: 0, newCustomers: 0 }, 1).months[0]?.estimatedRevenue).toBe(0);
  });

  it('price floor: 73 over 50 million, less 3 % kept: 1.505; sold there, a month without other costs ends at 0', () => {
    const floor = forecastPriceFloor(assumptions, 50) ?? 0;
    expect(floor).toBeCloseTo(1.50515, 4);
    const bare = {
      ...assumptions,
      customers: 10,
      churn: 0,
      newCustomers: 0,
      fee: 0,
      fixedCosts: 0,
      acquisition: 0,
      price: floor,
    };
    expect(forecast(bare, 1).estimatedProfit).toBeCloseTo(0, 9);
    expect(forecastPriceFloor(assumptions, 0)).toBeNull();
  });
});

describe('runScenarios', () => {
  const ranges: Ranges = {
    ...certain,
    churn: { low: 0.05, base: 0.1, high: 0.3 },
    price: { low: 1, base: 2, high: 4 },
    fee: { low: 9, base: 10, high: 11 },
  };
  const options = { months: 12, draws: 500, seed: 7 };

  it('takes the worse end of each: a high churn, a low price; the price matters most', () => {
    const result = runScenarios(ranges, options);
    expect(result.low).toEqual(forecast({ ...assumptions, churn: 0.3, price: 1, fee: 9 }, 12));
    expect(result.high).toEqual(forecast({ ...assumptions, churn: 0.05, price: 4, fee: 11 }, 12));
    expect(result.tornado.map(({ assumption }) => assumption)).toEqual(['price', 'churn', 'fee']);
  });

  it('draws the same with the same seed, in order and within the ends', () => {
    const { chance, low, high } = runScenarios(ranges, options);
    expect(runScenarios(ranges, options).chance).toEqual(chance);
    expect(runScenarios(ranges, { ...options, seed: 8 }).chance).not.toEqual(chance);
    const { p5, p25, p50, p75, p95 } = chance.percentiles;
    const inOrder = [low.estimatedProfit, p5, p25, p50, p75, p95, high.estimatedProfit];
    expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
  });

  it('without ranges there is no swing and no chance', () => {
    const result = runScenarios(certain, options);
    expect(result.tornado).toEqual([]);
    expect(result.chance.percentiles.p5).toBe(result.base.estimatedProfit);
    expect(result.low).toEqual(result.base);
  });
});

it('the triangle: its median by hand, and never outside', () => {
  // From 0 over 1 to 2: half of the area lies below 1. From 0 to 2 with the peak at 2: √0.25 × 2 = 1.
  expect(drawTriangular({ low: 0, base: 1, high: 2 }, 0.5)).toBe(1);
  expect(drawTriangular({ low: 0, base: 2, high: 2 }, 0.25)).toBe(1);
  fc.assert(
    fc.property(
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      fc.array(fc.double({ min: 0, max: 100, noNaN: true }), { minLength: 3, maxLength: 3 }),
      (uniform, ends) => {
        const [low = 0, base = 0, high = 0] = ends.sort((a, b) => a - b);
        const drawn = drawTriangular({ low, base, high }, uniform);
        expect(drawn).toBeGreaterThanOrEqual(low - 1e-9);
        expect(drawn).toBeLessThanOrEqual(high + 1e-9);
      },
    ),
  );
});

describe('buildOrBuy', () => {
  const facts: BuildOrBuyFacts = {
    capacity: 200,
    machineHour: 0.1,
    apiPrice: 1,
    trainingCost: 120,
    trainingMonths: 12,
    ownShare: 0.8,
    ownQuality: 0.9,
    apiQuality: 0.8,
  };

  it('by hand', () => {
    const { rows, crossoverMillions, quality } = buildOrBuy(facts, [10, 100, 600]);
    // Own: 73 + 10 a month, 156 beyond 525.6 million; the API: 1 a million; both: own for 0.8, the API for 0.2 of them.
    expect(rows).toEqual([
      { millions: 10, estimatedOwn: 83, estimatedApi: 10, estimatedBoth: 85, cheapest: 'api' },
      { millions: 100, estimatedOwn: 83, estimatedApi: 100, estimatedBoth: expect.closeTo(103, 9), cheapest: 'own' },
      { millions: 600, estimatedOwn: 156, estimatedApi: 600, estimatedBoth: expect.closeTo(203, 9), cheapest: 'own' },
    ]);
    expect(crossoverMillions).toBe(83);
    expect(quality.both).toBeCloseTo(0.88, 12);
  });

  it('never crosses over where the API is cheaper than a full machine, and says nothing of a quality not measured', () => {
    const { crossoverMillions, quality } = buildOrBuy({ ...facts, apiPrice: 0.1, apiQuality: null }, []);
    expect(crossoverMillions).toBeNull();
    expect(quality).toEqual({ own: 0.9, api: null, both: null });
  });
});
