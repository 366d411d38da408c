/** The studio against the real gateway, database and books; only the engine is scripted. Skipped without Chromium. */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.js';
import { createCustomer } from '../../src/company/billing/customers.js';
import { grantCredit } from '../../src/company/billing/ledger.js';
import { setPrice } from '../../src/company/billing/prices.js';
import { type Gateway, startGateway } from '../../src/company/gateway/start-gateway.js';
import { openScratchProject, type ScratchProject } from '../scratch-database.js';
import { scriptedEngine } from '../scripted-engine.js';
import { chromiumPath, launch, openStudio } from './browser.js';
import { evalEvent, exampleScript, stepEvent } from './example-script.js';

const line = (event: unknown): string => `${JSON.stringify(event)}\n`;

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'the studio on the gateway (skipped: no chromium here)' : 'the studio on the gateway',
  () => {
    let scratch: ScratchProject;
    let gateway: Gateway;
    let browser: Browser;
    let eventFile: string;

    beforeAll(async () => {
      scratch = await openScratchProject();
      const books = { database: scratch.database, clock: systemClock };
      await setPrice(books, {
        model: 'quick',
        inputMicrosPerMillionTokens: 1_000_000n,
        outputMicrosPerMillionTokens: 2_000_000n,
      });
      const customer = await createCustomer(books, { name: 'Northwind' });
      await grantCredit(books, { customerId: customer.id, amountMicros: 5_000_000n, kind: 'payment' });
      const run = path.join(scratch.directory, 'runs', 'first');
      await mkdir(run, { recursive: true });
      eventFile = path.join(run, 'events.jsonl');
      await writeFile(eventFile, exampleScript().events.slice(0, 64).map(line).join(''));
      const slow = scriptedEngine({ modelId: 'quick', tokenMs: 20, contextLength: 100_000 });
      gateway = await startGateway({
        database: scratch.database,
        engines: new Map([['quick', slow]]),
        projectDirectory: scratch.directory,
        studioDirectory: fileURLToPath(new URL('../../dist/studio', import.meta.url)),
        port: 0,
        timeZone: 'UTC',
        costFacts: async () => ({ hourlyMicros: 100_000n, trainingRuns: [{ name: 'first', elapsedSeconds: 100 }] }),
      });
      browser = await launch();
    });
    afterAll(async () => {
      await browser?.close();
      await gateway?.close();
      await scratch?.close();
    });

    it('shows the books, follows a run’s file, and streams, stops and accounts for an answer', async () => {
      const view = { language: 'en', theme: 'light', width: 1280, height: 900 } as const;
      const url = new URL('/', gateway.url).href;
      const { page, context, troubles } = await openStudio(browser, url, view, gateway.studioToken, 'runs');
      const chart = page.locator('.chart-frame').first();
      await expect.poll(() => chart.getAttribute('data-points')).toBe('57');
      await appendFile(eventFile, line(stepEvent(58)) + line(evalEvent(58)));
      await expect.poll(() => chart.getAttribute('data-points')).toBe('58');
      await page.getByRole('link', { name: 'Customers' }).click();
      await expect.poll(() => page.locator('main').innerText()).toContain('$5.00');
      await page.getByRole('link', { name: 'Playground' }).click();
      await page.locator('.composer-input').fill('hello');
      await page.getByLabel('Max tokens').fill('5');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('.turn-facts').waitFor();
      expect(await page.locator('.turn-facts').innerText()).toMatch(/^reached the token limit · 5 in, 5 out · /);
      await page.getByLabel('Max tokens').fill('5000');
      await page.locator('.composer-input').fill('more');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('.turn-writing').waitFor();
      await page.getByRole('button', { name: 'Stop', exact: true }).click();
      await page.getByRole('link', { name: 'Home' }).click();
      const statuses = page.locator('.cell-status');
      await expect.poll(() => statuses.allInnerTexts(), { timeout: 10_000 }).toEqual(['Aborted', 'Finished']);
      // The project's own use is measured, and no amount stands there as if it had a price of nothing.
      expect(await page.locator('.cell-charged').allInnerTexts()).toEqual(['not charged', 'not charged']);
      expect(troubles).toEqual([]);
      await context.close();
    });
  },
);
