/** The business page by mouse and keyboard: sliders, months, margins, price replay. Skipped without Chromium. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launch, openStudio, type View } from './browser.js';
import { openSeededGateway, type SeededGateway } from './seeded-gateway.js';

const VIEW: View = { language: 'en', theme: 'light', width: 1280, height: 900 };

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'the business page (skipped: no chromium on this machine)' : 'the business page',
  () => {
    let browser: Browser;
    let seeded: SeededGateway;
    beforeAll(async () => {
      [browser, seeded] = await Promise.all([launch(), openSeededGateway()]);
    });
    afterAll(async () => {
      await browser?.close();
      await seeded?.close();
      expect(seeded.problems).toEqual([]);
    });
    const open = (at: string) => openStudio(browser, seeded.url, VIEW, seeded.gateway.studioToken, at);

    it('the month’s figures, margins by plan, and a month in the address that every tab keeps', async () => {
      const { page, context, troubles } = await open('business');
      // as picture.test.ts has them by hand: 280 of revenue, a loss of 167.059
      await expect.poll(() => page.locator('.figures-business').first().innerText()).toContain('$280.00');
      expect(await page.locator('.figures-business').first().innerText()).toContain('−$167.06');
      await page.getByText('Plan', { exact: true }).click();
      // 120 + 20 − 20 of the plan; 110 − 15 without one
      await expect.poll(() => page.locator('tbody').first().innerText()).toContain('no plan');
      expect(await page.locator('tbody').first().innerText()).toContain('$120.00');
      await page.getByLabel('Month', { exact: true }).selectOption('2026-11');
      await page.getByRole('link', { name: 'Load' }).click();
      expect(new URL(page.url()).search).toBe('?month=2026-11');
      await expect.poll(() => page.locator('.headline').innerText()).toBe('15.7%');
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('a slider moved by keyboard computes the forecast anew, and goes back to what is stated', async () => {
      const { page, context, troubles } = await open('business/scenarios');
      const base = () => page.locator('.figures-cases .figure-value').nth(1).innerText();
      const price = page.getByLabel('Price of a million tokens');
      await price.focus();
      const before = await base();
      for (let press = 0; press < 4; press++) await page.keyboard.press('ArrowRight');
      // in steps of a 200th of 5.00
      expect(await price.getAttribute('aria-valuetext')).toBe('$2.10');
      const dollars = (text: string): number => Number(text.replaceAll(/[$,]/g, ''));
      await expect.poll(async () => dollars(await base())).toBeGreaterThan(dollars(before));
      await page.getByRole('button', { name: 'Back to what is stated' }).click();
      await expect.poll(base).toBe(before);
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('a price book: today’s prices change nothing, a cheap one is under cost, and no JSON is said to be none', async () => {
      const { page, context, troubles } = await open('business/prices');
      const book = page.locator('.book:not(:placeholder-shown)');
      await book.waitFor();
      const replay = page.getByRole('button', { name: 'Replay' });
      await replay.click();
      await expect.poll(() => page.locator('.payers tfoot').innerText()).toContain('the same');
      expect(await page.locator('.badge-finished').innerText()).toBe('covers its cost');
      await book.fill((await book.inputValue()).replace('"8.00"', '"0.20"'));
      await replay.click();
      await page.getByText('under cost at any load').waitFor();
      expect(await page.getByText('0 pay more, 1 less').count()).toBe(1);
      await book.fill('{ "name": ');
      await replay.click();
      await expect.poll(() => page.getByRole('alert').innerText()).toContain('This is not JSON');
      expect(troubles).toEqual([]);
      await context.close();
    });
  },
);
