import path from 'node:path';
import fc from 'fast-check';
import { extractText } from 'unpdf';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../../tests/scratch-database.js';
import { useModel } from '../../../../tests/use-model.js';
import { manualClock } from '../../../base/clock.js';
import { hashOfKey } from '../api-key.js';
import { audit } from '../audit.js';
import { runBilling } from '../billing-run.js';
import { correctUsage, dropUsageBefore, recordLateUsage } from '../corrections.js';
import { type Books, createCustomer } from '../customers.js';
import { createKey } from '../keys.js';
import { type Meter, createMeter } from '../meter.js';
import { publishPlan } from '../plans.js';
import { setPrice } from '../prices.js';
import { cancelSubscription, subscribe } from '../subscriptions.js';
import { invoiceHtml } from './invoice-html.js';
import { invoicePdf } from './invoice-pdf.js';
import { sheetOf } from './invoice-sheet.js';
import { findInvoice, listInvoices } from './invoice.js';
import { parseSeller, setBuyer } from './parties.js';

const DAY = 86_400_000;
const clock = manualClock(Date.UTC(2030, 0, 1));
let scratch: ScratchProject;
let books: Books;
let meter: Meter;
const seller = parseSeller(
  { name: '小模型 & Co', taxPercent: '7.7', payment: ['IBAN <1>'], address: ['Am Markt 1'] },
  'test',
);

beforeAll(async () => {
  scratch = await openScratchProject();
  books = { database: scratch.database, clock };
  meter = await createMeter({ ...books, unsettledDirectory: path.join(scratch.directory, 'unsettled') });
  await setPrice(books, {
    model: 'poet',
    inputMicrosPerMillionTokens: 333_333n,
    outputMicrosPerMillionTokens: 777_777n,
  });
  const plan = {
    name: 'p',
    currency: 'USD',
    timeZone: 'America/New_York',
    fee: '9.99',
    credit: '0.01',
    beyondCredit: { overage: '1000.00' },
  };
  await publishPlan(books, plan, 'plan');
});
afterAll(async () => {
  await meter.close();
  await scratch.close();
});

let customers = 0;
async function subscriber(): Promise<{ id: string; keyHash: string }> {
  const { id } = await createCustomer(books, { name: `customer ${customers++}` });
  const keyHash = hashOfKey((await createKey(books, { customerId: id })).secretKey);
  await subscribe(books, { customerId: id, plan: 'p' });
  await bill();
  return { id, keyHash };
}
const bill = () => runBilling(books, { seller });
const use = (keyHash: string, inputTokens: number, outputTokens: number): Promise<string> =>
  useModel(meter, clock, { keyHash, inputTokens, outputTokens });

test('whatever is used, corrected and booked late, in whatever order it is billed: each charge is on one invoice', async () => {
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('use' as const), tokens: fc.integer({ min: 1, max: 100_000 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('late' as const),
        tokens: fc.integer({ min: 1, max: 100_000 }),
        days: fc.integer({ min: 0, max: 50 }),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('correct' as const),
        place: fc.nat(),
        tokens: fc.integer({ min: 0, max: 100_000 }),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('wait' as const), days: fc.integer({ min: 1, max: 40 }) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('race' as const), tokens: fc.integer({ min: 1, max: 1000 }) }),
    },
  );
  let references = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 14 }), async (steps) => {
      const startedAt = clock.now();
      const { id, keyHash } = await subscriber();
      const events: string[] = [];
      for (const now of steps) {
        const counts = {
          inputTokens: 'tokens' in now ? now.tokens : 0,
          outputTokens: 3,
          cachedInputTokens: 0,
          reasoningTokens: 0,
        };
        if (now.kind === 'use') events.push(await use(keyHash, now.tokens, 3));
        else if (now.kind === 'wait') clock.advance(now.days * DAY);
        else if (now.kind === 'correct' && events.length > 0) {
          const index = now.place % events.length;
          events[index] = (await correctUsage(books, events[index] ?? '', counts, 'test')).correctedId;
        } else if (now.kind === 'late') {
          const time = new Date(Math.max(startedAt, clock.now() - now.days * DAY));
          events.push(
            (
              await recordLateUsage(books, {
                customerId: id,
                model: 'poet',
                time,
                reference: `r${references++}`,
                ...counts,
              })
            ).eventId,
          );
        } else if (now.kind === 'race')
          await Promise.all([bill(), use(keyHash, now.tokens, 1), bill(), use(keyHash, now.tokens, 1)]);
        if (now.kind !== 'use') await bill();
      }
      await cancelSubscription(books, id, 'period-end');
      clock.advance(32 * DAY);
      await bill();
      const [sums] = await scratch.database.sql`
        select (select sum(charged_micros)::bigint from moat.usage_events where customer_id = ${id}) as events,
               (select sum(usage_micros)::bigint from moat.invoices where customer_id = ${id}) as invoiced,
               (select sum(l.amount_micros)::bigint from moat.invoice_lines l join moat.invoices i on i.id = l.invoice_id
                 where i.customer_id = ${id} and l.kind = 'usage') as lines`;
      expect(sums?.['invoiced'] ?? 0n).toBe(sums?.['events'] ?? 0n);
      expect(sums?.['lines'] ?? 0n).toBe(sums?.['events'] ?? 0n);
      expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
    }),
    { numRuns: 8 },
  );
}, 60_000);

