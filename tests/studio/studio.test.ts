/** The studio in a real browser against a scripted server. Skipped, and says so, where no Chromium is installed. */
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dictionaries } from '../../src/studio/i18n/dictionary.js';
import { chromiumPath, launch, openStudio, type View } from './browser.js';
import { auditPage, textOf } from './page-audit.js';
import { emptyScript, evalEvent, exampleScript, stepEvent } from './example-script.js';
import { type ScriptedApi, startScriptedApi } from './scripted-api.js';

const STUDIO = fileURLToPath(new URL('../../dist/studio', import.meta.url));
const ENGLISH: View = { language: 'en', theme: 'light', width: 1280, height: 900 };
const CHINESE: View = { ...ENGLISH, language: 'zh' };
const FIRST_LOAD_LIMIT_BYTES = 150_000;

describe('what is built', () => {
  it(`first loads in ${FIRST_LOAD_LIMIT_BYTES / 1000} kB compressed, with nothing inline and nothing from elsewhere`, async () => {
    const html = await readFile(path.join(STUDIO, 'index.html'), 'utf8');
    const assets = await readdir(path.join(STUDIO, 'assets'));
    const homeOnward = assets.filter((name) => !/^(customers|portal|settings|playground|runs)-/.test(name));
    const sizeOf = async (name: string): Promise<number> =>
      gzipSync(await readFile(path.join(STUDIO, 'assets', name))).length;
    const bytes = (await Promise.all(homeOnward.map(sizeOf))).reduce((sum, size) => sum + size, gzipSync(html).length);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(FIRST_LOAD_LIMIT_BYTES);
    // The largest library is for those who open a chart.
    expect(assets.filter((name) => name.startsWith('chart-'))).not.toEqual([]);
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=|https?:\/\//);
  });

  it('every text is there in both languages', () => {
    const leaves = (value: unknown, at: string): [string, unknown][] =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, `${at}.${key}`))
        : [[at, value]];
    const english = new Map(leaves(dictionaries.en, ''));
    const chinese = new Map(leaves(dictionaries.zh, ''));
    expect([...chinese.keys()].sort()).toEqual([...english.keys()].sort());
    for (const [key, text] of chinese) {
      expect(typeof text, key).toBe(typeof english.get(key));
      if (typeof text === 'string') expect(text.trim(), key).not.toBe('');
      if (typeof text === 'string' && /[a-z]/i.test(text)) expect(text, key).toMatch(/[\u4e00-\u9fff]/);
    }
  });
});

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'in Chromium (skipped: no chromium on this machine)' : 'in Chromium',
  () => {
    let browser: Browser;
    let api: ScriptedApi;
    const open = (view: View, at = '', token?: null) => openStudio(browser, api.url, view, token, at);

    beforeAll(async () => {
      browser = await launch();
    });
    afterAll(async () => {
      await browser?.close();
    });
    async function scripted(script = exampleScript()): Promise<void> {
      await api?.close();
      api = await startScriptedApi(script);
    }
    afterAll(async () => {
      await api?.close();
    });
    const points = async (page: Page): Promise<number> =>
      Number(await page.locator('.chart-frame').first().getAttribute('data-points'));

    it('shows the business without a console error, a failed request or an external one', async () => {
      await scripted();
      const { page, context, troubles } = await open(ENGLISH);
      await page.locator('.area-today .figures').waitFor();
      const attention = page.locator('.area-attention');
      await expect
        .poll(() => attention.innerText())
        .toMatch(/wide-trial\s+Interrupted\s+Orchard Books\s+out of credit/);
      const text = await page.locator('main').innerText();
      for (const shown of ['$1.02', '$0.8917', '87.2% of revenue', '1,284', '1.2M', '$0.001396'])
        expect(text).toContain(shown);
      expect(page.url()).toBe(api.url);
      await page.reload();
      await page.locator('.area-today .figures').waitFor();
      expect(troubles).toEqual([]);
      await context.close();
    });

    it('the chart grows with each event, goes on after a cut where it was, and is whole after a reload', async () => {
      await scripted();
      const { page, context } = await open(ENGLISH, 'runs');
      await page.locator('.chart-frame canvas').first().waitFor();
      await expect.poll(() => points(page)).toBe(180);
      for (let step = 181; step <= 184; step++) api.emit(stepEvent(step));
      api.emit(evalEvent(184));
      await expect.poll(() => points(page)).toBe(184);
      expect(await page.locator('.run-detail').innerText()).toContain('184 of 300');
      const seen = api.script.events.length;
      api.cutStreams();
      await expect.poll(() => api.streamStarts.at(-1), { timeout: 10_000 }).toBe(seen);
      api.emit(stepEvent(185));
      await expect.poll(() => points(page)).toBe(185);
      await page.reload();
      await expect.poll(() => points(page)).toBe(185);
      await page.locator('.run', { hasText: 'wide-trial' }).click();
      await page.reload();
      await page.getByRole('heading', { name: 'wide-trial' }).waitFor();
      expect(new URL(page.url()).search).toBe('?run=wide-trial');
      await context.close();
    });

    it('streams an answer, says what it took, and stops when told to', async () => {
      await scripted();
      const { page, context } = await open(ENGLISH, 'playground');
      const input = page.locator('.composer-input');
      await input.fill('How do I return an order?');
      await page.getByLabel('Seed').fill('7');
      await input.press('Enter');
      await page.locator('.turn-facts').waitFor();
      expect(await page.locator('.turn-assistant .turn-text').innerText()).toBe(api.script.answer.join(''));
      expect(await page.locator('.turn-facts').innerText()).toMatch(/^14 in, 23 out · .* in all · first token after /);
      expect(api.questions.at(-1)).toMatchObject({
        model: 'acme-support',
        messages: [{ role: 'user', content: 'How do I return an order?' }],
        temperature: 0.8,
        top_p: 0.95,
        max_tokens: 128,
        seed: 7,
      });
      api.script.chunkMs = 200;
      await input.fill('And again?');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('.turn-writing').waitFor();
      await page.getByRole('button', { name: 'Stop', exact: true }).click();
      await expect.poll(() => page.locator('.turn-facts').last().innerText()).toContain('stopped by you');
      await expect.poll(() => api.abortedAnswers()).toBe(1);
      expect(api.questions.at(-1)?.messages).toHaveLength(3);
      await page.getByText('Completion', { exact: true }).click();
      api.script.chunkMs = 1;
      await input.fill('Once upon');
      await page.getByRole('button', { name: 'Continue' }).click();
      await page.locator('.turn-facts').waitFor();
      expect(api.questions.at(-1)).toMatchObject({ prompt: 'Once upon' });
      await context.close();
    });

    it('in Chinese leaves no English but names', async () => {
      const names =
        /\d\s?MB\b|Moat|English|acme-support|acme-draft|support-v\d|wide-trial|first-light|Northwind|Harbor Café|Lindqvist & Co|Orchard Books|qwen3|\bmoat (serve|train|keys create NAME --credit)\b/g;
      for (const script of [exampleScript(), emptyScript()]) {
        await scripted(script);
        const { page, context, troubles } = await open(CHINESE);
        // Only then has the token moved out of the address.
        await page.locator('.nav').waitFor();
        for (const at of ['', 'runs', 'playground', 'customers']) {
          await page.goto(api.url + at);
          await page.locator('.panel .row, .panel .state, .panel .run, .panel .card-title').first().waitFor();
          expect([at, (await textOf(page)).replace(names, '').match(/[A-Za-z]{2,}/g)]).toEqual([at, null]);
          expect([at, await auditPage(page)]).toEqual([at, []]);
        }
        expect(await page.locator('html').getAttribute('lang')).toBe('zh-CN');
        expect(troubles).toEqual([]);
        await context.close();
      }
    });

    it('says “not measured”, never 0, for what was not', async () => {
      await scripted(emptyScript());
      const { page, context } = await open(ENGLISH);
      await page.locator('.figures').waitFor();
      expect(await page.locator('.figure', { hasText: 'Cost of answers' }).innerText()).toContain('not measured');
      expect(await page.locator('.figure', { hasText: 'Margin before idle time' }).innerText()).toContain(
        'not measured',
      );
      expect(await page.locator('.area-break-even').innerText()).toContain('not measured');
      await context.close();
    });

    it('asks for the token, refuses a wrong one, remembers language and light', async () => {
      await scripted();
      const { page, context } = await open(ENGLISH, '', null);
      await page.getByLabel('Access token').fill('wrong');
      await page.getByRole('button', { name: 'Open' }).click();
      await page.getByRole('alert').waitFor();
      await page.getByText('中文', { exact: true }).click();
      await page.getByText('深色', { exact: true }).click();
      await page.reload();
      expect(await page.getByRole('heading', { level: 1 }).innerText()).toBe('登录');
      expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
      await page.goto(`${api.url}#token=scripted-token`);
      await page.locator('.area-today .figures').waitFor();
      await context.close();
    });

    it('keeps the last figures while the server fails, and recovers', async () => {
      await scripted();
      const { page, context } = await open(ENGLISH);
      await page.locator('.area-today .figures').waitFor();
      const { overview } = api.script;
      api.script.overview = 'fail';
      await page.locator('.area-today .notice').waitFor({ timeout: 10_000 });
      expect(await page.locator('.area-today').innerText()).toContain('$1.02');
      api.script.overview = overview;
      await page.locator('.area-today .notice button').click();
      await page.locator('.area-today .notice').waitFor({ state: 'detached' });
      await context.close();
    });

    it('fits a phone, and every control can be reached with the keyboard', async () => {
      await scripted();
      const { page, context } = await open({ ...ENGLISH, width: 390, height: 844 }, 'playground');
      await page.locator('.composer').waitFor();
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBe(0);
      const reached = new Set<string>();
      for (let press = 0; press < 22; press++) {
        await page.keyboard.press('Tab');
        reached.add(
          (await page.evaluate("document.activeElement?.name || document.activeElement?.className || ''")) as string,
        );
      }
      for (const control of ['language', 'theme', 'nav-link', 'transcript', 'input composer-input', 'mode', 'range']) {
        expect([...reached]).toContain(control);
      }
      await context.close();
    });
  },
);
