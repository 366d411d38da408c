/** Data, evaluation, models and runs, from an empty project to a filled one, by mouse and keyboard. Skipped without Chromium. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCustomer } from '../../src/company/billing/customers.js';
import { createKey } from '../../src/company/billing/keys.js';
import type { Gateway } from '../../src/company/gateway/start-gateway.js';
import { type ScratchGateway, openScratchGateway } from '../scratch-gateway.js';
import { chromiumPath, launch, openStudio } from './browser.js';
import { exampleScript } from './example-script.js';
import { auditPage } from './page-audit.js';
import { scriptedEngine } from '../scripted-engine.js';
import { writeModelFolder } from '../model-folder.js';
import { seedLab } from './seeded-lab.js';

const studioDirectory = fileURLToPath(new URL('../../dist/studio', import.meta.url));
const view = { language: 'en', theme: 'dark', width: 1280, height: 900 } as const;

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'the lab’s pages (skipped: no chromium here)' : 'the lab’s pages',
  () => {
    let opened: ScratchGateway;
    let gateway: Gateway;
    let browser: Browser;
    beforeAll(async () => {
      opened = await openScratchGateway([], []);
      const openModel = async (modelId: string) => ({ engine: scriptedEngine({ modelId }), facts: {} });
      [gateway, browser] = await Promise.all([opened.start({ studioDirectory, openModel }), launch()]);
    });
    afterAll(async () => {
      await browser?.close();
      await gateway?.close();
      await opened?.close();
    });
    const enter = (at: string) => openStudio(browser, `${gateway.url}/`, view, gateway.studioToken, at);
    const queryOf = (page: Page): string => decodeURIComponent(new URL(page.url()).search);

    it('an empty project is told what to do, and nothing fails', async () => {
      const { page, context, troubles } = await enter('data');
      await page.getByText('No data yet').waitFor();
      await page.getByRole('link', { name: 'Evaluate' }).click();
      await page.getByText('No model of a run was measured yet').waitFor();
      await page.getByText('No model was fitted to a task yet').waitFor();
      await page.getByRole('link', { name: 'Models' }).click();
      await page.getByText('No model yet').waitFor();
      expect(await auditPage(page)).toEqual([]);
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('a damaged corpus is said to be in words, and a repaired one is there after a retry', async () => {
      const corpus = path.join(opened.scratch.directory, '.moat', 'corpus');
      await mkdir(corpus, { recursive: true });
      await writeFile(path.join(corpus, 'report.json'), '{');
      const { page, context } = await enter('data');
      await page.getByText('Make it again with moat data.').waitFor();
      await seedLab(opened.scratch.directory);
      await page.getByRole('button', { name: 'Try again' }).click();
      await page.locator('.bar-more summary').first().focus();
      await page.keyboard.press('Enter');
      await page.locator('.bar-more[open] .quote').first().waitFor();
      await context.close();
    });

    it('two reports and several runs stand beside each other, and the address keeps the choice', async () => {
      await seedLab(opened.scratch.directory);
      for (const name of ['first', 'second']) {
        const run = path.join(opened.scratch.directory, 'runs', name);
        await mkdir(run, { recursive: true });
        const lines = exampleScript().events.map((event) => `${JSON.stringify(event)}\n`);
        await writeFile(path.join(run, 'events.jsonl'), lines.join(''));
      }
      const { page, context, troubles } = await enter('evaluate?report=mails');
      await page.getByLabel('Beside it').selectOption('mails-small');
      await page.locator('.report .columns').waitFor();
      expect(queryOf(page)).toBe('?report=mails&beside=mails-small');
      expect(await page.locator('.report .columns').innerText()).toContain('0.860 (0.830 – 0.890)');
      await page.getByRole('link', { name: 'Runs' }).click();
      for (const name of ['first', 'second']) {
        await page.getByRole('checkbox', { name }).focus();
        await page.keyboard.press('Space');
      }
      await page.locator('.overlay canvas').waitFor();
      expect(queryOf(page)).toBe('?over=first,second');
      await expect.poll(() => page.locator('.overlay .legend').count()).toBe(2);
      await page.reload();
      await page.locator('.overlay canvas').waitFor();
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('a model is promoted and exported by keyboard, and the file comes down', async () => {
      await writeModelFolder(path.join(opened.scratch.directory, 'runs', 'tiny'), { model_type: 'llama' });
      const { page, context, troubles } = await enter('models?model=runs/tiny');
      await page.getByRole('button', { name: 'Promote' }).focus();
      await page.keyboard.press('Enter');
      await page.getByLabel('Name that customers ask for').fill('acme');
      expect(await auditPage(page)).toEqual([]);
      await page.keyboard.press('Enter');
      await page.getByText('acme is now tiny.').waitFor();
      await page.getByText('Answers as acme').waitFor();
      const { books } = opened;
      const { id: customerId } = await createCustomer(books, { name: 'Orchard Books' });
      await createKey(books, { customerId, models: ['acme'] });
      await page.getByRole('button', { name: 'Withdraw acme' }).focus();
      await page.keyboard.press('Enter');
      const dialog = page.getByRole('dialog');
      await dialog.getByText('Orchard Books · a key made for this model').waitFor();
      expect(await auditPage(page)).toEqual([]);
      expect(await dialog.getByRole('button', { name: 'Withdraw' }).isDisabled()).toBe(true);
      await dialog.getByLabel('Withdraw it all the same').check();
      await dialog.getByRole('button', { name: 'Withdraw' }).click();
      await page.getByText('acme answers no longer.').waitFor();
      await page.getByText('No model is served').waitFor();
      await page.getByRole('button', { name: 'Export' }).focus();
      await page.keyboard.press('Enter');
      await page.getByLabel('As').selectOption('q4_0');
      await page.getByRole('dialog').getByRole('button', { name: 'Export' }).click();
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('button', { name: 'Download tiny-q4_0.gguf' }).click(),
      ]);
      expect((await readFile(await download.path())).toString('latin1', 0, 4)).toBe('GGUF');
      expect(await auditPage(page)).toEqual([]);
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('copies are searched and turned, and texts are seen as tokens, learned and given', async () => {
      await seedLab(opened.scratch.directory);
      const { page, context, troubles } = await enter('data');
      await page.getByLabel('Search texts and names').fill('sizes run');
      await expect.poll(() => page.locator('.duplicate').count()).toBe(1);
      await page
        .getByRole('button', { name: /Show copy/ })
        .last()
        .click();
      await page.getByLabel('Search texts and names').fill('nowhere');
      await page.getByText('No copy holds this.').waitFor();
      await page.locator('.piece').first().waitFor();
      await page.getByLabel('Numbers of the tokens').check();
      await page.getByText('A text of yours').click();
      await page.locator('.piece-given').first().waitFor();
      await page.getByText('A text of yours').click();
      await page.getByLabel('Text, or a record of a conversation').fill('plain words');
      await page.getByText('every token is learned').waitFor();
      await page.getByText('Tokens', { exact: true }).click();
      expect(await auditPage(page)).toEqual([]);
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('of two reports on the same examples it is said which is better', async () => {
      await seedLab(opened.scratch.directory);
      const { page, context, troubles } = await enter('evaluate?report=mails&beside=mails-small');
      await page.getByText('McNemar’s test, exact').waitFor();
      expect(await page.locator('.verdict').innerText()).toContain('121 (of 121 and 121)');
      await page.getByLabel('Beside it').selectOption('');
      await page.locator('.reliability-plot').waitFor();
      expect(await auditPage(page)).toEqual([]);
      expect(troubles).toEqual([]);
      await context.close();
    });
  },
);
