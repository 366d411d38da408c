/** A volume price falls as a month goes on; at its end, what was charged above the month's own price comes back as credit. */
import type { Micros } from '../../base/money.js';
import type { Books } from './customers.js';
import { volumeDescription } from './invoices/covered-usage.js';
import { type AnySql, lockAccount, openCredit, post } from './ledger.js';

interface Month {
  readonly customerId: string;
  readonly book: string;
  readonly model: string;
  readonly month: string;
}

/**
 * Months of volume prices, of the last year, that are over by `at` and were charged more than they cost. Safe to repeat; late usage makes
 * another one.
 */
export async function trueUpVolumes(books: Books, at: Date): Promise<void> {
  const { sql } = books.database;
  const months = await sql<Month[]>`
    select r.customer_id as "customerId", r.book, r.model, r.month from moat.rated_usage r join moat.customers c on c.id = r.customer_id
      join lateral (${priceOfMonth(sql)}) p on true
     where r.month >= to_char(${at}::timestamptz - interval '13 months', 'YYYY-MM') and p.has_volume and p.ends_at <= ${at}
       and r.charged_micros > moat.rate_all(p.charges, r.input, r.cached_input, r.output, r.requests)
     order by 1, 2, 3, 4`;
  for (const month of months) await trueUp(books, month, at);
}

/** The prices at the end of a month; while there are volume prices, they change with a month only. */
const priceOfMonth = (sql: AnySql) => sql`
  select x.charges, x.charges::text like '%"volume"%' as has_volume,
         ((r.month || '-01')::timestamp + interval '1 month') at time zone x.time_zone as ends_at
    from moat.prices x where x.book = r.book and x.model = r.model and x.currency = c.currency and x.charges is not null
     and x.starts_at < ((r.month || '-01')::timestamp + interval '1 month') at time zone x.time_zone order by x.starts_at desc limit 1`;

async function trueUp({ database }: Books, { customerId, book, model, month }: Month, at: Date): Promise<void> {
  await database.sql.begin(async (sql) => {
    const account = await lockAccount(sql, customerId);
    const [used] = await sql<{ overMicros: Micros; requests: bigint; endsAt: Date }[]>`
      select r.charged_micros - moat.rate_all(p.charges, r.input, r.cached_input, r.output, r.requests) as "overMicros", r.requests, p.ends_at as "endsAt"
        from moat.rated_usage r join moat.customers c on c.id = r.customer_id join lateral (${priceOfMonth(sql)}) p on true
       where r.customer_id = ${customerId} and r.book = ${book} and r.model = ${model} and r.month = ${month} for update of r`;
    if (used === undefined || used.overMicros <= 0n) return;
    await sql`select moat.share_consumption(${account.id})`;
    const transactionId = await post(sql, {
      kind: 'adjustment',
      reference: `volume ${customerId} ${book} ${model} ${month} ${used.requests}`,
      description: volumeDescription(model, month),
      currency: account.currency,
      // Within the month, so that the invoice of its last day covers it.
      at: new Date(used.endsAt.getTime() - 1),
      legs: [
        { account: 'revenue', customerId: null, amountMicros: used.overMicros },
        { account: 'prepaid', customerId, amountMicros: -used.overMicros },
      ],
    });
    if (transactionId === undefined) return;
    await openCredit(sql, { transactionId, accountId: account.id, amountMicros: used.overMicros, at });
    await sql`
      update moat.rated_usage set charged_micros = charged_micros - ${used.overMicros}
       where customer_id = ${customerId} and book = ${book} and model = ${model} and month = ${month}`;
  });
}
