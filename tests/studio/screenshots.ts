/**
 * Takes pictures of the studio.
 *   moat demo, in its folder a run that writes along the way (moat train --sample-prompt …), moat serve, and then:
 *   npx tsx tests/studio/screenshots.ts 'STUDIO ADDRESS'
 *     → docs/img/: those of the documentation, from a studio that is being served, so that every figure in them is real
 *   npx tsx tests/studio/screenshots.ts --all FOLDER
 *     → every page in both languages, lights and widths, over invented books: for whoever changes a page to look at
 */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser } from 'playwright-core';
import { launch, openStudio, type View } from './browser.js';
import { GATES, tourOf, visit } from './page-tour.js';
import { openSeededGateway } from './seeded-gateway.js';

const OUT = fileURLToPath(new URL('../../docs/img', import.meta.url));
const MAX_BYTES = 200_000;
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

/** As high as what a picture is to show. */
const HOME = { width: 1440, height: 1020 };
const RUN = { width: 1440, height: 1346 };

const PICTURES: Record<string, View & { at: string; shows: string }> = {
  'studio-en-light': { language: 'en', theme: 'light', ...HOME, at: '', shows: '.chart-frame canvas' },
  'studio-en-dark': { language: 'en', theme: 'dark', ...RUN, at: 'runs', shows: '.chart-frame canvas' },
  'studio-zh-light': { language: 'zh', theme: 'light', ...HOME, at: '', shows: '.chart-frame canvas' },
  'studio-zh-dark': { language: 'zh', theme: 'dark', ...RUN, at: 'runs', shows: '.chart-frame canvas' },
};

const VIEWS: Record<string, View> = {
  'en-light-wide': { language: 'en', theme: 'light', ...WIDE },
  'zh-dark-wide': { language: 'zh', theme: 'dark', ...WIDE },
  'en-dark-phone': { language: 'en', theme: 'dark', ...PHONE },
  'en-light-tablet': { language: 'en', theme: 'light', width: 820, height: 1100 },
  'zh-light-phone': { language: 'zh', theme: 'light', ...PHONE },
};

async function picturesOfDocumentation(browser: Browser, address: string): Promise<void> {
  const [url, token] = address.split('#token=');
  if (url === undefined || token === undefined) throw new Error(`${address}: not an address that moat serve prints`);
  await mkdir(OUT, { recursive: true });
  for (const [name, view] of Object.entries(PICTURES)) {
    const { page, context } = await openStudio(browser, url, view, token, view.at);
    await page.locator(view.shows).first().waitFor();
    await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
    const file = path.join(OUT, `${name}.png`);
    await page.screenshot({ path: file });
    await context.close();
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new Error(`${file}: ${size} bytes, more than ${MAX_BYTES}`);
    console.log(`${file}: ${size} bytes`);
  }
}

async function picturesOfEverything(browser: Browser, folder: string, only: string | undefined): Promise<void> {
  await mkdir(folder, { recursive: true });
  const seeded = await openSeededGateway();
  try {
    for (const [name, view] of Object.entries(VIEWS)) {
      const { page, context } = await openStudio(browser, seeded.url, view, seeded.gateway.studioToken);
      await page.locator('.nav').waitFor();
      for (const stop of tourOf(seeded)) {
        if (only !== undefined && !only.split(',').includes(stop.name)) continue;
        await visit(page, seeded.url, stop);
        await page.screenshot({ path: path.join(folder, `${stop.name}-${name}.png`), fullPage: true });
      }
      await context.close();
      for (const gate of GATES) {
        if (only !== undefined && !only.split(',').includes(gate.name)) continue;
        const outside = await openStudio(browser, seeded.url, view, null, gate.at);
        await outside.page.locator(gate.shows).waitFor();
        await outside.page.screenshot({ path: path.join(folder, `${gate.name}-${name}.png`), fullPage: true });
        await outside.context.close();
      }
    }
  } finally {
    await seeded.close();
  }
}

const [first = '', folder = '', only] = process.argv.slice(2);
const browser = await launch();
try {
  if (first === '--all' && folder !== '') await picturesOfEverything(browser, folder, only);
  else await picturesOfDocumentation(browser, first);
} finally {
  await browser.close();
}
