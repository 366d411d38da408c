/**
 * The whole way as a founder goes it, in a terminal and a browser, by mouse and keyboard alone: a project, data, a trained and measured
 * model, its promotion, a question, a customer with a plan and a key, a paid call, an invoice, the margin. Skipped without Chromium.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import OpenAI from 'openai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath, launch, openStudio } from './browser.js';

const MOAT = fileURLToPath(new URL('../../bin/moat.js', import.meta.url));
const CONFIG = {
  schemaVersion: 1,
  name: 'shop',
  timeZone: 'UTC',
  data: { path: 'data', nearDuplicates: 0 },
  model: { layers: 1, hiddenSize: 32, heads: 2, headSize: 16, intermediateSize: 64, contextLength: 64 },
  tokenizer: { vocabularySize: 300 },
  train: { steps: 60, batchSize: 2, sequenceLength: 32, evalEvery: 30, sampleTokens: 8 },
  serve: { threads: 1, port: 0, modelId: 'shop' },
  business: { machineHourlyPrice: '0.10', inputPricePerMillion: '500', outputPricePerMillion: '1500' },
};
const COMPANY = { name: 'Shop Ltd', address: ['1 Quay', 'Bristol'] };
const PLAN = { name: 'pro', currency: 'USD', fee: '20.00', credit: '10.00' };

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'the journey (skipped: no chromium here)' : 'the journey',
  () => {
    let shop: string;
    let server: ChildProcess;
    let url: string;
    let browser: Browser;
    let page: Page;
    let context: BrowserContext;
    let troubles: string[];
    let secretKey: string;

    const { DATABASE_URL: _none, ...rest } = process.env;
    const env = { ...rest, NO_COLOR: '1' };
    const keep = (name: string, content: object): Promise<void> =>
      writeFile(path.join(shop, name), JSON.stringify(content));
    /** What somebody types in the terminal. */
    const moat = async (...args: string[]): Promise<string> =>
      (await promisify(execFile)(process.execPath, [MOAT, ...args], { cwd: shop, env })).stdout;
    const go = (name: string): Promise<void> => page.getByRole('link', { name, exact: true }).first().click();
    const press = (name: string): Promise<void> => page.getByRole('button', { name, exact: true }).first().click();
    /** By keyboard: into the field, over what stands there. */
    const write = async (label: string, value: string): Promise<void> => {
      await page.getByLabel(label, { exact: true }).first().focus();
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type(value);
    };
    const main = (): Promise<string> => page.locator('main').innerText();
    const seen = (text: string | RegExp): Promise<void> => page.getByText(text).first().waitFor({ timeout: 90_000 });

    beforeAll(async () => {
      shop = await mkdtemp(path.join(tmpdir(), 'moat-journey-'));
      // root's database server runs as a system user, who has to get in
      await chmod(shop, 0o755);
      browser = await launch();
    });
    afterAll(async () => {
      await context?.close();
      await browser?.close();
      if (server?.exitCode === null) {
        server.kill('SIGTERM');
        await new Promise((resolve) => server.once('exit', resolve));
      }
      await rm(shop, { recursive: true, force: true });
    });

    it('in the terminal: a project, its data and tokenizer, and a server that has no model yet', async () => {
      expect(await moat('init')).toContain('Next:');
      await rm(path.join(shop, 'moat.config.ts'));
      await keep('moat.config.json', CONFIG);
      for (let topic = 0; topic < 30; topic++) {
        const rules = Array.from({ length: 90 }, (_, at) => `rule ${(topic * 7 + at * 3) % 40} holds here`);
        await writeFile(path.join(shop, 'data', `${topic}.txt`), `${rules.join(', ')}.`);
      }
      expect(await moat('data')).toMatch(/train +\d+ documents/);
      await moat('tokenizer');
      server = spawn(process.execPath, [MOAT, 'serve', '--json'], {
        cwd: shop,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      for await (const line of createInterface({ input: server.stdout as NodeJS.ReadableStream })) {
        const ready = JSON.parse(line) as { url: string; studioUrl: string; models: string[] };
        url = ready.url;
        expect(ready.models).toEqual([]);
        const token = new URL(ready.studioUrl).hash.slice('#token='.length);
        const view = { language: 'en', theme: 'light', width: 1280, height: 1000 } as const;
        ({ page, context, troubles } = await openStudio(browser, `${url}/`, view, token));
        break;
      }
      server.stdout?.resume();
      await go('Data');
      await seen('English');
    }, 180_000);

    it('trains a model, measures it and lets it answer', async () => {
      await go('Runs');
      await press('New run');
      await write('Name', 'first');
      await press('Start training');
      await page.getByRole('heading', { name: 'first' }).waitFor({ timeout: 90_000 });
      await page.locator('.run-head .badge', { hasText: 'Finished' }).waitFor({ timeout: 90_000 });
      expect(await moat('eval')).toContain('bits');
      await go('Evaluate');
      await seen('first');
      await go('Models');
      await page.getByRole('link', { name: /first/ }).first().click();
      await press('Promote');
      await write('Name that customers ask for', 'shop');
      await page.keyboard.press('Enter');
      await seen('Answers as shop');
      await go('Playground');
      await page.getByText('Completion', { exact: true }).click();
      await write('Max tokens', '6');
      await write('Prompt', 'rule 3');
      await press('Continue');
      await seen(/\d+ in, 6 out/);
    }, 180_000);

    it('sells it: a customer with a plan and a key, a paid call, an invoice', async () => {
      await go('Customers');
      await press('New customer');
      await write('Name', 'Acme Ltd');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Acme Ltd' }).waitFor();
      await keep('pro.json', PLAN);
      await keep('company.json', COMPANY);
      await moat('plans', 'publish', 'pro.json');
      await page.reload();
      await press('Begin a plan');
      await page.getByRole('dialog').getByRole('button', { name: 'Begin a plan' }).click();
      await seen('$20.00 a month');
      await moat('invoices', 'run');
      await press('New key');
      await write('Name', 'web shop');
      await page.keyboard.press('Enter');
      secretKey = await page.locator('.copy-line input').inputValue();
      await press('I have stored it');
      const openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: secretKey, maxRetries: 0 });
      const answer = await openai.completions.create({ model: 'shop', prompt: 'rule 3', max_tokens: 8 });
      expect(answer.usage?.completion_tokens).toBe(8);
      await page.reload();
      await seen(/^\d{4}-\d{6}$/);
      await seen('shop');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page
          .getByRole('button', { name: /: invoice / })
          .first()
          .click(),
      ]);
      expect((await readFile(await download.path())).toString('latin1', 0, 5)).toBe('%PDF-');
    }, 180_000);

    it('sees whether it pays, and the books agree', async () => {
      await go('Business');
      await seen('Margin');
      expect(await main()).toContain('shop');
      await go('Home');
      await seen('Margin before idle time');
      expect(JSON.parse(await moat('audit', '--json'))).toMatchObject({ balanced: true });
      expect(troubles).toEqual([]);
    }, 120_000);
  },
);
