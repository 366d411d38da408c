/** What has to be true after every round, whatever happened in it. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { audit } from '../../src/company/billing/audit.js';
import { systemClock } from '../../src/base/clock.js';
import { balanceOf } from '../../src/company/billing/ledger.js';
import { type UsageEvent, usageOf } from '../../src/company/billing/usage.js';
import type { Books } from '../../src/company/billing/customers.js';
import type { Arena } from './arena.js';
import type { Strike } from './fault-table.js';
import type { Ask, Seen } from './workload.js';

export interface RoundResult {
  readonly accounts: readonly { readonly customerId: string; readonly creditMicros: bigint }[];
  readonly seen: readonly Seen[];
  readonly strike: Strike;
  /** Requests under one `Idempotency-Key` are one request. */
  readonly repeatsAreOne: boolean;
}

export const booksOf = ({ database }: Arena): Books => ({ database, clock: systemClock });

/** The round's models cost one micro-unit an input token and two an output token. */
export const costMicros = (inputTokens: number, outputTokens: number): bigint => BigInt(inputTokens + 2 * outputTokens);

const nameOf = ({ model, form, stream, promptTokens, choices, maxTokens }: Ask): string =>
  `request ${promptTokens} (${model} ${form}${stream ? ' streamed' : ''}, ${choices} × ${maxTokens} tokens)`;

/** @returns every breach, in words */
export async function breachesOf(arena: Arena, round: RoundResult): Promise<string[]> {
  const events = await Promise.all(
    round.accounts.map(({ customerId }) => usageOf(booksOf(arena), { customerId, limit: 10_000 })),
  ).then((lists) => lists.flat());
  const books = await audit(booksOf(arena));
  return [
    ...books.findings.map((finding) => `audit: ${finding}`),
    ...requestBreaches(round, events),
    ...(await accountBreaches(arena, round)),
    ...(await spoolBreaches(arena)),
  ];
}

function requestBreaches({ seen, strike, repeatsAreOne }: RoundResult, events: readonly UsageEvent[]): string[] {
  const breaches: string[] = [];
  const say = (ask: Ask, what: string): void => void breaches.push(`${nameOf(ask)}: ${what}`);
  const asks = new Map(seen.map(({ ask }) => [ask.promptTokens, ask]));
  for (const event of events) {
    const ask = asks.get(event.inputTokens);
    if (ask?.payer.customerId !== event.customerId) breaches.push(`event ${event.id} is of no request`);
    else if (event.outputTokens > ask.maxTokens * ask.choices) say(ask, `${event.outputTokens} tokens were billed`);
    else if (
      event.chargedMicros !== (event.status === 'failed' ? 0n : costMicros(event.inputTokens, event.outputTokens))
    )
      say(ask, `a ${event.status} answer of ${event.outputTokens} tokens was charged ${event.chargedMicros}`);
  }
  for (const ask of asks.values()) {
    const own = events.filter((event) => event.inputTokens === ask.promptTokens);
    const sights = seen.filter((each) => each.ask === ask);
    // A failed answer is free, and frees its key: the repeat is answered anew.
    const counted = repeatsAreOne ? own.filter(({ status }) => status !== 'failed') : own;
    const most = repeatsAreOne ? 1 : sights.length;
    if (counted.length > most) say(ask, `${counted.length} events for ${most}`);
    if (own.length > sights.length) say(ask, `${own.length} events for ${sights.length} requests`);
    if (own.length > 0 && sights.every(({ outcome, status }) => outcome === 'refused' && status < 500))
      say(ask, 'it was refused, and billed');
    for (const sight of sights) for (const what of sightBreaches(sight, own, strike)) say(ask, what);
  }
  return breaches;
}

function* sightBreaches(sight: Seen, own: readonly UsageEvent[], strike: Strike): Generator<string> {
  const { outcome, textTokens, usage, id, ask, code } = sight;
  if (outcome === 'hung') yield 'no answer and no error within the limit';
  if (outcome === 'finished') {
    const event = own.find((each) => each.id.slice(4) === id.slice(id.indexOf('-') + 1));
    if (event === undefined) yield `the client has the whole answer ${id}; it is not on the books`;
    else if (event.status !== 'finished' || event.outputTokens !== textTokens)
      yield `${textTokens} tokens came whole, on the books are ${event.outputTokens}, ${event.status}`;
    if (usage?.inputTokens !== ask.promptTokens || usage.outputTokens !== textTokens)
      yield `${textTokens} tokens came, the answer says ${JSON.stringify(usage)}`;
    if (!ask.payer.isValid) yield 'a key that is not valid was served';
  } else if (textTokens > 0) {
    const most = Math.max(-1, ...own.map((event) => event.outputTokens));
    if (most >= 0 && most < textTokens) yield `${textTokens} tokens came, on the books are ${most}`;
    if (most < 0 && strike.survives && strike.losesSettlements !== true)
      yield `${textTokens} tokens came from a gateway that lived on; nothing is on the books`;
  }
  const charged = own.reduce((sum, event) => sum + event.chargedMicros, 0n);
  if (outcome === 'refused' && code === 'internal_error' && charged > 0n && !ask.repeated)
    yield `the client was told that it was not charged, and it was: ${charged}`;
}

async function chargedTo({ database }: Books, customerId: string): Promise<bigint> {
  const [row] = await database.sql<{ total: bigint }[]>`
    select coalesce(sum(charged_micros), 0)::bigint as total from moat.usage_events where customer_id = ${customerId}`;
  return row?.total ?? 0n;
}

async function accountBreaches(arena: Arena, { accounts, strike }: RoundResult): Promise<string[]> {
  const books = booksOf(arena);
  const breaches: string[] = [];
  for (const { customerId, creditMicros } of accounts) {
    const { balanceMicros } = await balanceOf(books, customerId);
    const charged = await chargedTo(books, customerId);
    const writtenOff = creditMicros - charged < balanceMicros ? balanceMicros - creditMicros + charged : 0n;
    if (balanceMicros < 0n) breaches.push(`${customerId} is overdrawn by ${-balanceMicros}`);
    if (writtenOff > 0n && strike.losesReservations !== true)
      breaches.push(`${writtenOff} of ${customerId}'s ${charged} had to be written off although they were reserved`);
    if (creditMicros - charged > balanceMicros)
      breaches.push(`${customerId} had ${creditMicros}, was charged ${charged}, and has ${balanceMicros}`);
  }
  const open = await books.database.sql<{ request_id: string }[]>`select request_id from moat.reservations`;
  return [...breaches, ...open.map((row) => `the reservation of ${row.request_id} was neither settled nor swept`)];
}

async function spoolBreaches({ projectDirectory }: Arena): Promise<string[]> {
  const waiting = await readdir(path.join(projectDirectory, '.moat', 'unsettled')).catch(() => []);
  return waiting.map((name) => `${name} was left in the spool`);
}
