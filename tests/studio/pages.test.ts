/** Every page of the studio on the real gateway and books, in both languages, lights and widths. Skipped without Chromium. */
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PASSWORD } from '../back-office.js';
import { post } from '../scratch-gateway.js';
import { chromiumPath, launch, openStudio, type View } from './browser.js';
import { auditPage, textOf } from './page-audit.js';
import { GATES, tourOf, visit } from './page-tour.js';
import { openSeededGateway, type SeededGateway } from './seeded-gateway.js';

const ENGLISH: View = { language: 'en', theme: 'light', width: 1280, height: 900 };
const CHINESE_PHONE: View = { language: 'zh', theme: 'dark', width: 390, height: 844 };
/** For every page there is, one after the other. */
const TOUR_MS = 240_000;
/** Names, addresses, codes: what no language translates. */
const NAMES = new RegExp(
  [
    /Moat/,
    /moat (serve|train|users create [^\n]+)/,
    /English/,
    /acme-\w+/,
    /support-v\d/,
    /ray:\S+/,
    /\/mnt\/team\/runs/,
    /\S+@\S+/,
    /Northwind/,
    /Acme GmbH/,
    /IBAN/,
    /\bpro\b/,
    /Harbor Café/,
    /Lindqvist & Co/,
    /Orchard Books/,
    /web shop/,
    /partner/,
    /old laptop/,
    /default/,
    /INV-\d+/,
    /TU-\d+-\d+/,
    /CN-\d+-\d+/,
    /RF\d+TU\d+/,
    /VAT/,
    /(cus|key|use)_\w+/,
    /moat_sk_\S+/,
    /[\da-f]{64}/,
    /qwen3/,
    /north/,
    /south/,
    /west/,
    /it serves "llama3", not/,
    /UTC/,
    /USD/,
    /PDF/,
    /curl/,
    /TypeScript/,
    /Python/,
    /MOAT_API_KEY/,
    /\btest\b/,
    /advertising/,
    /\bsearch\b/,
    /word of mouth/,
    /\bshop(-mini)?\b/,
    /spring/,
    /\b(MRR|ARR|NRR|CAC)\b/,
    /\d[.\d]*\s?[kMG]B\b/,
    /SHA/,
    /letters/,
    /[\w/]*\.jsonl(#\d+)?/,
    /moat (data( lock| PATH)?|eval --beside)/,
    /mails(-small)?/,
    /ms\b/,
    /TF-IDF/,
    /BM25/,
    /faq/,
    /Muon/,
    /AdamW?/,
    /SGD/,
    /run-1/,
    /step-\d+/,
    /ECE/,
    /GGUF/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'g',
);

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'every page (skipped: no chromium on this machine)' : 'every page',
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
    const enter = async (view: View = ENGLISH, at = '') => {
      const opened = await openStudio(browser, seeded.url, view, seeded.gateway.studioToken, at);
      await opened.page.locator('.nav').waitFor();
      return opened;
    };
    const signIn = async (email: string): Promise<{ page: Page; context: BrowserContext; troubles: string[] }> => {
      const opened = await openStudio(browser, seeded.url, ENGLISH, null);
      await opened.page.getByLabel('Email').fill(email);
      await opened.page.getByLabel('Password').fill(PASSWORD);
      await opened.page.keyboard.press('Enter');
      await opened.page.locator('.nav').waitFor();
      return opened;
    };

    it.each([
      ['in English, light and wide', ENGLISH],
      ['in Chinese, dark and on a phone', CHINESE_PHONE],
    ])(
      '%s: no error, no failed or foreign request, named, legible, translated',
      async (_, view) => {
        const { page, context, troubles } = await enter(view);
        for (const stop of tourOf(seeded)) {
          await visit(page, seeded.url, stop);
          expect([stop.name, await auditPage(page)]).toEqual([stop.name, []]);
          expect([stop.name, await page.locator('html').getAttribute('lang')]).toEqual([
            stop.name,
            view.language === 'zh' ? 'zh-CN' : 'en-US',
          ]);
          if (view.language === 'zh') {
            const english = (await textOf(page)).replace(NAMES, '').match(/[A-Za-z]{2,}/g);
            expect([stop.name, english]).toEqual([stop.name, null]);
          }
        }
        expect(troubles).toEqual([]);
        await context.close();
      },
      TOUR_MS,
    );

    it.each([
      ['in English', ENGLISH],
      ['in Chinese on a phone', CHINESE_PHONE],
    ])(
      '%s: what stands before the pages is named, legible, translated too, and asks for nothing that fails',
      async (_, view) => {
        for (const gate of GATES) {
          const { page, context, troubles } = await openStudio(browser, seeded.url, view, null, gate.at);
          await page.locator(gate.shows).waitFor();
          expect([gate.name, await auditPage(page), troubles]).toEqual([gate.name, [], []]);
          const english = (await textOf(page))
            .replace(NAMES, '')
            .replace('no such user', '')
            .match(/[A-Za-z]{2,}/g);
          if (view.language === 'zh') expect([gate.name, english]).toEqual([gate.name, null]);
          await context.close();
        }
      },
    );

    it('pages have addresses: back, forward and reload keep them; the title and the focus follow', async () => {
      const { page, context, troubles } = await enter();
      await page.locator('.nav').getByText('Customers').click();
      await page.getByRole('link', { name: 'Northwind' }).click();
      await page.locator('.chart-frame canvas').waitFor();
      expect(await page.title()).toBe('Northwind · Moat Studio');
      expect(new URL(page.url()).pathname).toBe(`/customers/${seeded.customerId}`);
      expect(await page.evaluate('document.activeElement?.id')).toBe('main');
      await page.locator('td.card-title .link').first().click();
      await page.locator('.dialog tfoot').waitFor();
      await page.reload();
      await page.locator('.dialog tfoot').waitFor();
      await page.keyboard.press('Escape');
      await page.locator('.dialog').waitFor({ state: 'detached' });
      expect(new URL(page.url()).search).toBe('');
      await page.goBack();
      await page.getByLabel('Find by name').fill('orch');
      expect(await page.locator('tbody tr').count()).toBe(1);
      await page.reload();
      await page.locator('tbody tr').waitFor();
      expect(await page.locator('tbody tr').count()).toBe(1);
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('the whole way to a page goes by keyboard: skip link, links, a dialog that keeps and returns the focus', async () => {
      const { page, context } = await enter();
      await page.keyboard.press('Tab');
      expect(await page.evaluate('document.activeElement?.className')).toBe('skip-link');
      await page.keyboard.press('Enter');
      expect(await page.evaluate('document.activeElement?.id')).toBe('main');
      await page.locator('.nav-link', { hasText: 'Customers' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'New customer' }).focus();
      await page.keyboard.press('Enter');
      await page.locator('.dialog').waitFor();
      const inside = new Set<boolean>();
      for (let press = 0; press < 6; press++) {
        await page.keyboard.press('Tab');
        inside.add(
          (await page.evaluate(
            "[document.body, document.documentElement].includes(document.activeElement) || document.activeElement.closest('dialog') !== null",
          )) as boolean,
        );
      }
      expect([...inside]).toEqual([true]);
      await page.keyboard.press('Escape');
      await expect.poll(() => page.evaluate('document.activeElement?.textContent')).toBe('New customer');
      await context.close();
    });

    it('a customer, credit and a key that is shown once, works, and stops working when revoked', async () => {
      const { page, context, troubles } = await enter(ENGLISH, 'customers');
      await page.getByRole('button', { name: 'New customer' }).click();
      await page.getByLabel('Name', { exact: true }).fill('Fresh & Co');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Fresh & Co' }).waitFor();
      await page.getByRole('button', { name: 'Add credit' }).click();
      await page.getByLabel('Amount in USD').fill('2.50');
      await page.getByRole('button', { name: 'Book it' }).click();
      await expect.poll(() => page.locator('.figures-account').innerText()).toContain('$2.50');
      await page.getByRole('button', { name: 'New key' }).click();
      await page.locator('.dialog').getByLabel('Name').fill('first');
      await page.getByRole('button', { name: 'Create' }).click();
      const secretKey = await page.getByLabel('Secret key').inputValue();
      expect(secretKey).toMatch(/^moat_sk_[\w-]{43}$/);
      await page.keyboard.press('Escape');
      expect(await page.getByLabel('Secret key').count()).toBe(1);
      await page.getByRole('button', { name: 'I have stored it' }).click();
      expect(await page.content()).not.toContain(secretKey);
      const ask = async (): Promise<number> => {
        const body = { model: 'acme-support', prompt: 'ab', max_tokens: 2 };
        return (await post(`${seeded.url}v1/completions`, secretKey, body)).status;
      };
      expect(await ask()).toBe(200);
      await page.getByRole('button', { name: 'Refresh' }).click();
      await page.locator('td.card-title .link').first().click();
      // 2 × $1 a million and 2 × $8 a million
      await expect.poll(() => page.locator('.dialog').innerText()).toContain('$0.000018');
      expect(await page.locator('.dialog').innerText()).toContain('Prepaid credit');
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Revoke' }).click();
      await page.locator('.dialog').getByRole('button', { name: 'Revoke' }).click();
      await page.locator('.badge', { hasText: 'Revoked' }).waitFor();
      expect(await ask()).toBe(401);
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('the same words go to two models; an answer says what it costs and how likely each token was, and becomes code', async () => {
      const { page, context, troubles } = await enter(ENGLISH, 'playground');
      await page.getByLabel('Compare with').selectOption('acme-large');
      await page.getByLabel('Token probabilities').check();
      await page.getByLabel('Max tokens').fill('3');
      await page.locator('.composer-input').fill('ab');
      await page.keyboard.press('Enter');
      await page.locator('.turn-facts').nth(1).waitFor();
      const facts = await page.locator('.turn-facts').allInnerTexts();
      // 2 × $1 and 3 × $8 a million; the other one has no price
      expect(facts[0]).toContain('2 in, 3 out');
      expect(facts[0]).toContain('$0.000026 at list price');
      expect(facts[1]).not.toContain('list price');
      await page.locator('.token').nth(1).hover();
      await expect.poll(() => page.locator('.token-line').first().innerText()).toMatch(/^"1" \d+\.\d%/);
      await page.locator('.tokens').nth(1).focus();
      await page.keyboard.press('ArrowRight');
      await expect.poll(() => page.locator('.token-line').nth(1).innerText()).toMatch(/^"0" \d+\.\d%/);
      await page.getByRole('button', { name: 'Share as code' }).click();
      await page.getByText('Python', { exact: true }).click();
      const code = await page.locator('.code-block').innerText();
      expect(code).toContain(`base_url="${seeded.gateway.url}/v1"`);
      expect(code).toContain('model="acme-support"');
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('what a role may not do is not shown, and its address says so', async () => {
      const { page, context, troubles } = await signIn('fay@acme.example');
      expect(await page.locator('.nav-link').allInnerTexts()).toEqual(['Home', 'Customers', 'Business', 'Settings']);
      await page.goto(`${seeded.url}customers/${seeded.customerId}`);
      await page.getByRole('button', { name: 'Add credit' }).waitFor();
      expect(await page.getByRole('button', { name: 'New key' }).count()).toBe(0);
      await page.goto(`${seeded.url}runs`);
      await page.getByText('Your role may not see this page').waitFor();
      await page.goto(`${seeded.url}settings`);
      await page.getByText('this browser').waitFor();
      expect(await page.locator('.tab').count()).toBe(0);
      // with the session's CSRF token: a change goes through
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.getByLabel('Email').waitFor();
      await page.reload();
      await page.getByLabel('Email').waitFor();
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('an owner invites somebody by a link that is shown once; a wrong password is said in words', async () => {
      const owner = await signIn('ann@acme.example');
      await owner.page.goto(`${seeded.url}settings/users`);
      await owner.page.getByRole('button', { name: 'Invite' }).click();
      await owner.page.locator('.dialog').getByLabel('Email').fill('dev@acme.example');
      await owner.page.locator('.dialog').getByLabel('Role').selectOption('developer');
      await owner.page.locator('.dialog').getByRole('button', { name: 'Invite' }).click();
      const link = await owner.page.getByLabel('Setup link').inputValue();
      expect(owner.troubles).toEqual([]);
      await owner.context.close();

      const context = await browser.newContext({ locale: 'en-US' });
      const page = await context.newPage();
      await page.goto(link);
      await page.getByRole('heading', { name: 'Choose a password' }).waitFor();
      expect(page.url()).toBe(seeded.url);
      await page.getByLabel('New password').fill('quiet rivers meet at noon');
      await page.getByLabel('The same once more').fill('quiet rivers meet at noon');
      await page.keyboard.press('Enter');
      await page.locator('.nav').waitFor();
      expect(await page.locator('.account-note').innerText()).toBe('Developer');
      await page.getByRole('button', { name: 'Sign out', exact: true }).click();
      await page.getByLabel('Email').fill('dev@acme.example');
      await page.getByLabel('Password').fill('something else entirely');
      await page.keyboard.press('Enter');
      await page.getByText('The email address or the password is wrong.').waitFor();
      await page.goto(
        `${seeded.url}?sign-in-problem=${encodeURIComponent('addresses at evil.example are not allowed')}`,
      );
      await page.getByText('addresses at evil.example are not allowed').waitFor();
      await context.close();
    });

    it('the portal opens with a key, refuses a limited or a wrong one in words, and forgets it', async () => {
      const { page, context } = await openStudio(browser, seeded.url, ENGLISH, null, 'portal');
      await page.getByLabel('API key').fill(`moat_sk_${'A'.repeat(43)}`);
      await page.keyboard.press('Enter');
      await page.getByText('This key is unknown, revoked or expired.').waitFor();
      await page.getByLabel('API key').fill(seeded.secretKey);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Northwind' }).waitFor();
      await page.reload();
      await page.getByRole('heading', { name: 'Northwind' }).waitFor();
      expect(await page.getByRole('button', { name: 'Revoke' }).count()).toBe(0);
      await page.locator('td.card-title .link').first().click();
      await page.locator('.dialog tfoot').waitFor();
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.reload();
      expect(await page.getByLabel('API key').inputValue()).toBe('');
      await context.close();
    });
  },
);
