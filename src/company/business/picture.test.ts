import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { emptyFacts, exampleFacts } from '../../../tests/business-example.js';
import { canvasOf } from './canvas.js';
import { FACTS } from './fact-registry.js';
import { figuresFor } from './figures.js';
import { marketOf } from './market.js';
import { percentText } from './measurement.js';
import { businessPicture } from './picture.js';
import { buildOrBuyOf, scenarioOf } from './stated-scenario.js';

const UNIT = 1_000_000n;
const facts = exampleFacts();
const picture = businessPicture(facts);
const { file } = facts;
if (file === null) throw new Error('the example has a file');

describe('November by hand', () => {
  it('revenue: 230 of usage, 20 of plans, 30 of advertising', () => {
    expect(picture.revenue).toMatchObject({
      servicesMicros: 230n * UNIT,
      softwareMicros: 20n * UNIT,
      totalMicros: 280n * UNIT,
    });
  });

  it('costs', () => {
    const { costs } = picture;
    expect(costs.servingMicros).toBe(259_200_000n); // 30 days × 24 h × 0.36
    expect(costs.includesIdle).toBe(true);
    expect(costs.paymentMicros).toBe(9_600_000n); // 300 × 2.9 % + 3 × 0.30
    // 2 h × 0.36 = 0.72; 65 W × 7200 s = 0.13 kWh × 0.30 = 0.039. The failed run was October's.
    expect(costs.trainingMicros).toBe(759_000n);
    expect(picture.trainingMicros).toBe(948_750n); // and 0.18 + 65 W × 1800 s = 0.0325 kWh × 0.30 = 0.00975
    expect(costs).toMatchObject({
      dataMicros: 12_500_000n,
      fixedMicros: 100n * UNIT,
      acquisitionMicros: 60n * UNIT,
      givenAwayMicros: 5n * UNIT,
    });
  });

  it('from revenue to result', () => {
    expect(picture.grossMargin?.marginMicros).toBe(20_800_000n); // 280 − 259.20
    expect(picture.contributionMicros).toBe(11_200_000n); // − 9.60
    expect(picture.resultMicros).toBe(-167_059_000n); // − 0.759 − 12.5 − 100 − 60 − 5
  });

  it('margins by model, plan and customer, at the machine time of the answers', () => {
    // 300,000 s ÷ 3600 × 0.36 = 30; 50,000 s: 5.
    expect(picture.byModel.map(({ name, revenueMicros, costMicros }) => [name, revenueMicros, costMicros])).toEqual([
      ['shop', 220n * UNIT, 30n * UNIT],
      ['shop-mini', 10n * UNIT, 5n * UNIT],
    ]);
    expect(picture.byPlan.map(({ name, marginMicros }) => [name, marginMicros])).toEqual([
      ['pro', 120n * UNIT], // 120 + 20 − 20
      ['–', 95n * UNIT], // 110 − 15
    ]);
    expect(picture.byCustomer.map(({ name }) => name)).toEqual(['Acorn', 'Cedar', 'Birch']);
  });

  it('load: 120 million written at 400/s and 240 million read at 4000/s take 360,000 of 2,592,000 s', () => {
    expect(picture.serving?.utilisation).toBeCloseTo(360_000 / 2_592_000, 9);
    // Writing is 5⁄6 of the busy time: 259.20 × 5 ÷ 6 ÷ 120 = 1.80; at full load 0.36 ÷ 1.44 = 0.25.
    expect(picture.serving?.outputMicrosPerMillion).toBe(1_800_000n);
    expect(picture.fullLoad?.outputMicrosPerMillion).toBe(250_000n);
    // A token brings 230 ÷ 120 million; 100 micros a second need 52.17 of them, each 3 ms of the machine's time.
    expect(picture.breakEvenLoad?.outputTokensPerSecond).toBeCloseTo(52.174, 3);
    expect(picture.breakEvenLoad?.utilisation.value).toBeCloseTo(0.15652, 5);
  });

  it('customers', () => {
    const { retention, acquisition, recurring } = picture;
    expect(retention).toMatchObject({
      payingCustomers: 3,
      churn: { atRisk: 2, lost: 0 },
      churnOfAllTime: { atRisk: 3, lost: 0 },
    });
    expect(retention.netRevenue && percentText(retention.netRevenue)).toBe('125.0'); // (120 + 20 + 10) ÷ (80 + 40)
    expect(recurring).toEqual({ subscriptions: 1, monthlyMicros: 20n * UNIT, yearlyMicros: 240n * UNIT });
    expect(acquisition).toMatchObject({ newCustomers: 1, costMicros: 60n * UNIT });
    // Contributions: Acorn 140 − 20 − (200 × 2.9 % + 2 × 0.30) = 113.6; Birch 5; Cedar 100 − 10 − 3.2 = 86.8: 68.46 each.
    expect(acquisition.payback).toEqual({
      state: 'months',
      months: { numerator: 60n * UNIT, denominator: 68_466_666n },
    });
    expect(retention.cohorts.map(({ month, active }) => [month, active])).toEqual([
      ['2026-09', [1, 1, 1]],
      ['2026-10', [1, 1]],
      ['2026-11', [1]],
    ]);
  });

  it('outlook: the training is paid for; 2000 last 19 months at what November burnt', () => {
    expect(picture.trainingPayback.state).toBe('reached');
    // 300 + 30 − 259.20 − 9.60 − 0.759 − 12.5 − 100 − 60 = −112.059; 2000 ÷ 112.059 = 17.8.
    expect(picture.runway).toEqual({ state: 'months', months: 17n, burnMicros: 112_059_000n });
  });
});

