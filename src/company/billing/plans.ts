/** Plans as a founder writes them (JSON): versions that are never changed, so that who subscribed to one keeps its terms. */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { type Micros, formatMicros } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Books } from './customers.js';
import type { AnySql } from './ledger.js';
import { type PriceRow, lowestStored } from './price-bounds.js';
import { amountSchema } from './price-book.js';
import { type PriceInForce, type PriceLoss, type ServingCosts, lossText, planFloor } from './price-floor.js';
import { checkTimeZone } from './time-zone.js';

const planSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,99}$/, 'lower-case letters, digits and hyphens'),
  currency: z.string().regex(/^[A-Z]{3}$/, 'an ISO 4217 code such as USD'),
  /** In whose months its periods run. */
  timeZone: z.string().default('UTC'),
  /** The price book that its subscribers pay by. */
  book: z.string().default('list'),
  /** A month, in advance. */
  fee: amountSchema.default(0n),
  /** A month, in advance, for each seat. */
  seat: amountSchema.default(0n),
  /** Usage that the fee includes: credit that is used before any other and ends with the period. */
  credit: amountSchema.default(0n),
  /** Usage of a period that is less is filled up to it. */
  minimum: amountSchema.default(0n),
  trialDays: z.int().min(0).max(365).default(0),
  /** What happens when credit is used up: nothing more is served, or up to this amount is used on account. */
  beyondCredit: z.union([z.literal('stop'), z.strictObject({ overage: amountSchema })]).default('stop'),
  /** Says so when so many percent of a period's credit are used. */
  alertPercents: z.array(z.int().min(1).max(1000)).max(10).default([80, 100]),
  dueDays: z.int().min(0).max(365).default(14),
  /** So many days after an invoice was due its customer is suspended; left out: never. */
  suspendAfterDays: z.int().min(0).max(365).optional(),
});
export type PlanTerms = z.output<typeof planSchema>;

export interface Plan extends PlanTerms {
  readonly id: bigint;
  readonly version: number;
  readonly publishedAt: Date;
}

/** @throws MoatError `bad-plan` naming the field */
export function parsePlan(json: unknown, origin: string): PlanTerms {
  const parsed = planSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MoatError('bad-plan', `${origin}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a plan'}`, {
    fix: 'moat plans --help shows one.',
  });
}

/**
 * Offers a plan, as its next version. Subscribers stay with theirs until they change.
 * @param json as it was written; it is kept like that
 * @param audit written in the same transaction
 * @param floor what models cost to serve, and whether a plan below that is published all the same. Default: nothing is known
 * @throws MoatError `bad-plan`, `bad-time-zone`, `unknown-book`, `below-cost`
 */
