/** Every page of the studio, and what tells that it is there. */
import type { Page } from 'playwright-core';
import type { SeededGateway } from './seeded-gateway.js';

export interface Stop {
  readonly name: string;
  /** Without a slash before it. */
  readonly at: string;
  /** A selector of what is shown when everything has arrived. */
  readonly shows: string;
  /** What has to be done before there is something to see. */
  prepare?(page: Page): Promise<void>;
}

export function tourOf({ customerId, secretKey }: SeededGateway): readonly Stop[] {
  const customer = `customers/${customerId}`;
  return [
    { name: 'home', at: '', shows: '.chart-frame canvas' },
    {
      name: 'data',
      at: 'data',
      shows: '.bar-more',
      prepare: (page) => page.locator('.bar-more summary').first().click(),
    },
    { name: 'runs', at: 'runs?run=support-v2&over=support-v1,support-v2', shows: '.overlay canvas' },
    {
      name: 'new-run',
      at: 'runs',
      shows: '.dialog .field-grid',
      prepare: async (page) => {
        await page.locator('.page-actions .button').click();
        await page.locator('.more-settings summary').click();
      },
    },
    {
      name: 'fork',
      at: 'runs?run=support-v1',
      shows: '.dialog .field-grid',
      prepare: (page) => page.locator('.run-actions .button').last().click(),
    },
    {
      name: 'resume',
      at: 'runs?run=support-v1',
      shows: '.dialog select',
      prepare: (page) => page.locator('.run-actions .button').first().click(),
    },
    { name: 'evaluate', at: 'evaluate?report=mails', shows: '.table-confusion' },
    { name: 'beside', at: 'evaluate?report=mails&beside=mails-small', shows: '.report .columns' },
    { name: 'models', at: 'models?model=runs/support-v2', shows: '.model-card' },
    {
      name: 'withdraw',
      at: 'models?model=runs/support-v2',
      shows: '.dialog .button-danger',
      async prepare(page) {
        await page.locator('.model-actions .button').first().click();
        await page.locator('.dialog select').first().selectOption('');
        await page.locator('.dialog input').fill('acme-beta');
        await page.locator('.dialog .button-primary').click();
        await page.locator('.row-act').click();
      },
    },
    { name: 'playground', at: 'playground', shows: '.composer' },
    {
      name: 'answers',
      at: 'playground',
      shows: '.transcripts-two .turn-facts',
      async prepare(page) {
        await page.locator('.playground-settings select').nth(1).selectOption('acme-large');
        await page.locator('.check input').check();
        await page.locator('.composer-input').fill('1 2 3');
        await page.keyboard.press('Enter');
        await page.locator('.turn-facts').nth(1).waitFor();
        await page.locator('.tokens').first().focus();
        await page.keyboard.press('ArrowRight');
      },
    },
    {
      name: 'share',
      at: 'playground',
      shows: '.code-block',
      prepare: (page) => page.locator('.playground-actions .button').first().click(),
    },
    { name: 'customers', at: 'customers', shows: 'tbody tr' },
    { name: 'customer', at: customer, shows: '.chart-frame canvas' },
    {
      name: 'charge',
      at: customer,
      shows: '.dialog tfoot',
      prepare: (page) =>
        page
          .getByRole('button', { name: /what was charged$|扣费明细$/ })
          .first()
          .click(),
    },
    {
      name: 'invoice',
      at: customer,
      shows: '.dialog .parties',
      prepare: (page) => page.getByRole('button', { name: INVOICE }).last().click(),
    },
    {
      name: 'refund',
      at: customer,
      shows: '.dialog .button-danger',
      async prepare(page) {
        await page.getByRole('button', { name: INVOICE }).first().click();
        // The other one, which downloads the PDF, is there first.
        await page.locator('.dialog .form-actions .button').nth(1).waitFor();
        await page.locator('.dialog .form-actions .button').first().click();
      },
    },
    {
      name: 'paid',
      at: customer,
      shows: '.dialog .button-primary',
      prepare: (page) => page.locator('tr', { hasText: 'RF' }).first().locator('.row-actions .link').first().click(),
    },
    {
      name: 'budget',
      at: customer,
      shows: '.dialog select',
      prepare: (page) => page.locator('.panel-aside .button').nth(3).click(),
    },
    {
      name: 'buyer',
      at: customer,
      shows: '.dialog textarea',
      prepare: (page) => page.locator('.panel-aside .button').nth(5).click(),
    },
    {
      name: 'new-key',
      at: customer,
      shows: '.dialog .checks',
      prepare: (page) => page.locator('.panel-aside .button').first().click(),
    },
    { name: 'business', at: 'business?month=2026-11', shows: '.chart-frame canvas' },
    { name: 'load', at: 'business/load', shows: '.chart-frame canvas' },
    { name: 'canvas', at: 'business/canvas', shows: '.canvas .entry' },
    { name: 'market', at: 'business/market', shows: '.map .point' },
    {
      name: 'scenarios',
      at: 'business/scenarios',
      shows: '.slider-stated',
      async prepare(page) {
        await page.locator('.range').first().focus();
        await page.keyboard.press('ArrowRight');
      },
    },
    {
      name: 'prices',
      at: 'business/prices',
      shows: '.payers tfoot',
      async prepare(page) {
        const cheaper = { input: { kind: 'flat', price: '2.00' }, output: { kind: 'flat', price: '0.20' } };
        const book = page.locator('.book:not(:placeholder-shown)');
        await book.fill(
          JSON.stringify({ name: 'spring', currency: 'USD', models: { 'acme-support': cheaper } }, null, 2),
        );
        await page.locator('.form .button-primary').click();
      },
    },
    { name: 'you', at: 'settings', shows: '.command' },
    { name: 'users', at: 'settings/users', shows: 'tbody tr' },
    { name: 'server', at: 'settings/server', shows: '.pairs' },
    { name: 'audit-log', at: 'settings/audit-log', shows: '.verdict' },
    { name: 'prompts', at: 'settings/prompts', shows: '.exchange' },
    { name: 'not-found', at: 'nowhere', shows: '.state-page' },
    {
      name: 'portal',
      at: 'portal',
      shows: '.chart-frame canvas',
      prepare: (page) => openPortal(page, secretKey),
    },
    {
      name: 'how-to-pay',
      at: 'portal',
      shows: '.dialog .payment',
      async prepare(page) {
        await openPortal(page, secretKey);
        await page.locator('tr', { hasText: 'RF' }).first().locator('.row-actions .link').first().click();
      },
    },
    {
      name: 'ask-credit',
      at: 'portal',
      shows: '.dialog .field-hint',
      async prepare(page) {
        await openPortal(page, secretKey);
        await page.locator('.panel-aside .button').click();
      },
    },
  ];
}

const INVOICE = /^\d{4}-\d{6}$/;

/** The key stays in the tab, so the gate is passed once. */
async function openPortal(page: Page, secretKey: string): Promise<void> {
  await page.locator('input[type=password], .chart-frame canvas').first().waitFor();
  if ((await page.locator('input[type=password]').count()) === 0) return;
  await page.locator('input[type=password]').fill(secretKey);
  await page.keyboard.press('Enter');
}

/** What stands before the studio and the portal: for whoever is not signed in. */
export const GATES: readonly Stop[] = [
  { name: 'sign-in', at: '?sign-in-problem=no%20such%20user', shows: '.gate-other' },
  { name: 'set-up', at: `#setup=moat_setup_${'A'.repeat(43)}`, shows: '.form' },
  { name: 'portal-gate', at: 'portal', shows: '.form' },
];

/** Goes there as a link in an e-mail would, and waits until everything has arrived. */
export async function visit(page: Page, url: string, stop: Stop): Promise<void> {
  await page.goto(url + stop.at);
  if (stop.prepare !== undefined) await stop.prepare(page);
  await page.locator(stop.shows).first().waitFor();
  await page.locator('.skeleton').first().waitFor({ state: 'detached' });
}
