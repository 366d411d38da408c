/** Who is on which plan: subscribe, change, cancel. What it costs is for the billing run to say. */
import { MoatError } from '../../base/errors.js';
import type { Micros } from '../../base/money.js';
import type { AuditWriter } from '../access/audit-log.js';
import type { Books } from './customers.js';
import { type AnySql, type MoneySql, addCredit, lockAccount } from './ledger.js';
import { type Anchor, endOfTrial, startOfPeriod } from './periods.js';
import { type Plan, creditLineOf, feeOf, findPlan, plansById } from './plans.js';
import { type Period, prorate } from './proration.js';

export interface Subscription {
  readonly id: bigint;
  readonly customerId: string;
  readonly planId: bigint;
  readonly seats: number;
  readonly startedAt: Date;
  /** When the first paid period begins. */
  readonly paidFrom: Date;
  /** The period to be billed next, and when it begins. */
  readonly nextPeriod: number;
  readonly nextAt: Date;
  readonly nextPlanId: bigint | null;
  readonly nextSeats: number | null;
  readonly endsAt: Date | null;
  readonly endedAt: Date | null;
  readonly coveredId: bigint;
}

export const subscriptionColumns = (sql: AnySql) => sql`
  id, customer_id as "customerId", plan_id as "planId", seats, started_at as "startedAt", paid_from as "paidFrom", next_period as "nextPeriod",
  next_at as "nextAt", next_plan_id as "nextPlanId", next_seats as "nextSeats", ends_at as "endsAt", ended_at as "endedAt", covered_id as "coveredId"`;

/**
 * Puts a customer on the newest version of a plan. The billing run makes its first invoice.
 * @throws MoatError `unknown-plan`, `subscribed-already`, `bad-plan` for a plan of another currency
 */
export async function subscribe(
  books: Books,
  {
    customerId,
    plan: name,
    seats = 0,
    trial = false,
  }: { customerId: string; plan: string; seats?: number; trial?: boolean },
  audit?: AuditWriter,
): Promise<Subscription> {
  const plan = await findPlan(books, name);
  const now = new Date(books.clock.now());
  const paidFrom = trial && plan.trialDays > 0 ? endOfTrial(now, plan.trialDays, plan.timeZone) : now;
  return books.database.sql.begin(async (sql) => {
    const account = await lockAccount(sql, customerId);
    checkPlan(plan, account);
    const [open] = await sql`select 1 from moat.subscriptions where customer_id = ${customerId} and ended_at is null`;
    if (open !== undefined)
      throw new MoatError('subscribed-already', `the customer is on a plan already`, {
        fix: 'Change it with: moat plans change CUSTOMER PLAN.',
      });
    await applyTerms(sql, customerId, plan);
    const [row] = await sql<Subscription[]>`
      insert into moat.subscriptions (customer_id, plan_id, seats, started_at, paid_from, next_period, next_at, covered_id)
      select ${customerId}, ${plan.id}, ${seats}, ${now}, ${paidFrom}, 0, ${now}, coalesce(max(id), 0) from moat.journal_transactions
      returning ${subscriptionColumns(sql)}`;
    await audit?.(sql, { action: 'plan.begun', target: customerId, details: { plan: name, seats: `${seats}`, trial } });
    return row as Subscription;
  });
}

function checkPlan(plan: Plan, { currency }: { currency: string }): void {
  if (plan.currency === currency) return;
  throw new MoatError('bad-plan', `plan "${plan.name}" is in ${plan.currency}, the customer pays in ${currency}`);
}

/** By which book he pays, and how much he may owe; never less than he owes already. */
export async function applyTerms(sql: MoneySql, customerId: string, plan: Plan | undefined): Promise<void> {
  await sql`update moat.customers set book = ${plan?.book ?? 'list'} where id = ${customerId}`;
  await sql`
    update moat.accounts set credit_line_micros = greatest(balance_micros, ${plan === undefined ? 0n : creditLineOf(plan)})
     where customer_id = ${customerId} and kind = 'prepaid'`;
}

/** A customer's running subscription. */
export async function subscriptionOf(
  { database: { sql } }: Books,
  customerId: string,
): Promise<Subscription | undefined> {
  const [row] = await sql<Subscription[]>`
    select ${subscriptionColumns(sql)} from moat.subscriptions where customer_id = ${customerId} and ended_at is null`;
  return row;
}

/** Those that run, oldest first; at most 1,000. */
export async function listSubscriptions({ database: { sql } }: Books): Promise<Subscription[]> {
  return sql<
    Subscription[]
  >`select ${subscriptionColumns(sql)} from moat.subscriptions where ended_at is null order by id limit 1000`;
}

interface Running {
  readonly subscription: Subscription;
  readonly plan: Plan;
  /** The period that runs now. */
  readonly period: Period;
  readonly isTrial: boolean;
}