it('a month half over: its fixed costs count by half, and its runway waits', () => {
  const now = new Date('2026-11-16T00:00:00Z');
  const half = businessPicture({ ...facts, now });
  expect(half.isOver).toBe(false);
  expect(half.costs.fixedMicros).toBe(50n * UNIT);
  expect(half.costs.servingMicros).toBe(129_600_000n); // 15 days × 24 h × 0.36
  expect(half.runway.state).toBe('unknown');
  expect(half.retention.netRevenue).toBeNull();
  expect(half.retention.churn).toMatchObject({ atRisk: 1, lost: 0 }); // October's, of September
});

it('tokens that pay for the training: 0.94875 ÷ (2.00 − 0.25) million, up', () => {
  expect(picture.breakEvenTokens?.tokens).toBe(542_143n);
  const { fewest, tokens, most } = picture.breakEvenTokens ?? { fewest: null, tokens: null, most: null };
  expect(fewest !== null && tokens !== null && most !== null && fewest < tokens && tokens < most).toBe(true);
  const cheap = businessPicture({ ...facts, price: { inputMicros: 0n, outputMicros: 250_000n } });
  expect(cheap.breakEvenTokens?.tokens).toBeNull();
});

describe('what stands on it', () => {
  it('the canvas marks claims, facts and evidence', () => {
    const canvas = canvasOf(file, picture);
    expect(canvas.value.map(({ standing }) => standing)).toEqual(['fact', 'claim']);
    expect(canvas.resources.map(({ standing }) => standing)).toEqual(['fact', 'evidence']);
    expect(canvasOf(file, businessPicture({ ...facts, quality: null })).value[0]?.standing).toBe('missing');
    const wrong = {
      ...file,
      canvas: { ...file.canvas, costs: [{ text: 'x', fact: 'cost.everything', evidence: [] }] },
    };
    expect(() => canvasOf(wrong, picture)).toThrow('canvas.costs: there is no fact "cost.everything"');
  });

  it('the market has us first, and points where both figures are known', () => {
    const { rows, points } = marketOf(file, picture);
    expect(rows.map(({ name, latencyMs }) => [name, latencyMs])).toEqual([
      ['shop', 40],
      ['Giant-XL', 600],
      ['Open-7B at a host', 300],
    ]);
    expect(points[0]).toEqual({ name: 'shop', isUs: true, x: 2, y: 0.87 });
  });

  it('scenarios take facts for what the file does not say, and say what is missing', () => {
    const scenario = scenarioOf(file, picture);
    expect(scenario?.ranges.price).toEqual({ base: 2, low: 1.5, high: 2.5 });
    expect(scenario?.ranges.tokens?.base).toBe(40); // 120 million of three customers
    expect(scenario?.ranges.capacity?.base).toBeCloseTo(1000 / 3, 9); // 2.5 ms to write and 2 × 0.25 ms to read: 3 ms
    expect(scenario?.result?.tornado[0]?.assumption).toBe('newCustomers');
    const dark = scenarioOf(file, businessPicture({ ...facts, curve: null, price: null }));
    expect(dark).toMatchObject({ result: null, missing: ['price', 'capacity'] });
  });

  it('build or buy: the giant asks 10 + 2 × 2.50 a million', () => {
    const compared = buildOrBuyOf(file, picture);
    expect(compared?.rows[0]?.estimatedApi).toBe(15);
    expect(compared?.quality).toEqual({ own: 0.87, api: 0.81, both: expect.closeTo(0.858, 9) });
    const nobody = { ...file, buildOrBuy: { giant: 'Nobody', ownShare: 1, trainingMonths: 1, volumes: [1] } };
    expect(() => buildOrBuyOf(nobody, picture)).toThrow('"Nobody" is not among market.competitors');
  });
});