test('a subscriber without usage for months has an invoice a month; several that are due are made at once', async () => {
  const { id } = await subscriber();
  clock.advance(95 * DAY);
  expect(await bill()).toMatchObject({ periods: 3 });
  const invoices = await listInvoices(books, { customerId: id });
  expect(invoices).toHaveLength(4);
  // 9.99 and 7.7 percent of it are 10.75923, of which whole cents can be paid.
  expect(invoices[0]).toMatchObject({ totalMicros: 10_760_000n, dueMicros: 10_760_000n });
});

test('HTML is escaped, PDF is the same bytes each time, and both speak two languages', async () => {
  const { id, keyHash } = await subscriber();
  await setBuyer(books, id, { name: '<b>上海诗词</b>', taxId: '9131"', language: 'zh' });
  await use(keyHash, 1_234_567, 89);
  clock.advance(32 * DAY);
  await bill();
  const [newest] = await listInvoices(books, { customerId: id });
  const invoice = await findInvoice(books, newest?.number ?? '');
  const html = invoiceHtml(sheetOf(invoice));
  expect(html).toContain('&lt;b&gt;上海诗词&lt;/b&gt;');
  expect(html).toContain('IBAN &lt;1&gt;');
  expect(html).toContain('小模型 &amp; Co');
  expect(html).not.toMatch(/<script|<b>/);
  expect(html).toContain('lang="zh-CN"');
  const pdf = await invoicePdf(sheetOf(invoice), invoice.issuedAt);
  expect(Buffer.compare(pdf, await invoicePdf(sheetOf(invoice), invoice.issuedAt))).toBe(0);
  expect(pdf.length).toBeLessThan(100_000);
  const { text } = await extractText(new Uint8Array(pdf), { mergePages: true });
  for (const words of ['账单', invoice.number ?? '', '上海诗词', '小模型', 'poet 用量', '1,234,567', '应付金额'])
    expect(text).toContain(words);
  const english = await extractText(new Uint8Array(await invoicePdf(sheetOf(invoice, 'en'), invoice.issuedAt)), {
    mergePages: true,
  });
  for (const words of [
    'Invoice',
    'Usage of poet',
    'Input tokens',
    'Paid from prepaid credit',
    'VAT 7.7 %',
    'Amount due',
  ])
    expect(english.text).toContain(words);
});

test('usage that is not billed yet is not dropped', async () => {
  const { keyHash } = await subscriber();
  await use(keyHash, 10, 10);
  clock.advance(80 * DAY);
  const month = new Date(clock.now()).toISOString().slice(0, 7);
  await expect(dropUsageBefore(books, month)).rejects.toMatchObject({ code: 'not-billed-yet' });
  await bill();
  expect(
    await dropUsageBefore(books, new Date(clock.now() - 40 * DAY).toISOString().slice(0, 7)),
  ).toBeGreaterThanOrEqual(0n);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});

test('the audit finds an invoice that was tampered with, a charge that no invoice has, and a gap', async () => {
  const { sql } = scratch.database;
  const findings = async (change: string): Promise<readonly string[]> => {
    let found: readonly string[] = [];
    await sql.unsafe('alter table moat.invoices disable trigger keep_invoice');
    await sql.unsafe(
      'create table moat.kept as select * from moat.invoices; create table moat.kept_numbers as select * from moat.document_numbers',
    );
    await sql.unsafe(change);
    found = (await audit(books)).findings;
    await sql.unsafe(`update moat.invoices i set usage_micros = k.usage_micros, covers_through = k.covers_through, due_micros = k.due_micros,
      from_credit_micros = k.from_credit_micros, number = k.number from moat.kept k where k.id = i.id; drop table moat.kept, moat.kept_numbers`);
    await sql.unsafe('alter table moat.invoices enable trigger keep_invoice');
    return found;
  };
  expect(
    await findings(
      'update moat.invoices set usage_micros = usage_micros + 1 where id = (select max(id) from moat.invoices)',
    ),
  ).toEqual([expect.stringMatching(/transactions it covers sum to/)]);
  expect(
    await findings(
      'update moat.invoices set covers_through = covers_through - 1 where id = (select min(id) from moat.invoices)',
    ),
  ).toContainEqual(expect.stringMatching(/does not begin where the one before it ended/));
  expect(
    await findings(`update moat.invoices set number = '2030-999999' where id = (select min(id) from moat.invoices)`),
  ).toEqual([expect.stringMatching(/numbers of main/)]);
  expect(
    await findings(
      'update moat.invoices set due_micros = due_micros + 1, from_credit_micros = from_credit_micros - 1 where id = (select max(id) from moat.invoices)',
    ),
  ).toContainEqual(expect.stringMatching(/the ledger has/));
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
});
