/** A customer's own account as JSON: the back office and the customer's portal show the same. */
import { type Books, type Customer, findCustomer } from '../billing/customers.js';
import { type CreditLot, listCredits } from '../billing/credits.js';
import type { ApiKey } from '../billing/keys.js';
import { balanceOf } from '../billing/ledger.js';
import {
  type DayOfUsage,
  type PricedEvent,
  type UsageCursor,
  chargedEvent,
  usageByDay,
  usagePage,
} from '../billing/usage-history.js';
import { type Day, addDays, dayAt, startOf } from '../billing/time-zone.js';
import { ApiProblem } from './api-problem.js';
import type {
  ChargedEventDetail,
  CreditSummary,
  CustomerAccount,
  KeySummary,
  UsageDay,
  UsageEventRow,
} from './api-types.js';

const DAYS = 30;

/** @throws MoatError `unknown-customer`, also for the project itself, which has no account */
export async function readAccount(books: Books, customerId: string, timeZone: string): Promise<CustomerAccount> {
  const customer = await findCustomer(books, customerId);
  const { id, currency } = customer;
  const firstDay = addDays(dayAt(new Date(books.clock.now()), timeZone), 1 - DAYS);
  const [balance, days] = await Promise.all([
    balanceOf(books, id),
    usageByDay(books, { customerId: id, currency, from: startOf(firstDay, timeZone), timeZone }),
  ]);
  return { ...accountJson(customer, balance), days: everyDay(firstDay, days) };
}

function accountJson(
  { id, name, currency, createdAt }: Customer,
  balance: Awaited<ReturnType<typeof balanceOf>>,
): Omit<CustomerAccount, 'days'> {
  return {
    id,
    name,
    currency,
    createdAt: createdAt.toISOString(),
    balanceMicros: balance.balanceMicros.toString(),
    reservedMicros: balance.reservedMicros.toString(),
    creditLineMicros: balance.creditLineMicros.toString(),
  };
}

/** The days without use too, so that a chart of them has no hidden gaps. */
function everyDay(firstDay: Day, used: readonly DayOfUsage[]): UsageDay[] {
  const byDay = new Map(used.map((day) => [day.day, day]));
  return Array.from({ length: DAYS }, (_, index) => {
    const day = nameOf(addDays(firstDay, index));
    const { requests = 0, inputTokens = 0, outputTokens = 0, chargedMicros = 0n } = byDay.get(day) ?? {};
    return { day, requests, inputTokens, outputTokens, chargedMicros: chargedMicros.toString() };
  });
}

const nameOf = ({ year, month, day }: Day): string =>
  [String(year), ...[month, day].map((part) => String(part).padStart(2, '0'))].join('-');

/** A page of a customer's usage, newest first. @param cursor the `nextBefore` of the page before it */
export async function readUsage(
  books: Books,
  customerId: string,
  { cursor, limit }: { cursor: string | undefined; limit: number },
): Promise<{ events: UsageEventRow[]; nextBefore: string | null }> {
  const events = await usagePage(books, { customerId, before: parseCursor(cursor), limit });
  const last = events.length === limit ? events.at(-1) : undefined;
  return {
    events: events.map(eventJson),
    nextBefore: last === undefined ? null : `${last.time.toISOString()}~${last.id}`,
  };
}

function parseCursor(text: string | undefined): UsageCursor | undefined {
  if (text === undefined) return undefined;
  const [, time = '', id = ''] = /^([\d-]{10}T[\d:.]{12}Z)~(use_[\w-]{1,100})$/.exec(text) ?? [];
  const at = new Date(time);
  if (id === '' || Number.isNaN(at.getTime()))
    throw new ApiProblem(400, 'invalid_value', 'before: this is not the nextBefore of a page.', { param: 'before' });
  return { time: at, id };
}

/** @throws ApiProblem 404 `unknown_event`, also for another customer's */
export async function readChargedEvent(books: Books, customerId: string, eventId: string): Promise<ChargedEventDetail> {
  const found = await chargedEvent(books, customerId, eventId);
  if (found === undefined) throw new ApiProblem(404, 'unknown_event', 'This customer has no such usage event.');
  const { event, price, entries } = found;
  return {
    event: eventJson(event),
    price: price && {
      inputMicrosPerMillion: price.inputMicrosPerMillion.toString(),
      cachedMicrosPerMillion: price.cachedMicrosPerMillion.toString(),
      outputMicrosPerMillion: price.outputMicrosPerMillion.toString(),
      requestMicros: price.requestMicros.toString(),
      isTiered: price.isTiered,
    },
    entries: entries.map(({ transactionId, account, amountMicros, time }) => ({
      transactionId: transactionId.toString(),
      account,
      amountMicros: amountMicros.toString(),
      time: time.toISOString(),
    })),
  };
}

export async function readCredits(books: Books, customerId: string): Promise<CreditSummary[]> {
  return (await listCredits(books, customerId)).map(creditJson);
}

const creditJson = ({ id, kind, reference, createdAt, expiresAt, amountMicros }: CreditLot): CreditSummary => ({
  id,
  kind,
  reference,
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
  amountMicros: amountMicros.toString(),
});

const eventJson = ({ time, chargedMicros, ...event }: PricedEvent): UsageEventRow => ({
  ...event,
  time: time.toISOString(),
  chargedMicros: chargedMicros.toString(),
});

export const keyJson = (key: ApiKey): KeySummary => ({
  id: key.id,
  name: key.name,
  displayPrefix: key.displayPrefix,
  createdAt: key.createdAt.toISOString(),
  revokedAt: key.revokedAt?.toISOString() ?? null,
  expiresAt: key.expiresAt?.toISOString() ?? null,
  scopes: key.scopes,
  models: key.models,
  lastUsedAt: key.lastUsedAt?.toISOString() ?? null,
});