it('nothing done yet: zero where nothing was booked, missing where nothing was measured, and no NaN anywhere', () => {
  const empty = businessPicture(emptyFacts());
  const values = new Map(FACTS.map((fact) => [fact.id, fact.value(empty)]));
  expect(values.get('revenue.total')).toBe(0n);
  for (const id of [
    'cost.serving',
    'cost.fixed',
    'cost.trainingTotal',
    'margin.gross',
    'customers.churn',
    'load.capacity',
    'outlook.runway',
    'quality.own',
  ])
    expect(values.get(id), id).toBeNull();
  for (const language of ['en', 'zh-CN'] as const) {
    const figures = figuresFor(language, 'USD');
    for (const fact of FACTS)
      expect(figures.fact(values.get(fact.id) ?? null, fact.unit), fact.id).not.toMatch(/NaN|Infinity|undefined/);
  }
});

it('every fact has a name of its own, and words in both languages', () => {
  expect(new Set(FACTS.map(({ id }) => id)).size).toBe(FACTS.length);
  for (const { id, name, how } of FACTS)
    expect(
      [name.en, name.zh, how.en, how.zh].every((words) => words !== ''),
      id,
    ).toBe(true);
});

it('with any one fact missing, what needs it is missing, and the rest stands', () => {
  const hidden = businessPicture({ ...facts, hourlyMicros: null });
  expect(hidden).toMatchObject({
    grossMargin: null,
    contributionMicros: null,
    resultMicros: null,
    serving: null,
    trainingMicros: null,
  });
  expect(hidden.revenue).toEqual(picture.revenue);
  const fileless = businessPicture({ ...facts, file: null });
  expect(fileless).toMatchObject({ load: null, serving: null, contributionMicros: null, resultMicros: null });
  // Without stated hours, serving is the time of the answers: 360,000 s with internal use.
  expect(fileless.costs).toMatchObject({ servingMicros: 36n * UNIT, includesIdle: false, fixedMicros: null });
});

it('result = revenue − every cost, whatever is charged', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 10_000n * UNIT }), fc.nat(2_000_000), (chargedMicros, computeMs) => {
      const [first, ...others] = facts.sales;
      if (first === undefined) throw new Error('there are sales');
      const changed = businessPicture({
        ...facts,
        sales: [{ ...first, month: '2026-11', chargedMicros, computeMs }, ...others],
      });
      const { costs, revenue, resultMicros } = changed;
      const all = [
        costs.servingMicros,
        costs.paymentMicros,
        costs.trainingMicros,
        costs.dataMicros,
        costs.fixedMicros,
        costs.acquisitionMicros,
        costs.givenAwayMicros,
      ];
      const spent = all.reduce<bigint>((sum, each) => sum + (each ?? 0n), 0n);
      expect(resultMicros).toBe(revenue.totalMicros - spent);
      const lines = changed.byCustomer.reduce((sum, { revenueMicros }) => sum + revenueMicros, 0n);
      expect(lines).toBe(revenue.servicesMicros + revenue.softwareMicros);
    }),
    { numRuns: 50 },
  );
});
