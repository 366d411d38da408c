import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type SoldUsage, marginsBy, paymentFees, withOtherRevenue } from './margins.js';
import type { CostBasis } from './serving-cost.js';
import { percentText } from './measurement.js';

const sold = (customerName: string, model: string, chargedMicros: bigint, computeMs: number): SoldUsage => ({
  customerId: customerName,
  customerName,
  model,
  requests: 1,
  inputTokens: 10,
  outputTokens: 20,
  computeMs,
  chargedMicros,
});
const hourly = (hourlyMicros: bigint | null): CostBasis => ({ hourlyMicros, elsewhere: new Map() });
const rows = [sold('Ann', 'poet', 900n, 10_000), sold('Ann', 'clerk', 100n, 36_000), sold('Bob', 'poet', 500n, 10_000)];

it('by model and by customer, by hand', () => {
  // At 0.10 an hour, 20 s cost 20 ÷ 3600 × 100,000 = 555.5̅, up: 556; 36 s cost 1000.
  const [poet, clerk] = marginsBy(rows, ({ model }) => model, hourly(100_000n));
  expect(poet).toMatchObject({ name: 'poet', requests: 2, revenueMicros: 1400n, costMicros: 556n, marginMicros: 844n });
  expect(poet?.ratio && percentText(poet.ratio)).toBe('60.3'); // 844 ÷ 1400
  expect(clerk).toMatchObject({ name: 'clerk', costMicros: 1000n, marginMicros: -900n }); // sold at a loss
  expect(marginsBy(rows, ({ customerName }) => customerName, hourly(null))[0]).toMatchObject({
    name: 'Ann',
    costMicros: null,
    marginMicros: null,
  });
  expect(marginsBy([], ({ model }) => model, hourly(1n))).toEqual([]);
});

it('fees count for those who paid them, users of nothing included', () => {
  const lines = withOtherRevenue(
    marginsBy(rows, ({ customerName }) => customerName, hourly(100_000n)),
    [
      { name: 'Bob', micros: 2000n },
      { name: 'Cem', micros: 50n },
    ],
  );
  expect(lines.map(({ name, revenueMicros }) => [name, revenueMicros])).toEqual([
    ['Bob', 2500n],
    ['Ann', 1000n],
    ['Cem', 50n],
  ]);
  expect(lines.at(-1)).toMatchObject({ costMicros: 0n, marginMicros: 50n });
});

it('fees of 2.9 % and 0.30 on two payments of 35.00 together', () => {
  // 35,000,000 × 29 ÷ 1000 + 2 × 300,000 = 1,015,000 + 600,000.
  const terms = { rate: { numerator: 29n, denominator: 1000n }, fixedMicros: 300_000n };
  expect(paymentFees({ count: 2, paidMicros: 35_000_000n }, terms)).toBe(1_615_000n);
  expect(paymentFees({ count: 0, paidMicros: 0n }, terms)).toBe(0n);
});

it('margin is revenue less cost on every line, and no revenue is lost by grouping', () => {
  const anyRow = fc.record({
    name: fc.constantFrom('a', 'b', 'c'),
    charged: fc.bigInt({ min: -1000n, max: 1_000_000n }),
    ms: fc.nat(1e6),
  });
  fc.assert(
    fc.property(fc.array(anyRow), (drawn) => {
      const usage = drawn.map(({ name, charged, ms }) => sold(name, name, charged, ms));
      const lines = marginsBy(usage, ({ model }) => model, hourly(350_000n));
      for (const line of lines) expect(line.revenueMicros - (line.costMicros ?? 0n)).toBe(line.marginMicros);
      const total = (all: readonly bigint[]) => all.reduce((sum, each) => sum + each, 0n);
      expect(total(lines.map(({ revenueMicros }) => revenueMicros))).toBe(
        total(usage.map(({ chargedMicros }) => chargedMicros)),
      );
    }),
  );
});