export async function publishPlan(
  books: Books,
  json: unknown,
  origin: string,
  audit?: AuditWriter,
  floor: { readonly costs?: ServingCosts; readonly acceptLoss?: boolean } = {},
): Promise<Plan> {
  const terms = parsePlan(json, origin);
  checkTimeZone(terms.timeZone);
  const losses = await lossesOfPlan(books, terms, floor.costs ?? new Map());
  if (losses.length > 0 && floor.acceptLoss !== true)
    throw new MoatError(
      'below-cost',
      `${origin}: plan "${terms.name}" can cost more than it brings: ${losses.join('; ')}`,
      {
        fix: 'Raise the fee or the prices, include less credit, or accept the loss with --accept-loss.',
      },
    );
  const publishedAt = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(hashtext(${`plan ${terms.name}`}))`;
    const [sold] =
      await sql`select 1 from moat.prices where book = ${terms.book} and currency = ${terms.currency} limit 1`;
    if (sold === undefined)
      throw new MoatError('unknown-book', `${origin}: there is no price book "${terms.book}" in ${terms.currency}`, {
        fix: 'Publish it first: moat prices BOOK.json --publish.',
      });
    const [row] = await sql<{ id: bigint; version: number }[]>`
      insert into moat.plans (name, version, currency, definition, published_at)
      select ${terms.name}, coalesce(max(version), 0) + 1, ${terms.currency}, ${JSON.stringify(json)}::text::jsonb, ${publishedAt}
        from moat.plans where name = ${terms.name} returning id, version`;
    const [id, version] = [row?.id ?? 0n, row?.version ?? 0];
    await audit?.(sql, { action: 'plan.published', target: terms.name, details: { version: `${version}` } });
    return { ...terms, id, version, publishedAt };
  });
}

/** In words: what of a plan lies below cost at the prices that are in force, tiers and packages at their lowest price. */
export async function lossesOfPlan(
  { database, clock }: Books,
  terms: PlanTerms,
  costs: ServingCosts,
): Promise<string[]> {
  const rows = await database.sql<(PriceInForce & Pick<PriceRow, 'charges'>)[]>`
    select model, input as "inputMicros", output as "outputMicros", charges from (
      select distinct on (model) model, input_micros_per_million as input, output_micros_per_million as output, charges, is_withdrawn
        from moat.prices where book = ${terms.book} and currency = ${terms.currency} and starts_at <= ${new Date(clock.now())}
       order by model, starts_at desc) p
     where not is_withdrawn order by model`;
  const prices = rows.map(({ model, inputMicros, outputMicros, charges }) =>
    charges === null
      ? { model, inputMicros, outputMicros }
      : { model, inputMicros: lowestStored(charges.input), outputMicros: lowestStored(charges.output) },
  );
  const { losses, credit } = planFloor(terms, prices, costs);
  return [
    ...losses.map((loss) => lossText(loss, terms.currency)),
    ...(credit === null
      ? []
      : [
          `its fee of ${formatMicros(terms.fee)} includes credit that costs up to ${formatMicros(credit.costMicros)} to serve, as ${creditText(credit.on, terms.currency)}`,
        ]),
  ];
}

const creditText = ({ model, what, priceMicros, costMicros, source }: PriceLoss, currency: string): string =>
  `${model} ${what} sold at ${formatMicros(priceMicros)} costs ${formatMicros(costMicros)} ${currency} a million (${source})`;

interface PlanRow {
  readonly id: bigint;
  readonly version: number;
  readonly definition: unknown;
  readonly publishedAt: Date;
}

const planFrom = ({ definition, ...row }: PlanRow): Plan => ({ ...parsePlan(definition, 'plan'), ...row });

/** Every version of every plan, newest first; at most 1,000. */
export async function listPlans({ database }: Books): Promise<Plan[]> {
  const rows = await database.sql<PlanRow[]>`
    select id, version, definition, published_at as "publishedAt" from moat.plans order by name, version desc limit 1000`;
  return rows.map(planFrom);
}

/** The newest version of a plan. @throws MoatError `unknown-plan` */
export async function findPlan({ database }: Books, name: string): Promise<Plan> {
  const [row] = await database.sql<PlanRow[]>`
    select id, version, definition, published_at as "publishedAt" from moat.plans where name = ${name} order by version desc limit 1`;
  if (row === undefined)
    throw new MoatError('unknown-plan', `plan "${name}" does not exist`, { fix: 'List them with: moat plans list.' });
  return planFrom(row);
}

/** @param ids of plans that exist */
export async function plansById(sql: AnySql, ids: readonly bigint[]): Promise<Map<bigint, Plan>> {
  const rows = await sql<PlanRow[]>`
    select id, version, definition, published_at as "publishedAt" from moat.plans where id = any(${ids.map(String)}::text[]::bigint[])`;
  return new Map(rows.map((row) => [row.id, planFrom(row)]));
}

/** How much a subscriber may owe beyond his credit. */
export function creditLineOf({ beyondCredit }: PlanTerms): Micros {
  return beyondCredit === 'stop' ? 0n : beyondCredit.overage;
}

/** A month's fee with its seats. */
export function feeOf({ fee, seat }: PlanTerms, seats: number): Micros {
  return fee + seat * BigInt(seats);
}
