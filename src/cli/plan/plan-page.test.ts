import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { bestModel } from '../../lab/planning/best-model.js';
import { checkLargest } from '../../lab/planning/check-law.js';
import { DEVICES, sustainedFlops } from '../../lab/planning/devices.js';
import { fitLaw } from '../../lab/planning/fit-law.js';
import type { PlanningRun } from '../../lab/planning/planning-runs.js';
import { renderPlanPage } from './plan-page.js';
import type { PlanPicture } from './plan-picture.js';
import { offerCells, sortedOffers } from './plan-rows.js';

const { runs } = JSON.parse(
  readFileSync(new URL('../../../tests/golden/planning/songci.json', import.meta.url), 'utf8'),
) as { readonly runs: readonly PlanningRun[] };
const fit = fitLaw(runs);
const data = { uniqueTokens: 1_596_734, measuredParameters: 3_344_576 };
const sizes = [1, 2, 4, 8].map((depth) => ({ depth, parameters: 5e5 * depth ** 2, flopsPerToken: 3e6 * depth ** 2 }));
const offers = DEVICES.map((device) => {
  const flopsPerSecond = sustainedFlops(device);
  const best = bestModel(fit, sizes, data, { seconds: 60, flopsPerSecond, fewestTokens: 2048 }) ?? null;
  return { device, isMeasured: false, best, costMicros: device.hourlyPrice === null ? null : 12_345n };
});
const picture: PlanPicture = {
  project: 'Shop <b> & Söhne',
  currency: 'USD',
  budget: { micros: 5_000_000n },
  runs,
  leftOut: [{ name: 'run-9', why: 'did not end' }],
  fit,
  check: checkLargest(runs),
  data,
  bitsPerNat: 0.4747,
  tokensPerStep: 2048,
  measuredSeconds: 2400,
  measuredMicros: 66_667n,
  offers: [
    ...offers,
    {
      device: { ...(DEVICES[0] as (typeof DEVICES)[number]), name: 'dear' },
      isMeasured: false,
      best: null,
      costMicros: null,
      why: 'noPrice',
    },
  ],
};

test('the page stands alone, in both languages, with every machine, run and source', () => {
  for (const language of ['en', 'zh-CN'] as const) {
    const page = renderPlanPage(picture, language);
    expect(page).toContain(`<html lang="${language}">`);
    expect(page).not.toMatch(/<script|https?:\/\/(?!www\.w3\.org)|src=/);
    expect(page).toContain('Shop &lt;b&gt; &amp; Söhne');
    for (const { device } of picture.offers) expect(page).toContain(device.name);
    for (const { name } of runs) expect(page).toContain(name);
    expect(page).toContain('run-9');
    expect(page).not.toMatch(/undefined|NaN|Infinity/);
  }
  expect(renderPlanPage(picture, 'zh-CN')).toContain('价格未知');
  expect(renderPlanPage(picture, 'zh-CN')).not.toContain('within the interval');
});

test('the best offers stand first, of equals the cheapest, and those without a model last', () => {
  const sorted = sortedOffers(picture);
  const losses = sorted.map(({ best }) => best?.loss.value ?? Infinity);
  expect(losses).toEqual(losses.toSorted((a, b) => a - b));
  expect(sorted.at(-1)?.device.name).toBe('dear');
  expect(offerCells(picture, sorted.at(-1) as (typeof sorted)[number], 'en').at(-1)).toBe('no price known');
});
