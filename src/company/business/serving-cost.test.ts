import fc from 'fast-check';
import { expect, it } from 'vitest';
import { exampleFacts } from '../../../tests/business-example.js';
import { missingCommandOf } from './missing-facts.js';
import { findFact } from './fact-registry.js';
import { marginalCosts } from './marginal-costs.js';
import { businessPicture } from './picture.js';
import { type BoughtTokens, type Elsewhere, usageCost } from './serving-cost.js';

const row = (model: string, inputTokens: number, outputTokens: number, computeMs: number) => ({
  model,
  inputTokens,
  outputTokens,
  computeMs,
});
const elsewhere: Elsewhere = new Map<string, BoughtTokens | 'our-machine' | null>([
  ['giant', { inputMicros: 2_500_000n, outputMicros: 10_000_000n }],
  ['box', 'our-machine'],
  ['riddle', null],
]);

it('machine time for what runs here, tokens for what is bought, by hand', () => {
  const basis = { hourlyMicros: 360_000n, elsewhere };
  // 10 s at 0.36 an hour: 1,000. 1,000 tokens in × 2.50 + 200 out × 10.00, a million each: 2,500 + 2,000.
  const rows = [row('own', 5, 5, 6_000), row('box', 5, 5, 4_000), row('giant', 1_000, 200, 9_000)];
  expect(usageCost(rows, basis)).toBe(1_000n + 4_500n);
  // Half a micro-unit is a whole one, once for all rows.
  expect(usageCost([row('giant', 1, 0, 0), row('giant', 1, 0, 0)], basis)).toBe(5n);
  expect(usageCost([row('giant', 1, 0, 0)], basis)).toBe(3n);
});

it('what nobody stated is missing, never 0; what was bought needs no machine', () => {
  expect(usageCost([row('riddle', 1, 1, 1)], { hourlyMicros: 1n, elsewhere })).toBeNull();
  expect(usageCost([row('own', 1, 1, 1)], { hourlyMicros: null, elsewhere })).toBeNull();
  expect(usageCost([row('giant', 1_000, 0, 1)], { hourlyMicros: null, elsewhere })).toBe(2_500n);
  // Corrections took back all: nobody is paid back by it.
  expect(usageCost([row('giant', -5, -5, 0)], { hourlyMicros: 1n, elsewhere })).toBe(0n);
});

it('margins by model, plan and customer sum to the same cost, and the month knows it too', () => {
  const facts = { ...exampleFacts(), elsewhere: new Map([['shop-mini', { inputMicros: 0n, outputMicros: 700_000n }]]) };
  const { byModel, byCustomer, byPlan, costs, load } = businessPicture(facts);
  // Birch had 10 million tokens of shop-mini for 10.00: at 0.70 they cost 7.00.
  const mini = byModel.find(({ name }) => name === 'shop-mini');
  expect(mini).toMatchObject({ costMicros: 7_000_000n, marginMicros: 3_000_000n });
  const sum = (lines: typeof byModel): bigint =>
    lines.reduce((total, { costMicros }) => total + (costMicros ?? 0n), 0n);
  expect([sum(byCustomer), sum(byPlan)]).toEqual([sum(byModel), sum(byModel)]);
  // 259.20 for the hours of the machine, as before, and 7.00 for the tokens.
  expect(costs.servingMicros).toBe(266_200_000n);
  // It did not load our machine.
  expect(load?.outputTokens).toBe(110_000_000);
});

it('a model elsewhere whose cost nobody stated hides the margin, and the page says what to state', () => {
  const picture = businessPicture({ ...exampleFacts(), elsewhere: new Map([['shop-mini', null]]) });
  expect(picture.byModel.find(({ name }) => name === 'shop-mini')).toMatchObject({
    costMicros: null,
    marginMicros: null,
  });
  expect(picture.byModel.find(({ name }) => name === 'shop')?.costMicros).not.toBeNull();
  expect([picture.costs.servingMicros, picture.grossMargin, picture.resultMicros]).toEqual([null, null, null]);
  const gross = findFact('margin.gross');
  expect(gross && missingCommandOf(gross, picture)).toBe('upstreams.json cost');
});

it('what a million more tokens cost: the curve before what was served, and what is stated elsewhere', () => {
  const { curve } = exampleFacts();
  const facts = { hourlyMicros: 360_000n, elsewhere, ownModel: 'shop', curve, servedTokensPerSecond: 100 };
  // At 400 tokens a second: 360,000 ÷ (400 × 3,600) × 1,000,000 = 250,000.
  expect(marginalCosts(facts).get('shop')).toMatchObject({
    outputMicros: 250_000n,
    source: 'moat bench serve, 8 requests at once',
  });
  expect(marginalCosts({ ...facts, curve: null }).get('shop')).toMatchObject({
    inputMicros: null,
    outputMicros: 1_000_000n,
  });
  expect(marginalCosts(facts).get('giant')).toMatchObject({
    inputMicros: 2_500_000n,
    source: 'stated in upstreams.json',
  });
  expect(['box', 'riddle'].filter((model) => marginalCosts(facts).has(model))).toEqual([]);
  expect(marginalCosts({ ...facts, hourlyMicros: null }).has('shop')).toBe(false);
});

it('cost grows with use, and two parts never cost less than the whole', () => {
  const use = fc.record({
    model: fc.constantFrom('own', 'giant', 'box'),
    inputTokens: fc.nat(1e6),
    outputTokens: fc.nat(1e6),
    computeMs: fc.nat(1e6),
  });
  fc.assert(
    fc.property(fc.array(use), fc.array(use), fc.bigInt({ min: 0n, max: 10n ** 7n }), (a, b, hourlyMicros) => {
      const basis = { hourlyMicros, elsewhere };
      const [first, second, both] = [usageCost(a, basis), usageCost(b, basis), usageCost([...a, ...b], basis)];
      if (first === null || second === null || both === null) throw new Error('all of it is known');
      expect(both).toBeLessThanOrEqual(first + second);
      expect(both).toBeGreaterThanOrEqual(first > second ? first : second);
    }),
  );
});