/** Changes wait until what is due is billed, so that they fall into the period that they are meant for. */
async function lockRunning(sql: MoneySql, customerId: string, now: Date): Promise<Running> {
  const [subscription] = await sql<Subscription[]>`
    select ${subscriptionColumns(sql)} from moat.subscriptions where customer_id = ${customerId} and ended_at is null for update`;
  if (subscription === undefined)
    throw new MoatError('not-subscribed', 'the customer is on no plan', {
      fix: 'Begin with: moat plans subscribe CUSTOMER PLAN.',
    });
  if (subscription.nextAt <= now)
    throw new MoatError('billing-due', 'the period that has ended is not billed yet', {
      fix: 'Run first: moat invoices run.',
    });
  const plan = (await plansById(sql, [subscription.planId])).get(subscription.planId) as Plan;
  const startsAt = startOfPeriod({ ...subscription, timeZone: plan.timeZone }, subscription.nextPeriod - 1);
  return {
    subscription,
    plan,
    period: { startsAt, endsAt: subscription.nextAt },
    isTrial: subscription.nextAt <= subscription.paidFrom,
  };
}

/**
 * Another plan, or another number of seats: from the next period on, or at once. At once, what is not used of the period is given back
 * and the rest of it charged anew, by the second, on the next invoice; where the new plan includes more credit, the difference comes
 * with it for the rest of the period.
 * @throws MoatError `unknown-plan`, `not-subscribed`, `billing-due`, `bad-plan`
 */
export async function changePlan(
  books: Books,
  {
    customerId,
    plan: name,
    seats,
    when,
  }: { customerId: string; plan: string; seats?: number; when: 'now' | 'period-end' },
  audit?: AuditWriter,
): Promise<void> {
  const plan = await findPlan(books, name);
  const now = new Date(books.clock.now());
  await books.database.sql.begin(async (sql) => {
    const running = await lockRunning(sql, customerId, now);
    const account = await lockAccount(sql, customerId);
    checkPlan(plan, account);
    if (plan.timeZone !== running.plan.timeZone)
      throw new MoatError(
        'bad-plan',
        `plan "${plan.name}" has months of ${plan.timeZone}, the customer's are of ${running.plan.timeZone}`,
        {
          fix: 'Cancel at the end of the period, and subscribe anew.',
        },
      );
    const { subscription } = running;
    const newSeats = seats ?? subscription.nextSeats ?? subscription.seats;
    const change = { action: 'plan.changed', target: customerId, details: { plan: name, seats: `${newSeats}`, when } };
    if (when === 'period-end') {
      await sql`update moat.subscriptions set next_plan_id = ${plan.id}, next_seats = ${newSeats} where id = ${subscription.id}`;
      await audit?.(sql, change);
      return;
    }
    if (!running.isTrial) {
      await addProration(sql, running, { at: now, plan: running.plan, seats: subscription.seats, isReturn: true });
      await addProration(sql, running, { at: now, plan, seats: newSeats, isReturn: false });
    }
    await applyTerms(sql, customerId, plan);
    await sql`
      update moat.subscriptions set plan_id = ${plan.id}, seats = ${newSeats}, next_plan_id = null, next_seats = null where id = ${subscription.id}`;
    const more = prorate(plan.credit - running.plan.credit, running.period, now, running.period.endsAt);
    if (more > 0n)
      await addCredit(
        sql,
        { customerId, amountMicros: more, expiresAt: running.period.endsAt, priority: INCLUDED_PRIORITY },
        now,
      );
    await audit?.(sql, change);
  });
}

/** Included credit is used before credit that was bought. */
export const INCLUDED_PRIORITY = 10;

async function addProration(
  sql: MoneySql,
  { subscription: { customerId }, period }: Running,
  { at, plan, seats, isReturn }: { at: Date; plan: Plan; seats: number; isReturn: boolean },
): Promise<void> {
  const part: Micros = prorate(feeOf(plan, seats), period, at, period.endsAt);
  if (part === 0n) return;
  const detail = { plan: plan.name, seats, from: at.toISOString(), to: period.endsAt.toISOString(), isReturn };
  await sql`
    insert into moat.pending_lines (customer_id, kind, amount_micros, detail, created_at)
    values (${customerId}, 'proration', ${isReturn ? -part : part}, ${JSON.stringify(detail)}::text::jsonb, ${at})`;
}

/**
 * Ends a subscription with its period, or at once; then what is not used of the fee is given back. The billing run makes the last invoice.
 * @throws MoatError `not-subscribed`, `billing-due`
 */
export async function cancelSubscription(
  books: Books,
  customerId: string,
  when: 'now' | 'period-end',
  audit?: AuditWriter,
): Promise<void> {
  const now = new Date(books.clock.now());
  await books.database.sql.begin(async (sql) => {
    const running = await lockRunning(sql, customerId, now);
    const { subscription, plan, isTrial } = running;
    if (when === 'now' && !isTrial)
      await addProration(sql, running, { at: now, plan, seats: subscription.seats, isReturn: true });
    const endsAt = when === 'now' ? now : subscription.nextAt;
    await sql`update moat.subscriptions set ends_at = ${endsAt}, next_at = ${endsAt} where id = ${subscription.id}`;
    await audit?.(sql, { action: 'plan.cancelled', target: customerId, details: { when } });
  });
}

/** From what its periods are counted. */
export const anchorOf = ({ startedAt, paidFrom }: Subscription, { timeZone }: Plan): Anchor => ({
  startedAt,
  paidFrom,
  timeZone,
});
