import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { exampleFacts } from '../../../tests/business-example.js';
import { parseBusinessFile } from './business-file.js';
import { canvasOf } from './canvas.js';
import { ASSUMPTIONS } from './forecast.js';
import { marketOf } from './market.js';
import { businessPicture } from './picture.js';
import { scenarioOf } from './stated-scenario.js';

const read = (json: unknown) => parseBusinessFile(json, 'business.yaml');

it('the example of the documentation is read whole, and every fact in it exists', async () => {
  const page = await readFile(new URL('../../../docs/BUSINESS.md', import.meta.url), 'utf8');
  const [, block = ''] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const file = read(parse(block));
  const picture = businessPicture({ ...exampleFacts(), file });
  expect(canvasOf(file, picture).value[0]?.standing).toBe('fact');
  expect(marketOf(file, picture).moat.licences).toHaveLength(1);
  expect(scenarioOf(file, picture)?.missing).toEqual([]);
  expect(Object.keys(file.scenario?.assumptions ?? {}).sort()).toEqual([...ASSUMPTIONS].sort());
});

describe('parseBusinessFile', () => {
  it('an empty file leaves everything out, and nothing is 0', () => {
    for (const empty of [null, {}]) {
      const file = read(empty);
      expect([file.payments, file.monthlyCosts, file.dataCosts, file.cash, file.serving]).toEqual(
        Array(5).fill(undefined),
      );
      expect(file.canvas.value).toEqual([]);
    }
  });

  it('takes a decimal for what was written: 0.1 is a tenth', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 99_999_999 }), (cents) => {
        const written = cents / 100;
        expect(read({ cash: { amount: written, at: '2026-11-30' } }).cash?.amount).toBe(BigInt(cents) * 10_000n);
        expect(read({ cash: { amount: String(written), at: '2026-11-30' } }).cash?.amount).toBe(
          BigInt(cents) * 10_000n,
        );
      }),
    );
    expect(read({ payments: { percent: 2.9, fixed: 0.3 } }).payments?.percent).toEqual({
      numerator: 29n,
      denominator: 1000n,
    });
  });

  it.each([
    ['business.yaml: cash.amount', { cash: { amount: -1, at: '2026-11-30' } }],
    ['business.yaml: cash.amount', { cash: { amount: 'much', at: '2026-11-30' } }],
    ['business.yaml: cash.at', { cash: { amount: 1, at: '2026-11-31' } }],
    ['business.yaml: otherRevenue.ads.2026-13', { otherRevenue: { ads: { '2026-13': 1 } } }],
    ['business.yaml: scenario.assumptions: Unrecognized key: "luck"', { scenario: { assumptions: { luck: 1 } } }],
    ['business.yaml: scenario.assumptions.churn', { scenario: { assumptions: { churn: { low: 0 } } } }],
    ['business.yaml: Unrecognized key', { canvass: {} }],
  ])('refuses %s', (message, json) => {
    expect(() => read(json)).toThrow(message);
  });
});
