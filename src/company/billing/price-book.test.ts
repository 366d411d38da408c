import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type MonthUsage, billOf, parsePriceBook } from './price-book.js';
import { type Charge, rate } from './rating.js';

const M = 1_000_000n;
const graduated: Charge = {
  kind: 'graduated',
  free: 0n,
  per: M,
  tiers: [
    { upTo: 1n * M, priceMicros: 500_000n },
    { upTo: 3n * M, priceMicros: 400_000n },
    { upTo: undefined, priceMicros: 100_000n },
  ],
};
const volume: Charge = { ...graduated, kind: 'volume' };

test('by hand', () => {
  // 2.5 M tokens at 0.50 a million: 1.25
  expect(rate({ kind: 'flat', free: 0n, per: M, priceMicros: 500_000n }, 2_500_000n)).toBe(1_250_000n);
  // of them 1 M free: 1.5 × 0.50 = 0.75
  expect(rate({ kind: 'flat', free: M, per: M, priceMicros: 500_000n }, 2_500_000n)).toBe(750_000n);
  // 1 × 0.50 + 2 × 0.40 + 2 × 0.10 = 1.50
  expect(rate(graduated, 5n * M)).toBe(1_500_000n);
  // all 5 at the price of the last tier: 5 × 0.10 = 0.50
  expect(rate(volume, 5n * M)).toBe(500_000n);
  // the last unit of a tier belongs to it: 3 × 0.40 = 1.20, one more makes all of them 0.10
  expect(rate(volume, 3n * M)).toBe(1_200_000n);
  expect(rate(volume, 3n * M + 10n)).toBe(300_001n);
  // 250 units are three packages of 100: 3 × 2.00
  expect(rate({ kind: 'package', free: 0n, per: 100n, priceMicros: 2_000_000n }, 250n)).toBe(6_000_000n);
  // one token at 0.50 a million is half a micro-unit: it is one
  expect(rate({ kind: 'flat', free: 0n, per: M, priceMicros: 500_000n }, 1n)).toBe(1n);
  expect(() => rate(graduated, -1n)).toThrow(RangeError);
});

const quantity = fc.bigInt({ min: 0n, max: 10n ** 12n });
const price = fc.bigInt({ min: 0n, max: 10n ** 10n });
const ends = fc.uniqueArray(fc.bigInt({ min: 1n, max: 10n ** 10n }), { maxLength: 5 });
const tiersOf = fc.tuple(ends, fc.array(price, { minLength: 6, maxLength: 6 })).map(([upTos, prices]) =>
  [...upTos.toSorted((a, b) => (a < b ? -1 : 1)), undefined].map((upTo, index) => ({
    upTo,
    priceMicros: prices[index] as bigint,
  })),
);
const anyCharge: fc.Arbitrary<Charge> = fc.oneof(
  fc.record({ kind: fc.constant('flat' as const), free: quantity, per: fc.constant(M), priceMicros: price }),
  fc.record({ kind: fc.constant('package' as const), free: quantity, per: fc.constant(1000n), priceMicros: price }),
  fc.record({ kind: fc.constant('graduated' as const), free: quantity, per: fc.constant(M), tiers: tiersOf }),
);

test('more never costs less, but for volume prices, where that is the point', () => {
  fc.assert(
    fc.property(anyCharge, quantity, quantity, (charge, a, b) => {
      const [less, more] = a < b ? [a, b] : [b, a];
      expect(rate(charge, less) <= rate(charge, more)).toBe(true);
    }),
  );
});

test('one tier is a flat price, whichever way it is written; what is free costs nothing', () => {
  fc.assert(
    fc.property(quantity, quantity, price, (free, used, priceMicros) => {
      const tiers = [{ upTo: undefined, priceMicros }];
      const flat = rate({ kind: 'flat', free, per: M, priceMicros }, used);
      expect(rate({ kind: 'graduated', free, per: M, tiers }, used)).toBe(flat);
      expect(rate({ kind: 'volume', free, per: M, tiers }, used)).toBe(flat);
      if (used <= free) expect(flat).toBe(0n);
    }),
  );
});

test('rounding up once loses less than a micro-unit a line', () => {
  fc.assert(
    fc.property(quantity, price, (used, priceMicros) => {
      const exact = used * priceMicros;
      const over = rate({ kind: 'flat', free: 0n, per: M, priceMicros }, used) * M - exact;
      expect(over >= 0n && over < M).toBe(true);
    }),
  );
});

const BOOK = parsePriceBook(
  {
    name: 'standard',
    currency: 'USD',
    models: {
      poet: {
        input: { kind: 'flat', price: '0.50', free: 100_000 },
        cachedInput: { kind: 'flat', price: '0.05' },
        output: { kind: 'graduated', tiers: [{ upTo: 1_000_000, price: '2.00' }, { price: '1.00' }] },
        request: { kind: 'package', per: 1000, price: '0.10' },
      },
    },
    seat: '9.00',
    minimum: '20.00',
  },
  'book.json',
);
const usage = (input: bigint, output: bigint, seats = 0n): MonthUsage => ({
  models: [{ model: 'poet', quantities: { input, cachedInput: 400_000n, output, request: 1500n } }],
  seats,
});

test('a bill is the sum of its lines, filled up to the minimum', () => {
  // (2.1 − 0.1) × 0.50 + 0.4 × 0.05 + (2.00 + 2 × 1.00) + 2 × 0.10 + 2 × 9.00 = 1.00 + 0.02 + 4.00 + 0.20 + 18.00 = 23.22
  const bill = billOf(BOOK, usage(2_100_000n, 3_000_000n, 2n));
  expect(bill.totalMicros).toBe(23_220_000n);
  expect(bill.lines.map(({ what, micros }) => [what, micros])).toEqual([
    ['input', 1_000_000n],
    ['cachedInput', 20_000n],
    ['output', 4_000_000n],
    ['request', 200_000n],
    ['seat', 18_000_000n],
  ]);
  // without seats 5.22 is used: 14.78 are missing to 20.00
  const small = billOf(BOOK, usage(2_100_000n, 3_000_000n));
  expect(small.lines.at(-1)).toEqual({ what: 'minimum', model: undefined, quantity: 1n, micros: 14_780_000n });
  expect(small.totalMicros).toBe(20_000_000n);
  const other = {
    models: [{ ...usage(1n, 1n).models[0], model: 'unknown' } as MonthUsage['models'][number]],
    seats: 0n,
  };
  expect(billOf(BOOK, other).unpriced).toEqual(['unknown']);
});

test.each([
  [{ price: '0.5.0' }, 'models.m.input.price: "0.5.0" is not an amount'],
  [{ price: '-1' }, '"-1" is below 0'],
  [{ kind: 'graduated', tiers: [{ upTo: 5, price: '1' }] }, 'the last tier ends'],
  [
    { kind: 'volume', tiers: [{ upTo: 5, price: '1' }, { upTo: 5, price: '1' }, { price: '1' }] },
    'tier 2 does not end above',
  ],
  [{ kind: 'other' }, 'models.m.input.kind'],
])('%j is refused in one line', (charge, problem) => {
  const json = { name: 'b', currency: 'USD', models: { m: { input: { kind: 'flat', ...charge } } } };
  expect(() => parsePriceBook(json, 'book.json')).toThrow(problem);
});
