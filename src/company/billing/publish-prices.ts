/** Price books in force: versions that start at a time, never in the past, and never two at once. */
import { MoatError } from '../../base/errors.js';
import type { Currency } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import { type Books, checkCurrency } from './customers.js';
import type { MoneySql } from './ledger.js';
import { hasVolumePrice, priceRowOf, storedCharges } from './price-bounds.js';
import type { PriceBook } from './price-book.js';
import { type PriceLoss, type ServingCosts, lossText, lossesOf } from './price-floor.js';
import { checkTimeZone, isStartOfMonth } from './time-zone.js';

export interface PublishOptions {
  /** When it comes into force; default now. Where a price depends on a month's volume, the first instant of a month. */
  readonly startsAt?: Date;
  /** In whose months tiers, free units and packages begin anew. Default UTC. */
  readonly timeZone?: string;
  /** What models cost to serve. Of one that is not in it the cost is not known, and nothing is refused for it. Default: none. */
  readonly costs?: ServingCosts;
  /** Publishes it although it sells below cost. */
  readonly acceptLoss?: boolean;
  /** Written in the same transaction. */
  readonly audit?: AuditWriter;
}

export interface PublishedBook {
  readonly name: string;
  readonly version: number;
  readonly currency: Currency;
  readonly timeZone: string;
  readonly startsAt: Date;
}

export interface Publication extends PublishedBook {
  /** What is sold below its cost, which was accepted. */
  readonly losses: readonly PriceLoss[];
  /** Models that the book no longer sells. */
  readonly withdrawn: readonly string[];
}

/**
 * Brings a book into force: one row a model, and one that withdraws each model it no longer names. What was used before stays at the
 * prices of its time.
 * @throws MoatError `bad-start`, `below-cost`, `bad-price`, `bad-price-book`, `bad-currency`, `bad-time-zone`
 */
