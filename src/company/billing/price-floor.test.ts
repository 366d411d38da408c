import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parsePriceBook } from './price-book.js';
import { lossText, lossesOf, planFloor } from './price-floor.js';

const costs = new Map([
  ['poet', { inputMicros: 100_000n, outputMicros: 250_000n, source: 'moat bench serve, 8 requests at once' }],
  ['giant', { inputMicros: 2_500_000n, outputMicros: 10_000_000n, source: 'stated in upstreams.json' }],
  ['free', { inputMicros: 1n, outputMicros: 1n, source: 'moat bench serve' }],
  ['half', { inputMicros: null, outputMicros: 1_000_000n, source: 'from the time of the answers served' }],
]);
const flat = (price: string) => ({ kind: 'flat', price });

it('what a book sells below cost, with both figures and where the cost is from', () => {
  const book = parsePriceBook(
    {
      name: 'b',
      currency: 'USD',
      models: {
        poet: {
          input: flat('0.10'),
          output: { kind: 'graduated', tiers: [{ upTo: 10, price: '1.00' }, { price: '0.24' }] },
        },
        giant: { input: flat('2.00'), output: flat('12.00') },
        free: { input: flat('0.00'), output: flat('0.00') },
        half: { input: flat('0.01'), output: flat('1.00') },
        stranger: { input: flat('0.01'), output: flat('0.01') },
      },
    },
    'test',
  );
  // Input that is given away is not judged, output is. A price at the cost is none below it; what nobody measured is not judged.
  expect(lossesOf(book, costs).map((loss) => lossText(loss, 'USD'))).toEqual([
    'giant input at 2.00 costs 2.50 USD a million (stated in upstreams.json)',
    'poet output at 0.24 costs 0.25 USD a million (moat bench serve, 8 requests at once)',
    'free output at 0.00 costs 0.000001 USD a million (moat bench serve)',
  ]);
});

it('credit that a fee includes costs the most where the price is nearest to the cost', () => {
  const prices = [
    { model: 'poet', inputMicros: 1_000_000n, outputMicros: 2_000_000n },
    { model: 'giant', inputMicros: 3_000_000n, outputMicros: 12_500_000n },
  ];
  // poet: 0.10 ÷ 1.00 and 0.25 ÷ 2.00; giant: 2.50 ÷ 3.00 = 0.833 and 10 ÷ 12.50 = 0.80. 30.00 of credit × 0.833 = 25.00.
  const plan = { fee: 20_000_000n, credit: 30_000_000n };
  expect(planFloor(plan, prices, costs)).toMatchObject({
    losses: [],
    credit: { costMicros: 25_000_000n, on: { model: 'giant', what: 'input' } },
  });
  expect(planFloor({ ...plan, fee: 25_000_000n }, prices, costs).credit).toBeNull();
  expect(planFloor(plan, prices, new Map())).toEqual({ losses: [], credit: null });
});

it('a plan whose fee covers its credit at the price loses nothing while no price is below cost', () => {
  const micros = fc.bigInt({ min: 1n, max: 10n ** 9n });
  fc.assert(
    fc.property(micros, micros, micros, (credit, cost, extra) => {
      const known = new Map([['m', { inputMicros: cost, outputMicros: cost, source: 's' }]]);
      const prices = [{ model: 'm', inputMicros: cost + extra, outputMicros: cost + extra }];
      expect(planFloor({ fee: credit, credit }, prices, known)).toEqual({ losses: [], credit: null });
    }),
  );
});
