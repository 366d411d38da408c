/**
 * The billing run: each period that has begun is billed once, in a transaction of its own, in whatever number of processes, and however
 * often it is killed. Fees and seats are billed in advance, usage and minimums in arrears.
 */
import type { Micros } from '../../base/money.js';
import type { Books } from './customers.js';
import { bookedSince, coveredUsage, type Cut, highestTransaction } from './invoices/covered-usage.js';
import type { InvoiceLine } from './invoices/invoice.js';
import { issueInvoice } from './invoices/issue-invoice.js';
import { type Seller, buyerFrom } from './invoices/parties.js';
import { type MoneySql, addCredit, lockAccount } from './ledger.js';
import { startOfPeriod } from './periods.js';
import { type Plan, feeOf, plansById } from './plans.js';
import { prorate } from './proration.js';
import { INCLUDED_PRIORITY, type Subscription, anchorOf, applyTerms, subscriptionColumns } from './subscriptions.js';
import { trueUpVolumes } from './volume-true-up.js';

export interface BillingOptions {
  readonly seller: Seller;
  /** Bills what was due then; default now. */
  readonly at?: Date;
  /** Called with what went wrong for a customer; the others are billed. Default: it is thrown. */
  readonly onProblem?: (error: unknown) => void;
}

export interface BillingRun {
  /** Numbers of the invoices that were made. */
  readonly invoices: readonly string[];
  readonly periods: number;
}

/** @throws what went wrong, unless `onProblem` takes it */
export async function runBilling(books: Books, options: BillingOptions): Promise<BillingRun> {
  const at = options.at ?? new Date(books.clock.now());
  await trueUpVolumes(books, at);
  const invoices: string[] = [];
  let periods = 0;
  const due = await books.database.sql<{ id: bigint; customerId: string }[]>`
    select id, customer_id as "customerId" from moat.subscriptions where ended_at is null and next_at <= ${at} order by next_at, id`;
  for (const subscription of due) {
    try {
      // Of several periods that are due, each gets its own invoice.
      for (;;) {
        const billed = await billNextPeriod(books, subscription, options.seller, at);
        if (billed === undefined) break;
        periods++;
        if (billed.number !== undefined) invoices.push(billed.number);
      }
    } catch (error) {
      if (options.onProblem === undefined) throw error;
      options.onProblem(error);
    }
  }
  return { invoices, periods };
}

/** @returns undefined when no period is due, or another process is at it */
async function billNextPeriod(
  books: Books,
  { id, customerId }: { id: bigint; customerId: string },
  seller: Seller,
  at: Date,
): Promise<{ number: string | undefined } | undefined> {
  const through = await highestTransaction(books, customerId);
  return books.database.sql.begin(async (sql) => {
    const [subscription] = await sql<Subscription[]>`
      select ${subscriptionColumns(sql)} from moat.subscriptions
       where id = ${id} and ended_at is null and next_at <= ${at} for update skip locked`;
    if (subscription === undefined) return undefined;
    const plans = await plansById(sql, [subscription.planId, subscription.nextPlanId ?? subscription.planId]);
    const before = plans.get(subscription.planId) as Plan;
    const isLast = subscription.endsAt !== null && subscription.endsAt <= subscription.nextAt;
    const plan = plans.get(subscription.nextPlanId ?? subscription.planId) as Plan;
    const turn = { subscription, before, plan, isLast, seats: subscription.nextSeats ?? subscription.seats, at };
    const number = await invoiceOf(sql, turn, {
      seller,
      // The last invoice leaves nothing for a next one.
      cut: { before: isLast ? at : subscription.nextAt, through },
    });
    await beginPeriod(sql, turn);
    return { number };
  });
}

/** From one period to the next. */
interface Turn {
  readonly subscription: Subscription;
  /** The plan of the period that ends. */
  readonly before: Plan;
  /** That of the one that begins. */
  readonly plan: Plan;
  readonly seats: number;
  /** No period begins any more. */
  readonly isLast: boolean;
  readonly at: Date;
}