export async function publishPriceBook(
  books: Books,
  book: PriceBook,
  options: PublishOptions = {},
): Promise<Publication> {
  const now = new Date(books.clock.now());
  const { startsAt = now, timeZone = 'UTC' } = options;
  checkCurrency(book.currency);
  checkTimeZone(timeZone);
  if (book.seat !== undefined || book.minimum !== undefined)
    throw new MoatError(
      'bad-price-book',
      `book "${book.name}": seats and a minimum are terms of a plan, not of a book`,
      {
        fix: 'Leave "seat" and "minimum" out, and put them into the plan: moat plans --help.',
      },
    );
  if (startsAt < now)
    throw new MoatError('bad-start', `book "${book.name}" would start at ${startsAt.toISOString()}: that is past`, {
      fix: 'Give a time to come; what was used is charged at the prices of its time.',
    });
  const losses = lossesOf(book, options.costs ?? new Map());
  if (losses.length > 0 && options.acceptLoss !== true)
    throw new MoatError(
      'below-cost',
      `book "${book.name}" sells below what it costs to serve: ${losses.map((loss) => lossText(loss, book.currency)).join('; ')}`,
      { fix: 'Raise the price, or accept the loss with --accept-loss.' },
    );
  const rows = Object.entries(book.models).map(([model, charges]) => ({ model, ...priceRowOf(model, charges) }));
  return books.database.sql.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`price book ${book.name}`}))`;
    const version = await nextVersion(sql, book, startsAt);
    await checkVolumeStart(sql, book, { startsAt, timeZone });
    const definition = Object.fromEntries(
      Object.entries(book.models).map(([model, charges]) => [model, storedCharges(charges)]),
    );
    await sql`
      insert into moat.price_books (name, version, currency, time_zone, starts_at, definition, published_at)
      values (${book.name}, ${version}, ${book.currency}, ${timeZone}, ${startsAt}, ${JSON.stringify(definition)}::text::jsonb, ${now})`;
    for (const row of rows) {
      await sql`
        insert into moat.prices (book, model, currency, input_micros_per_million, cached_micros_per_million, output_micros_per_million,
                                 request_micros, charges, time_zone, starts_at)
        values (${book.name}, ${row.model}, ${book.currency}, ${row.inputMicrosPerMillion}, ${row.cachedMicrosPerMillion},
                ${row.outputMicrosPerMillion}, ${row.requestMicros}, ${row.charges === null ? null : JSON.stringify(row.charges)}::text::jsonb,
                ${timeZone}, ${startsAt})`;
    }
    const withdrawn = await sql<{ model: string }[]>`
      insert into moat.prices (book, model, currency, input_micros_per_million, cached_micros_per_million, output_micros_per_million,
                               time_zone, starts_at, is_withdrawn)
      select ${book.name}, p.model, ${book.currency}, 0, 0, 0, ${timeZone}, ${startsAt}, true from (
        select distinct on (model) model, is_withdrawn from moat.prices
         where book = ${book.name} and currency = ${book.currency} and starts_at < ${startsAt} order by model, starts_at desc) p
       where not p.is_withdrawn and not (p.model = any(${rows.map(({ model }) => model)}::text[])) returning model`;
    const models = withdrawn.map(({ model }) => model).sort();
    const details = { version: `${version}`, startsAt: startsAt.toISOString(), isBelowCost: losses.length > 0 };
    await options.audit?.(sql, { action: 'prices.published', target: book.name, details });
    return { name: book.name, version, currency: book.currency, timeZone, startsAt, losses, withdrawn: models };
  });
}

/** Versions follow each other in time; a price set for one model alone counts too. */
async function nextVersion(sql: MoneySql, { name, currency }: PriceBook, startsAt: Date): Promise<number> {
  const [last] = await sql<{ version: number; latest: Date | null }[]>`
    select coalesce((select max(version) from moat.price_books where name = ${name}), 0)::int as version,
           (select max(starts_at) from moat.prices where book = ${name} and currency = ${currency}) as latest`;
  if (last?.latest != null && last.latest >= startsAt)
    throw new MoatError('bad-start', `book "${name}" has prices that start at ${last.latest.toISOString()} already`, {
      fix: 'Give a later start.',
    });
  return (last?.version ?? 0) + 1;
}

/** A month's volume is priced once, at the month's end: so such prices begin and end with a month. */
async function checkVolumeStart(
  sql: MoneySql,
  book: PriceBook,
  { startsAt, timeZone }: { startsAt: Date; timeZone: string },
): Promise<void> {
  const before = await sql<{ hasVolume: boolean; timeZone: string }[]>`
    select distinct on (model) coalesce(charges::text like '%"volume"%', false) as "hasVolume", time_zone as "timeZone" from moat.prices
     where book = ${book.name} and currency = ${book.currency} order by model, starts_at desc`;
  const zones = new Set(before.filter(({ hasVolume }) => hasVolume).map(({ timeZone }) => timeZone));
  if (before.length > 0 && Object.values(book.models).some(hasVolumePrice)) zones.add(timeZone);
  for (const zone of zones) {
    if (!isStartOfMonth(startsAt, zone))
      throw new MoatError(
        'bad-start',
        `book "${book.name}" has volume prices: they change with a month of ${zone} only`,
        {
          fix: 'Give the first day of a month as the start.',
        },
      );
  }
}

export interface BookInForce extends PublishedBook {
  readonly state: 'in force' | 'to come' | 'over';
  readonly models: readonly string[];
}

/** Every version of every book, by name, newest first; at most 1,000. */
export async function listPriceBooks({ database, clock }: Books): Promise<BookInForce[]> {
  return database.sql<BookInForce[]>`
    select name, version, currency, time_zone as "timeZone", starts_at as "startsAt",
           case when starts_at > ${new Date(clock.now())} then 'to come'
                when starts_at = max(starts_at) filter (where starts_at <= ${new Date(clock.now())}) over (partition by name, currency)
                then 'in force' else 'over' end as state,
           array(select jsonb_object_keys(definition)) as models
      from moat.price_books order by name, currency, starts_at desc limit 1000`;
}
