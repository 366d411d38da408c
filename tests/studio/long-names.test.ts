/** Names and amounts as large as they are allowed to be, on screens of three widths: nothing is pushed out of sight. */
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { auditAs } from '../../src/company/access/audit-log.js';
import { setBudget } from '../../src/company/billing/budgets.js';
import { type Books, createCustomer } from '../../src/company/billing/customers.js';
import { createKey } from '../../src/company/billing/keys.js';
import { grantCredit } from '../../src/company/billing/ledger.js';
import { publishPlan } from '../../src/company/billing/plans.js';
import { subscribe } from '../../src/company/billing/subscriptions.js';
import { post } from '../scratch-gateway.js';
import { chromiumPath, launch, openStudio } from './browser.js';
import { type SeededGateway, openSeededGateway } from './seeded-gateway.js';

const LONG = 'x'.repeat(99);

/** @returns the customer's id */
async function seedLongNames(books: Books): Promise<string> {
  const audit = auditAs(`somebody@${LONG}.example`, systemClock);
  const { id: customerId } = await createCustomer(books, { name: `${LONG}${LONG}` }, audit);
  const amountMicros = 900_719_925_474_099_000n;
  await grantCredit(books, { customerId, kind: 'payment', amountMicros, reference: LONG }, audit);
  await createKey(books, { customerId, name: LONG, models: ['acme-support', LONG] }, audit);
  await setBudget(books, { customerId, span: 'total', timeZone: 'UTC', limitMicros: amountMicros }, audit);
  await publishPlan(books, { name: LONG, currency: 'USD', fee: '123456789.01', seat: '1.00' }, 'plan', audit);
  await subscribe(books, { customerId, plan: LONG, seats: 999 }, audit);
  return customerId;
}

/** What is wider than its place: the page, or a panel of it. */
const tooWide = (page: Page): Promise<string[]> =>
  page.evaluate(`[document.documentElement, ...document.querySelectorAll('.panel')]
    .filter((part) => part.scrollWidth > part.clientWidth + 1)
    .map((part) => part.querySelector('.panel-title')?.textContent ?? part.tagName)`);

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'long names (skipped: no chromium on this machine)' : 'long names',
  () => {
    let browser: Browser;
    let seeded: SeededGateway;
    let pages: readonly string[];
    beforeAll(async () => {
      [browser, seeded] = await Promise.all([launch(), openSeededGateway()]);
      const { url, gateway, books } = seeded;
      const customerId = await seedLongNames(books);
      await post(`${url}api/models/support-v2/promote`, gateway.studioToken, { name: LONG });
      pages = ['', 'models', 'playground', 'customers', `customers/${customerId}`, 'settings/audit-log'];
    });
    afterAll(async () => {
      await browser?.close();
      await seeded?.close();
    });

    it.each([1440, 820, 390])('fit on a screen of %i pixels', async (width) => {
      const view = { language: 'en', theme: 'light', width, height: 900 } as const;
      const { page, context, troubles } = await openStudio(browser, seeded.url, view, seeded.gateway.studioToken);
      await page.locator('.nav').waitFor();
      for (const at of pages) {
        await page.goto(seeded.url + at);
        await page.getByText(LONG).first().waitFor({ state: 'attached' });
        expect(await tooWide(page), at).toEqual([]);
      }
      expect(troubles).toEqual([]);
      await context.close();
    });
  },
);
