import { existsSync } from 'node:fs';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { TOKEN } from './scripted-api.js';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** The browser on this machine, or undefined. `CHROMIUM_PATH` names another. */
export const chromiumPath = [process.env['CHROMIUM_PATH'], ...CANDIDATES].find(
  (candidate) => candidate !== undefined && existsSync(candidate),
);

export function launch(): Promise<Browser> {
  return chromium.launch({
    ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

export interface View {
  language: 'en' | 'zh';
  theme: 'light' | 'dark';
  width: number;
  height: number;
}

/**
 * A page as a reader with these habits sees it, the token in the address as `moat serve` prints it.
 * @param at the page, without a slash before it
 */
export async function openStudio(
  browser: Browser,
  url: string,
  view: View,
  token: string | null = TOKEN,
  at = '',
): Promise<{ page: Page; context: BrowserContext; troubles: string[] }> {
  const context = await browser.newContext({
    locale: view.language === 'zh' ? 'zh-CN' : 'en-US',
    colorScheme: view.theme,
    viewport: { width: view.width, height: view.height },
    timezoneId: 'UTC',
    reducedMotion: 'reduce',
  });
  const page = await context.newPage();
  // Shorter than a test's own limit, so that what was waited for is named.
  page.setDefaultTimeout(15_000);
  const troubles: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') troubles.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => troubles.push(`page: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) troubles.push(`external: ${request.url()}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) troubles.push(`${response.status()}: ${response.url()}`);
  });
  await page.goto(token === null ? url + at : `${url}${at}#token=${token}`);
  return { page, context, troubles };
}
