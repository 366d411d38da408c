/** What has to be true after every round, whatever happened in it. */
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { audit } from '../../src/company/billing/audit.js';
import { systemClock } from '../../src/base/clock.js';
import type { Arena } from './arena.js';
import type { Strike } from './fault-table.js';
import type { Ask, Seen } from './workload.js';

interface EventRow {
  id: string;
  customer_id: string;
  input_tokens: number;
  output_tokens: number;
  charged_micros: bigint;
  status: 'finished' | 'aborted' | 'failed';
}

export interface RoundResult {
  readonly accounts: readonly { readonly customerId: string; readonly creditMicros: bigint }[];
  readonly seen: readonly Seen[];
  readonly strike: Strike;
  /** Requests under one `Idempotency-Key` are one request. */
  readonly repeatsAreOne: boolean;
}

/** The round's models cost one micro-unit an input token and two an output token. */
export const costMicros = (inputTokens: number, outputTokens: number): bigint => BigInt(inputTokens + 2 * outputTokens);

const nameOf = ({ model, form, stream, promptTokens, choices, maxTokens }: Ask): string =>
  `request ${promptTokens} (${model} ${form}${stream ? ' streamed' : ''}, ${choices} × ${maxTokens} tokens)`;

/** @returns every breach, in words */
export async function breachesOf(arena: Arena, round: RoundResult): Promise<string[]> {
  const { sql } = arena.database;
  const ids = round.accounts.map(({ customerId }) => customerId);
  const events = await sql<EventRow[]>`
    select id, customer_id, input_tokens, output_tokens, charged_micros, status from moat.usage_events where customer_id in ${sql(ids)}`;
  const books = await audit({ database: arena.database, clock: systemClock });
  return [
    ...books.findings.map((finding) => `audit: ${finding}`),
    ...requestBreaches(round, events),
    ...(await accountBreaches(arena, round, events)),
    ...(await spoolBreaches(arena)),
  ];
}

function requestBreaches({ seen, strike, repeatsAreOne }: RoundResult, events: readonly EventRow[]): string[] {
  const breaches: string[] = [];
  const say = (ask: Ask, what: string): void => void breaches.push(`${nameOf(ask)}: ${what}`);
  const asks = new Map(seen.map(({ ask }) => [ask.promptTokens, ask]));
  for (const event of events) {
    const ask = asks.get(event.input_tokens);
    if (ask?.payer.customerId !== event.customer_id) breaches.push(`event ${event.id} is of no request`);
    else if (event.output_tokens > ask.maxTokens * ask.choices) say(ask, `${event.output_tokens} tokens were billed`);
    else if (
      event.charged_micros !== (event.status === 'failed' ? 0n : costMicros(event.input_tokens, event.output_tokens))
    )
      say(ask, `a ${event.status} answer of ${event.output_tokens} tokens was charged ${event.charged_micros}`);
  }
  for (const ask of asks.values()) {
    const own = events.filter((event) => event.input_tokens === ask.promptTokens);
    const sights = seen.filter((each) => each.ask === ask);
    const most = repeatsAreOne ? 1 : sights.length;
    if (own.length > most) say(ask, `${own.length} events for ${most}`);
    if (own.length > 0 && sights.every(({ outcome, status }) => outcome === 'refused' && status < 500))
      say(ask, 'it was refused, and billed');
    for (const sight of sights) for (const what of sightBreaches(sight, own, strike)) say(ask, what);
  }
  return breaches;
}

function* sightBreaches(sight: Seen, own: readonly EventRow[], strike: Strike): Generator<string> {
  const { outcome, textTokens, usage, id, ask, code } = sight;
  if (outcome === 'hung') yield 'no answer and no error within the limit';
  if (outcome === 'finished') {
    const event = own.find((each) => each.id.slice(4) === id.slice(id.indexOf('-') + 1));
    if (event === undefined) yield `the client has the whole answer ${id}; it is not on the books`;
    else if (event.status !== 'finished' || event.output_tokens !== textTokens)
      yield `${textTokens} tokens came whole, on the books are ${event.output_tokens}, ${event.status}`;
    if (usage?.inputTokens !== ask.promptTokens || usage.outputTokens !== textTokens)
      yield `${textTokens} tokens came, the answer says ${JSON.stringify(usage)}`;
    if (!ask.payer.isValid) yield 'a key that is not valid was served';
  } else if (textTokens > 0) {
    const most = Math.max(-1, ...own.map((event) => event.output_tokens));
    if (most >= 0 && most < textTokens) yield `${textTokens} tokens came, on the books are ${most}`;
    if (most < 0 && strike.survives && strike.losesSettlements !== true)
      yield `${textTokens} tokens came from a gateway that lived on; nothing is on the books`;
  }
  const charged = own.reduce((sum, event) => sum + event.charged_micros, 0n);
  if (outcome === 'refused' && code === 'internal_error' && charged > 0n && !ask.repeated)
    yield `the client was told that it was not charged, and it was: ${charged}`;
}

async function accountBreaches(
  arena: Arena,
  { accounts, strike }: RoundResult,
  events: readonly EventRow[],
): Promise<string[]> {
  const { sql } = arena.database;
  const breaches: string[] = [];
  for (const { customerId, creditMicros } of accounts) {
    const [account] = await sql<{ id: bigint; balance: bigint; reserved: bigint; open: number }[]>`
      select id, -balance_micros as balance, reserved_micros as reserved,
             (select count(*)::int from moat.reservations r where r.account_id = a.id) as open
        from moat.accounts a where customer_id = ${customerId} and kind = 'prepaid'`;
    if (account === undefined) throw new Error(`${customerId} has no account`);
    const charged = events.reduce(
      (sum, event) => sum + (event.customer_id === customerId ? event.charged_micros : 0n),
      0n,
    );
    const writtenOff = creditMicros - charged < account.balance ? account.balance - creditMicros + charged : 0n;
    if (account.balance < 0n) breaches.push(`${customerId} is overdrawn by ${-account.balance}`);
    if (account.open > 0 || account.reserved !== 0n)
      breaches.push(`${customerId} has ${account.open} reservations over ${account.reserved} left`);
    if (writtenOff > 0n && strike.losesReservations !== true)
      breaches.push(`${writtenOff} of ${customerId}'s ${charged} had to be written off although they were reserved`);
    if (creditMicros - charged > account.balance)
      breaches.push(`${customerId} had ${creditMicros}, was charged ${charged}, and has ${account.balance}`);
  }
  return breaches;
}

async function spoolBreaches({ projectDirectory }: Arena): Promise<string[]> {
  const waiting = await readdir(path.join(projectDirectory, '.moat', 'unsettled')).catch(() => []);
  return waiting.map((name) => `${name} was left in the spool`);
}