async function invoiceOf(
  sql: MoneySql,
  turn: Turn,
  { seller, cut }: { seller: Seller; cut: Cut },
): Promise<string | undefined> {
  const { subscription, at } = turn;
  const { customerId } = subscription;
  const { after, resumeId } = await lastCut(sql, subscription);
  const [found] = await sql<{ id: bigint; currency: string; name: string; details: unknown }[]>`
    select a.id, a.currency, c.name, c.details from moat.accounts a join moat.customers c on c.id = a.customer_id
     where a.customer_id = ${customerId} and a.kind = 'prepaid'`;
  const {
    id: accountId,
    currency,
    name,
    details,
  } = found as { id: bigint; currency: string; name: string; details: unknown };
  // Long before the account is locked: a million events take seconds.
  const usage = await coveredUsage(sql, accountId, { after, resumeId, cut });
  await sql`select moat.expire_credit(${accountId}, ${at})`;
  const { balanceMicros } = await lockAccount(sql, customerId);
  const later = usage.laterMicros + (await bookedSince(sql, accountId, cut.through));
  const pending = await sql<InvoiceLine[]>`
    select kind, amount_micros as "amountMicros", detail from moat.pending_lines
     where customer_id = ${customerId} and invoice_id is null order by id`;
  return issueInvoice(sql, {
    seller,
    buyer: buyerFrom(details, name),
    customerId,
    accountId,
    subscriptionId: subscription.id,
    period: subscription.nextPeriod,
    currency,
    usageFrom:
      subscription.nextPeriod === 0
        ? subscription.startedAt
        : startOfPeriod(anchorOf(subscription, turn.before), subscription.nextPeriod - 1),
    after,
    cut,
    usage,
    overageMicros: owed(balanceMicros, later),
    terms: [...minimumLine(turn, usage.micros), ...pending, ...feeLines(turn)],
    at,
    dueDays: turn.before.dueDays,
  });
}

/** What the account owed at the cut: neither more than it owes now, nor what was used later. */
function owed(balance: Micros, later: Micros): Micros {
  const atCut = later > 0n ? balance - later : balance;
  return atCut > 0n ? atCut : 0n;
}

async function lastCut(
  sql: MoneySql,
  { customerId, startedAt, coveredId }: Subscription,
): Promise<{ after: Cut; resumeId: bigint }> {
  const [last] = await sql<{ before: Date; through: bigint; resumeId: bigint }[]>`
    select covers_before as before, covers_through as through, resume_id as "resumeId" from moat.invoices
     where customer_id = ${customerId} and subscription_id is not null order by id desc limit 1`;
  if (last !== undefined) return { after: { before: last.before, through: last.through }, resumeId: last.resumeId };
  return { after: { before: startedAt, through: coveredId }, resumeId: coveredId + 1n };
}

/** What is missing to the minimum of the period that ends; of one that was cut short, of its part of it. */
function minimumLine({ subscription, before }: Turn, used: Micros): InvoiceLine[] {
  const period = subscription.nextPeriod - 1;
  if (period < 0 || subscription.nextAt <= subscription.paidFrom) return [];
  const anchor = anchorOf(subscription, before);
  const whole = { startsAt: startOfPeriod(anchor, period), endsAt: startOfPeriod(anchor, period + 1) };
  const missing = prorate(before.minimum, whole, whole.startsAt, subscription.nextAt) - (used > 0n ? used : 0n);
  if (missing <= 0n) return [];
  const detail = { plan: before.name, from: whole.startsAt.toISOString(), to: subscription.nextAt.toISOString() };
  return [{ kind: 'minimum', amountMicros: missing, detail }];
}

/** In advance; a trial costs nothing. */
function feeLines({ subscription, plan, seats, isLast }: Turn): InvoiceLine[] {
  if (isLast || subscription.nextAt < subscription.paidFrom) return [];
  const endsAt = startOfPeriod(anchorOf(subscription, plan), subscription.nextPeriod + 1);
  const detail = { plan: plan.name, from: subscription.nextAt.toISOString(), to: endsAt.toISOString() };
  const seatsMicros = feeOf(plan, seats) - plan.fee;
  return [
    ...(plan.fee === 0n ? [] : [{ kind: 'fee' as const, amountMicros: plan.fee, detail }]),
    ...(seatsMicros === 0n
      ? []
      : [{ kind: 'seats' as const, amountMicros: seatsMicros, detail: { ...detail, seats } }]),
  ];
}

/** The period's terms and included credit; or the end of the subscription. */
async function beginPeriod(sql: MoneySql, { subscription, plan, seats, isLast, at }: Turn): Promise<void> {
  const { id, customerId, nextPeriod, nextAt } = subscription;
  await applyTerms(sql, customerId, isLast ? undefined : plan);
  if (isLast) {
    await sql`update moat.subscriptions set ended_at = ${nextAt} where id = ${id}`;
    return;
  }
  const endsAt = startOfPeriod(anchorOf(subscription, plan), nextPeriod + 1);
  await sql`
    insert into moat.billing_periods values (${id}, ${nextPeriod}, ${nextAt}, ${endsAt}, ${plan.id}, ${seats})`;
  await sql`
    update moat.subscriptions set next_period = ${nextPeriod + 1}, next_at = ${endsAt}, plan_id = ${plan.id}, seats = ${seats},
           next_plan_id = null, next_seats = null where id = ${id}`;
  if (plan.credit === 0n || endsAt <= at) return;
  const reference = `subscription ${id} period ${nextPeriod}`;
  await addCredit(
    sql,
    { customerId, amountMicros: plan.credit, expiresAt: endsAt, priority: INCLUDED_PRIORITY, reference },
    at,
  );
}
