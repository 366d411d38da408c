/** Group `invoices`: a month of a million usage events becomes one invoice; how long it takes, and what the program needs for it. */
import { openScratchProject } from '../tests/scratch-database.js';
import { manualClock } from '../src/base/clock.js';
import { audit } from '../src/company/billing/audit.js';
import { runBilling } from '../src/company/billing/billing-run.js';
import { type Books, createCustomer } from '../src/company/billing/customers.js';
import { findInvoice } from '../src/company/billing/invoices/invoice.js';
import { parseSeller } from '../src/company/billing/invoices/parties.js';
import { publishPlan } from '../src/company/billing/plans.js';
import { setPrice } from '../src/company/billing/prices.js';
import { subscribe } from '../src/company/billing/subscriptions.js';
import type { BenchResult } from './result.js';

export const EVENTS = 1_000_000;
const BATCH = 100_000;

export async function invoicesGroup(): Promise<BenchResult[]> {
  const clock = manualClock(Date.UTC(2030, 0, 1));
  const scratch = await openScratchProject();
  const books: Books = { database: scratch.database, clock };
  const seller = parseSeller({ name: 'Bench' }, 'bench');
  try {
    await prepare(books);
    await runBilling(books, { seller });
    await makeEvents(books);
    clock.setWall(Date.UTC(2030, 1, 1));
    const sampler = sampleMemory();
    const startedAt = performance.now();
    const run = await runBilling(books, { seller });
    const seconds = (performance.now() - startedAt) / 1000;
    const peakMegabytes = sampler.stop();
    const invoice = await findInvoice(books, run.invoices[0] ?? '');
    const proof = await audit(books);
    if (!proof.balanced || proof.invoicedMicros !== proof.usageChargedMicros)
      throw new Error(`the books do not agree: ${proof.findings[0] ?? ''}, ${invoice.totalMicros}`);
    const shared = { group: 'invoices', peer: null, peerName: null, ratio: null, runs: 1 };
    return [
      { ...shared, name: `billing run, one customer, ${EVENTS} usage events`, unit: 's', ours: seconds, target: 20 },
      {
        ...shared,
        name: 'peak resident memory of the program during it',
        unit: 'MB',
        ours: peakMegabytes,
        target: 300,
      },
    ];
  } finally {
    await scratch.close();
  }
}

/** A customer `Large` on a plan, and three models. */
export async function prepare(books: Books): Promise<void> {
  for (const model of ['m0', 'm1', 'm2'])
    await setPrice(books, { model, inputMicrosPerMillionTokens: 1_000_000n, outputMicrosPerMillionTokens: 1_000_000n });
  const plan = {
    name: 'bench',
    currency: 'USD',
    fee: '20.00',
    credit: '10.00',
    beyondCredit: { overage: '1000000.00' },
  };
  await publishPlan(books, plan, 'bench');
  const { id } = await createCustomer(books, { name: 'Large' });
  await subscribe(books, { customerId: id, plan: 'bench' });
  await books.database.sql`select moat.ensure_usage_partitions(${new Date(books.clock.now())})`;
}

/** As settlement leaves them, but a hundred thousand in one statement. */
export async function makeEvents({ database: { sql } }: Books): Promise<void> {
  for (let first = 0; first < EVENTS; first += BATCH) {
    await sql.begin(async (step) => {
      await step`
        create temporary table made on commit drop as
        select moat.first_usage_id(t) || lpad(to_hex(n), 20, '0') as id, t as time, c.id as customer_id, 'm' || n % 3 as model, p.id as price_id,
               100 + n % 900 as input, n % 300 as output, (100 + n % 900 + n % 300)::bigint as cost, a.id as account_id
          from generate_series(${first}::int, ${first + BATCH - 1}::int) n
          cross join lateral (select '2030-01-01T00:00:01Z'::timestamptz + n * interval '2.6 seconds' as t) x
          join moat.customers c on c.name = 'Large' join moat.accounts a on a.customer_id = c.id and a.kind = 'prepaid'
          join moat.prices p on p.model = 'm' || n % 3`;
      await step`
        insert into moat.usage_events
        select id, time, time, customer_id, null, model, price_id, input, 0, output, 0, 1000, cost, 'USD', 'paying', 'finished', null from made`;
      await step`
        insert into moat.usage_hours as h
        select date_trunc('hour', time, 'UTC'), customer_id, '', model, 'USD', count(*), 0, sum(input), 0, sum(output), 0, sum(1000), sum(cost)
          from made group by 1, 2, 4
        on conflict (hour, customer_id, key_id, model, currency) do update set requests = h.requests + excluded.requests,
          input_tokens = h.input_tokens + excluded.input_tokens, output_tokens = h.output_tokens + excluded.output_tokens,
          compute_us = h.compute_us + excluded.compute_us, charged_micros = h.charged_micros + excluded.charged_micros`;
      await step`
        with opened as (
          insert into moat.journal_transactions (kind, usage_event_id, leg_count, created_at) select 'usage', id, 2, time from made
          returning id, usage_event_id)
        insert into moat.journal_entries
        select o.id, l.leg, l.account, l.amount from opened o join made m on m.id = o.usage_event_id
          cross join lateral (values (1, (select id from moat.accounts where kind = 'revenue'), -m.cost), (2, m.account_id, m.cost)) l(leg, account, amount)`;
    });
  }
}

function sampleMemory(): { stop(): number } {
  let peak = process.memoryUsage.rss();
  const timer = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  return {
    stop() {
      clearInterval(timer);
      return Math.max(peak, process.memoryUsage.rss()) / 1e6;
    },
  };
}
