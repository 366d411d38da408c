/** Training from the studio, with real runs of a tiny model: start, stop, resume, fork, and what goes wrong. Skipped without Chromium. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadProject } from '../../src/cli/config/project.js';
import { createTrainingControl } from '../../src/cli/stages/training-control.js';
import { listAuditLog } from '../../src/company/access/audit-log.js';
import type { Gateway } from '../../src/company/gateway/start-gateway.js';
import { parseRunConfig } from '../../src/lab/train/run-config.js';
import { isTraining, requestStop } from '../../src/lab/train/run-lock.js';
import { type ScratchGateway, openScratchGateway } from '../scratch-gateway.js';
import { chromiumPath, launch, openStudio } from './browser.js';
import { auditPage } from './page-audit.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const view = { language: 'en', theme: 'light', width: 1280, height: 1000 } as const;
const PATIENCE = { timeout: 60_000 };

const CONFIG = {
  model: { depth: 1, hiddenSize: 16, heads: 1, headSize: 16, contextLength: 32 },
  tokenizer: { vocabularySize: 300 },
  train: { batchSize: 2, evalEvery: 20, checkpointEvery: 20, sampleTokens: 8 },
  data: { nearDuplicates: 0, validationFraction: 0.1 },
};

describe.skipIf(chromiumPath === undefined)(
  chromiumPath === undefined ? 'training (skipped: no chromium here)' : 'training from the studio',
  () => {
    let opened: ScratchGateway;
    let gateway: Gateway;
    let browser: Browser;
    const directory = (): string => opened.scratch.directory;
    const runDirectory = (name: string): string => path.join(directory(), 'runs', name);

    const serve = async (port = 0): Promise<Gateway> => {
      const env = { PATH: process.env['PATH'] };
      const training = createTrainingControl(await loadProject(directory(), { env }), env);
      const studioDirectory = path.join(root, 'dist', 'studio');
      return opened.start({ studioDirectory, training, port });
    };
    beforeAll(async () => {
      opened = await openScratchGateway([], []);
      await mkdir(path.join(directory(), 'data'));
      await writeFile(path.join(directory(), 'moat.config.json'), JSON.stringify(CONFIG));
      for (let index = 0; index < 40; index++) {
        const text = Array.from({ length: 60 }, (_, word) => `word ${(index * 7 + word * 3) % 50} comes`).join(' ');
        await writeFile(path.join(directory(), 'data', `${index}.txt`), text);
      }
      for (const stage of ['data', 'tokenizer'])
        await promisify(execFile)(process.execPath, [path.join(root, 'bin/moat.js'), stage], { cwd: directory() });
      [gateway, browser] = await Promise.all([serve(), launch()]);
    }, 120_000);
    afterAll(async () => {
      for (const name of ['first', 'fork']) await requestStop(runDirectory(name)).catch(() => undefined);
      for (let look = 0; look < 100 && (await isTraining(runDirectory('first'))) === true; look++) await sleep(100);
      await browser?.close();
      await gateway?.close();
      expect(await opened?.close()).toEqual([]);
    });

    const enter = () => openStudio(browser, `${gateway.url}/`, view, gateway.studioToken, 'runs');
    const steps = async (page: Page): Promise<number> =>
      Number((await page.locator('.figure-value').first().innerText()).split(' ')[0]?.replaceAll(',', ''));
    const badge = (page: Page, text: string) => page.locator('.run-head .badge', { hasText: text }).waitFor(PATIENCE);
    const button = (page: Page, name: string) => page.getByRole('button', { name, exact: true });

    it('a run is started with changed settings, is seen to learn and write, and survives reload and the server’s restart', async () => {
      const { page, context } = await enter();
      await button(page, 'New run').click();
      await page.getByLabel('Name').fill('first');
      await page.getByLabel('Minutes').fill('');
      await page.getByLabel('Steps', { exact: true }).fill('10000000');
      await page.getByLabel('Batch size').fill('many');
      await button(page, 'Start training').click();
      const refused = page.locator('.dialog [role=alert]');
      await refused.waitFor();
      expect(await refused.innerText()).toContain(
        'train.batchSize: expected a whole number from 1 to 4096, found "many"',
      );
      await page.getByLabel('Batch size').fill('3');
      expect(await auditPage(page)).toEqual([]);
      await button(page, 'Start training').click();
      await page.getByRole('heading', { name: 'first' }).waitFor(PATIENCE);
      await badge(page, 'Running');
      await page.locator('.sample').nth(1).waitFor(PATIENCE);
      expect(await page.locator('.chart-title', { hasText: 'Memory' }).count()).toBe(1);
      expect(await auditPage(page)).toEqual([]);
      await page.reload();
      await badge(page, 'Running');
      const before = await steps(page);
      // the server goes, and with it every connection; the run stays, and so does the page
      await gateway.close();
      await page.locator('.live-reconnecting').waitFor(PATIENCE);
      expect(await isTraining(runDirectory('first'))).toBe(true);
      gateway = await serve(gateway.port);
      await page.locator('.live-live').waitFor(PATIENCE);
      await expect.poll(() => steps(page), PATIENCE).toBeGreaterThan(before);
      await context.close();
    }, 180_000);

    it('another run has to wait; a stop saves, and a resumed run goes on where it was', async () => {
      const { page, context, troubles } = await enter();
      await badge(page, 'Running');
      await button(page, 'New run').click();
      await page.getByText('first is training.').waitFor();
      expect(await button(page, 'Start training').isDisabled()).toBe(true);
      await page.keyboard.press('Escape');
      await button(page, 'Stop and save').click();
      await badge(page, 'Stopped');
      await button(page, 'Resume').waitFor();
      const stoppedAt = await steps(page);
      await button(page, 'Resume').click();
      expect(await page.getByLabel('From checkpoint').locator('option').first().innerText()).toContain(
        `step ${stoppedAt.toLocaleString('en-US')}`,
      );
      expect(await auditPage(page)).toEqual([]);
      await page.locator('.dialog').getByRole('button', { name: 'Resume' }).click();
      await badge(page, 'Running');
      await expect.poll(() => steps(page), PATIENCE).toBeGreaterThan(stoppedAt);
      await button(page, 'Stop and save').click();
      await badge(page, 'Stopped');
      expect(troubles).toEqual([]);
      await context.close();
    }, 180_000);

    it('a fork takes the settings but for the changed ones, and begins with the weights', async () => {
      const { page, context, troubles } = await enter();
      await button(page, 'Fork').click();
      expect(await page.getByLabel('Batch size').inputValue()).toBe('3');
      await page.getByLabel('Name').fill('fork');
      await page.getByLabel('Begin with').selectOption({ index: 1 });
      await page.getByLabel('Learning rate', { exact: true }).fill('0.005');
      await page.getByLabel('Steps', { exact: true }).fill('40');
      await button(page, 'Start training').click();
      await page.getByRole('heading', { name: 'fork' }).waitFor(PATIENCE);
      await badge(page, 'Finished');
      const read = async (name: string) =>
        parseRunConfig(JSON.parse(await readFile(path.join(runDirectory(name), 'config.json'), 'utf8')), name);
      const [first, fork] = [await read('first'), await read('fork')];
      expect(fork).toEqual({
        ...first,
        loop: { ...first.loop, maxSteps: 40 },
        optimizer: { ...first.optimizer, learningRate: 0.005 },
      });
      // it goes on from what was learned: from scratch, the loss begins at ln 300 = 5.7
      const [, step] = (await readFile(path.join(runDirectory('fork'), 'events.jsonl'), 'utf8')).split('\n');
      expect((JSON.parse(step ?? '') as { loss: number }).loss).toBeLessThan(4);
      const actions = (await listAuditLog(opened.books.database, { limit: 20 })).map(({ action }) => action);
      expect(new Set(actions)).toEqual(new Set(['run.start-requested', 'run.stop-requested', 'run.resume-requested']));
      expect(troubles).toEqual([]);
      await context.close();
    }, 180_000);
  },
);
