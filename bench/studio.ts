/**
 * Group `studio`: how long the usage page of a customer with a million events waits for its answers, and how long the first page takes
 * to be there in a real browser on this machine. Without Chromium the second is left out.
 */
import { fileURLToPath } from 'node:url';
import { manualClock } from '../src/base/clock.js';
import type { Books } from '../src/company/billing/customers.js';
import { findCustomer } from '../src/company/billing/customers.js';
import { type Gateway, startGateway } from '../src/company/gateway/start-gateway.js';
import { openScratchProject } from '../tests/scratch-database.js';
import { chromiumPath, launch, openStudio } from '../tests/studio/browser.js';
import { EVENTS, makeEvents, prepare } from './invoices.js';
import { type BenchResult, median } from './result.js';

const ROUNDS = 9;
const shared = { group: 'studio', peer: null, peerName: null, ratio: null } as const;

export async function studioGroup(): Promise<BenchResult[]> {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const scratch = await openScratchProject();
  const books: Books = { database: scratch.database, clock };
  try {
    await prepare(books);
    await makeEvents(books);
    // The events lie 2.6 seconds apart: a million of them are 30 days and two hours.
    clock.setWall(Date.UTC(2030, 0, 31, 2));
    const gateway = await startGateway({
      database: scratch.database,
      engines: new Map(),
      projectDirectory: scratch.directory,
      studioDirectory: fileURLToPath(new URL('../dist/studio', import.meta.url)),
      port: 0,
      timeZone: 'UTC',
      clock,
    });
    try {
      const { id } = await findCustomer(books, 'Large');
      const answers = await usageAnswers(gateway, `/api/customers/${id}`);
      return [...answers, ...(chromiumPath === undefined ? [] : await firstLoads(gateway))];
    } finally {
      await gateway.close();
    }
  } finally {
    await scratch.close();
  }
}

/** Everything the page asks for at once, as it does; then the next page of events, and an event. */
async function usageAnswers(gateway: Gateway, customer: string): Promise<BenchResult[]> {
  const read = async (path: string): Promise<{ events?: { id: string }[]; nextBefore?: string }> => {
    const headers = { authorization: `Bearer ${gateway.studioToken}` };
    const response = await fetch(gateway.url + path, { headers });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return (await response.json()) as { events?: { id: string }[]; nextBefore?: string };
  };
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const startedAt = performance.now();
    await work();
    return performance.now() - startedAt;
  };
  const [whole, next, one]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < ROUNDS; round++) {
    const page = await read(`${customer}/usage?limit=50`);
    whole.push(
      await timed(() => Promise.all([read(customer), read(`${customer}/usage?limit=50`), read(`${customer}/credits`)])),
    );
    next.push(
      await timed(() => read(`${customer}/usage?limit=200&before=${encodeURIComponent(page.nextBefore ?? '')}`)),
    );
    one.push(await timed(() => read(`${customer}/usage/${page.events?.[0]?.id ?? ''}`)));
  }
  const result = (name: string, values: readonly number[]): BenchResult => ({
    ...shared,
    name: `${name}, one customer, ${EVENTS} usage events`,
    unit: 'ms',
    ours: median(values),
    target: 300,
    runs: ROUNDS,
  });
  return [
    result('usage page, all its answers', whole),
    result('200 older events', next),
    result('what one event was charged', one),
  ];
}

/** From nothing to the first figures, in a fresh browser context each time. */
async function firstLoads(gateway: Gateway): Promise<BenchResult[]> {
  const browser = await launch();
  const times: number[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const startedAt = performance.now();
      const view = { language: 'en', theme: 'light', width: 1280, height: 900 } as const;
      const { page, context } = await openStudio(browser, `${gateway.url}/`, view, gateway.studioToken);
      await page.locator('.figure-value').first().waitFor();
      times.push(performance.now() - startedAt);
      await context.close();
    }
  } finally {
    await browser.close();
  }
  return [
    {
      ...shared,
      name: 'first page in Chromium, fresh context, until its figures are there',
      unit: 'ms',
      ours: median(times),
      target: 1000,
      runs: ROUNDS,
    },
  ];
}
