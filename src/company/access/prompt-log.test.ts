import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';
import { manualClock } from '../../base/clock.js';
import { createCustomer } from '../billing/customers.js';
import { createPromptLog } from './prompt-log.js';

const DAY_MS = 24 * 3_600_000;
const clock = manualClock(1_900_000_000_000);
let scratch: ScratchProject;
let customerId: string;
let otherId: string;
beforeAll(async () => {
  scratch = await openScratchProject();
  const books = { database: scratch.database, clock };
  customerId = (await createCustomer(books, { name: 'one' })).id;
  otherId = (await createCustomer(books, { name: 'other' })).id;
});
afterAll(() => scratch.close());

const exchange = (prompt: string, answer = 'yes') => ({ requestId: 'req_1', customerId, model: 'm', prompt, answer });

test('personal data and secrets are masked before they are stored, in prompt and answer, also where the text is cut', async () => {
  const log = createPromptLog({ database: scratch.database, clock, retentionDays: 30 });
  const key = `moat_sk_${'a1B2'.repeat(10)}abc`;
  const edge = `${'x'.repeat(32_764)} ann@example.com`;
  await log.record(exchange(`Write to ann@example.com with ${key}\0`, 'Call +49 30 901820, \ud800'));
  await log.record(exchange(edge));
  const rows = await scratch.database.sql<
    { all: string }[]
  >`select prompt || answer as all from moat.prompt_log order by id`;
  expect(rows.map(({ all }) => all.slice(0, 120))[0]).toBe('Write to [email] with [secret]\uFFFDCall [phone], \uFFFD');
  expect(rows[1]?.all).not.toContain('ann');
  const listed = (await log.list()).map(({ prompt, truncated }) => [prompt.length, truncated]);
  expect(listed).toEqual([
    [32_768, true],
    [31, false],
  ]);
});

test('without redaction the text is kept, and Moat’s own keys are masked all the same', async () => {
  const log = createPromptLog({ database: scratch.database, clock, retentionDays: 30, redact: false });
  await log.record(exchange(`ann@example.com moat_sk_${'a'.repeat(43)}`));
  expect((await log.list({ limit: 1 }))[0]?.prompt).toBe('ann@example.com [secret]');
});

test('one customer’s are listed without another’s; what is too old is not shown, and an hourly sweep removes it', async () => {
  const log = createPromptLog({ database: scratch.database, clock, retentionDays: 2 });
  await log.record({ ...exchange('theirs'), customerId: otherId });
  expect((await log.list({ customerId: otherId })).map(({ prompt }) => prompt)).toEqual(['theirs']);
  expect((await log.list({ customerId })).map(({ prompt }) => prompt)).not.toContain('theirs');
  clock.advance(2 * DAY_MS + 1);
  expect(await log.list()).toEqual([]);
  await log.record(exchange('new'));
  const [row] = await scratch.database.sql`select count(*)::int as count from moat.prompt_log`;
  expect(row).toEqual({ count: 1 });
  expect(await log.sweep()).toBe(0);
});
