/**
 * Takes the pictures of the documentation from a studio that is being served, so that every figure in them is real:
 *   moat demo, and then: npx tsx tests/studio/screenshots.ts 'STUDIO ADDRESS' → docs/img/
 */
import { mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, openStudio, type View } from './browser.js';

const OUT = fileURLToPath(new URL('../../docs/img', import.meta.url));
const MAX_BYTES = 300_000;
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };

const PICTURES: Record<string, View & { question: string }> = {
  'studio-en-light': { language: 'en', theme: 'light', ...WIDE, question: 'Returns a new Buffer' },
  'studio-zh-light': { language: 'zh', theme: 'light', ...WIDE, question: 'Returns a new Buffer' },
  'studio-en-dark': { language: 'en', theme: 'dark', ...WIDE, question: 'Returns a new Buffer' },
  'studio-zh-phone': { language: 'zh', theme: 'dark', ...PHONE, question: 'Returns a new Buffer' },
};

await mkdir(OUT, { recursive: true });
const [url, token] = (process.argv[2] ?? '').split('#token=');
if (url === undefined || token === undefined) throw new Error("usage: screenshots.ts 'http://127.0.0.1:6628/#token=…'");
const browser = await launch();
try {
  for (const [name, view] of Object.entries(PICTURES)) {
    const { page, context } = await openStudio(browser, url, view, token);
    await page.locator('.chart-frame canvas').first().waitFor();
    await page.locator('.composer-input').fill(view.question);
    await page.keyboard.press('Enter');
    await page.locator('.turn-facts').waitFor();
    await page.evaluate('document.activeElement.blur(); scrollTo(0, 0)');
    const file = path.join(OUT, `${name}.png`);
    await page.screenshot({ path: file, fullPage: view.width > 500 });
    await context.close();
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new Error(`${file}: ${size} bytes, more than ${MAX_BYTES}`);
    console.log(`${file}: ${size} bytes`);
  }
} finally {
  await browser.close();
}
