/**
 * Credit reserved ahead of requests, for keys that ask often and customers who have plenty of it. A lease is one ordinary admission of
 * what many requests may cost; for a second, requests of the same key, scope and model are let in out of it without asking the database.
 * So what the database says of a key (revoked, suspended, without credit) holds here a second later at most, and nothing is ever
 * spent twice: what a lease has was taken from the account before.
 */
import type { Clock } from '../../base/clock.js';
import type { Micros } from '../../base/money.js';
import type { Database } from '../store/database.js';
import type { Admission, AdmissionRequest, Admissions, CreditShare } from './admission.js';
import { type Price, costOf } from './cost.js';
import { newId } from './identifiers.js';

export interface CreditLeases {
  /** @returns undefined where no lease covers it: then the database is asked */
  take(request: AdmissionRequest): Admission | undefined;
  /** An admission by the database: who has many of them in a second gets a lease. */
  admitted(request: AdmissionRequest, admission: Admission): void;
  /** A request out of a lease is over. @param isUsed false: it was not served, and another may have its share */
  over(share: CreditShare, isUsed: boolean): void;
  /** Whether something is reserved ahead for a customer. */
  has(customerId: string): boolean;
  /** Ends a customer's leases, and waits until what they have left is his again. */
  giveBack(customerId: string): Promise<void>;
  /** To be renewed like requests. */
  reservations(): string[];
  /** Ends all leases; those with requests that are not over stay reserved. */
  close(): Promise<void>;
}

interface Lease {
  readonly id: string;
  readonly admission: Admission;
  readonly price: Price;
  /** By the clock that does not jump. */
  readonly freshUntilMs: number;
  /** By the calendar: a price, a key or a credit ends or begins then. */
  readonly validUntilMs: number;
  /** Not promised to any request. */
  spare: Micros;
  /** Requests that are not over. */
  open: number;
  isCurrent: boolean;
}

/** Requests that one lease may cover: same key, scope and model. */
interface Stream {
  admissions: number;
  since: number;
  lease: Lease | undefined;
  isAsking: boolean;
  /** No lease is asked for before. */
  restsUntilMs: number;
  /** How many requests like the one at hand the next lease is for. */
  size: number;
}

const FRESH_MS = 1_000;
const [LEAST_SIZE, MOST_SIZE] = [8, 1024];
/** There has to be credit for so many leases before one is taken: whoever is near his end is asked about every time. */
const PLENTY = 20n;
const REST_MS = 5_000;
const MOST_TOKENS = 100_000_000;
const TICK_MS = 50;
const MOST_STREAMS = 10_000;

/** @param often admissions by the database within a second, from which on a key asks often */
export function createCreditLeases(
  database: Database,
  clock: Clock,
  admissions: Admissions,
  often: number,
): CreditLeases {
  const streams = new Map<string, Stream>();
  const held = createHeldCredit(database, admissions);
  const { renew, retire, rest, close } = createRenewals({ database, clock, admissions }, held);
  const tick = (): void => {
    const now = clock.monotonic();
    for (const [name, stream] of streams) {
      if (stream.lease !== undefined && stream.lease.freshUntilMs <= now) {
        stream.size = Math.max(LEAST_SIZE, stream.size / 2);
        retire(stream);
      }
      if (stream.lease === undefined && !stream.isAsking && now - stream.since > REST_MS) streams.delete(name);
    }
    void held.flush();
  };
  const timer = setInterval(tick, TICK_MS);
  timer.unref();

  return {
    take(request) {
      const stream = streams.get(nameOf(request));
      const lease = stream?.lease;
      if (stream === undefined || lease === undefined) return undefined;
      const now = clock.monotonic();
      if (now >= lease.freshUntilMs || clock.now() >= lease.validUntilMs) {
        retire(stream);
        return undefined;
      }
      const ageMs = now - lease.freshUntilMs + FRESH_MS;
      const reservedMicros = mostOf(request, lease.price);
      const isShort = lease.spare < reservedMicros;
      if (isShort || lease.spare * 2n < lease.admission.reservedMicros || ageMs > FRESH_MS / 2)
        renew(stream, request, lease.admission, ageMs < FRESH_MS / 4);
      return isShort ? undefined : shareOf(lease, request, reservedMicros);
    },
    admitted(request, admission) {
      if (often === Infinity || !mayBeAhead(request, admission)) return;
      const now = clock.monotonic();
      const stream = streams.get(nameOf(request)) ?? newStream(now);
      if (streams.size < MOST_STREAMS) streams.set(nameOf(request), stream);
      if (now - stream.since > FRESH_MS) [stream.since, stream.admissions] = [now, 0];
      stream.admissions++;
      if (stream.admissions >= often) renew(stream, request, admission, false);
    },
    over: held.over,
    has: held.has,
    async giveBack(customerId) {
      for (const stream of streams.values()) {
        if (stream.lease?.admission.customerId !== customerId) continue;
        retire(stream);
        rest(stream);
      }
      await held.flush();
      await admissions.flush();
    },
    reservations: held.reservations,
    async close() {
      clearInterval(timer);
      await close();
      for (const stream of streams.values()) retire(stream);
      await held.flush();
    },
  };
}

interface Renewals {
  /** Asks for a stream's next lease, unless it does already, or rests. @param like an admission of the same key, scope and model */
  renew(stream: Stream, request: AdmissionRequest, like: Admission, wasShort: boolean): void;
  retire(stream: Stream): void;
  rest(stream: Stream): void;
  /** Asks for none any more, and waits for those on their way. */
  close(): Promise<void>;
}

function createRenewals(source: LeaseSource, held: HeldCredit): Renewals {
  const { clock } = source;
  const asking = new Set<Promise<void>>();
  let isClosed = false;
  const retire = (stream: Stream): void => {
    if (stream.lease !== undefined) held.retire(stream.lease);
    stream.lease = undefined;
  };
  const rest = (stream: Stream): void => {
    stream.size = LEAST_SIZE;
    stream.restsUntilMs = clock.monotonic() + REST_MS;
  };
  const ask = async (stream: Stream, request: AdmissionRequest, like: Admission): Promise<void> => {
    const lease = await leaseFor(source, request, like, stream.size).catch(() => undefined);
    stream.isAsking = false;
    retire(stream);
    if (lease === undefined) return rest(stream);
    held.add(lease);
    stream.lease = lease;
  };
  return {
    renew(stream, request, like, wasShort) {
      if (isClosed || stream.isAsking || stream.restsUntilMs > clock.monotonic()) return;
      if (wasShort) stream.size = Math.min(MOST_SIZE, stream.size * 2);
      stream.isAsking = true;
      const asked = ask(stream, request, like).finally(() => asking.delete(asked));
      asking.add(asked);
    },
    retire,
    rest,
    async close() {
      isClosed = true;
      await Promise.all(asking);
    },
  };
}

const newStream = (since: number): Stream => ({
  admissions: 0,
  since,
  lease: undefined,
  isAsking: false,
  restsUntilMs: 0,
  size: LEAST_SIZE,
});

/** One request's part of a lease. */
function shareOf(lease: Lease, request: AdmissionRequest, reservedMicros: Micros): Admission {
  lease.spare -= reservedMicros;
  lease.open++;
  const { requestId, model, inputTokens, maxTokens } = request;
  const ahead = { leaseId: lease.id, price: lease.price, reservedMicros };
  return { ...lease.admission, requestId, model, inputTokens, maxTokens, reservedMicros, ahead };
}

interface HeldCredit extends Pick<CreditLeases, 'over' | 'has' | 'reservations'> {
  add(lease: Lease): void;
  /** No further request is let in out of it; what it promised to nobody is given back. */
  retire(lease: Lease): void;
  /** Takes off the reservations what is not needed any more. */
  flush(): Promise<void>;
}

/** Leases with something in them, and what has to be taken off their reservations. */
function createHeldCredit(database: Database, admissions: Admissions): HeldCredit {
  const leases = new Map<string, Lease>();
  let cuts = new Map<string, Micros>();
  let flushing = Promise.resolve();

  const cut = (lease: Lease, amount: Micros): void => {
    if (!lease.isCurrent && lease.open === 0) {
      leases.delete(lease.id);
      cuts.delete(lease.id);
      // with all that is left of it
      admissions.settled(lease.id);
    } else if (amount > 0n) cuts.set(lease.id, (cuts.get(lease.id) ?? 0n) + amount);
  };
  const shrink = async (): Promise<void> => {
    const due = [...cuts].map(([id, amount]) => ({ id, amount: amount.toString() }));
    if (due.length === 0) return;
    cuts = new Map();
    // Not tried again, because it may have been done all the same: then it stays reserved until the lease is over.
    await database.sql`select moat.shrink(${JSON.stringify(due)}::text::jsonb)`.catch(() => undefined);
  };
  return {
    add: (lease) => void leases.set(lease.id, lease),
    retire(lease) {
      lease.isCurrent = false;
      const { spare } = lease;
      lease.spare = 0n;
      cut(lease, spare);
    },
    over({ leaseId, reservedMicros }, isUsed) {
      const lease = leases.get(leaseId);
      if (lease === undefined) return;
      lease.open--;
      if (isUsed || !lease.isCurrent) cut(lease, reservedMicros);
      else lease.spare += reservedMicros;
    },
    has: (customerId) => [...leases.values()].some(({ admission }) => admission.customerId === customerId),
    reservations: () => [...leases.keys()],
    flush: () => (flushing = flushing.then(shrink)),
  };
}

interface LeaseSource {
  readonly database: Database;
  readonly clock: Clock;
  readonly admissions: Admissions;
}

/** @returns undefined where there is not plenty of credit, or the database refuses */
async function leaseFor(
  { database, clock, admissions }: LeaseSource,
  request: AdmissionRequest,
  like: Admission,
  size: number,
): Promise<Lease | undefined> {
  const askedAtMs = clock.monotonic();
  const terms = await termsOf(database, request, like, clock);
  const most = (tokens: number): number => Math.min(MOST_TOKENS, tokens * size);
  const block = { ...request, inputTokens: most(request.inputTokens), maxTokens: most(request.maxTokens) };
  if (terms === undefined || terms.available < PLENTY * mostOf(block, terms.price)) return undefined;
  const id = newId('req', clock.now());
  const admission = await admissions.submit({ ...block, requestId: id });
  if (admission.outcome !== 'admitted') return undefined;
  if (admission.priceId !== like.priceId || !mayBeAhead(request, admission)) {
    admissions.settled(id);
    return undefined;
  }
  return {
    id,
    admission,
    price: terms.price,
    freshUntilMs: askedAtMs + FRESH_MS,
    validUntilMs: terms.until?.getTime() ?? Infinity,
    spare: admission.reservedMicros,
    open: 0,
    isCurrent: true,
  };
}

const nameOf = ({ payer, scope, model }: AdmissionRequest): string =>
  payer === 'internal' ? '' : `${payer.keyHash} ${scope} ${model}`;

/** What depends on the month so far, on a budget or on how many run at one time is asked of the database every time. */
const mayBeAhead = ({ slots = [] }: AdmissionRequest, admission: Admission): boolean =>
  admission.kind === 'paying' && !admission.isRated && !admission.isLimited && slots.length === 0;

/** The most a request can cost, as `moat.admit` says it. */
function mostOf({ inputTokens, maxTokens }: AdmissionRequest, price: Price): Micros {
  const { inputMicrosPerMillionTokens: fresh, cachedInputMicrosPerMillionTokens: cached } = price;
  const dearer = { ...price, inputMicrosPerMillionTokens: fresh > cached ? fresh : cached };
  return costOf({ inputTokens, cachedInputTokens: 0, outputTokens: maxTokens }, dearer);
}

interface LeaseTerms {
  readonly available: Micros;
  readonly price: Price;
  /** When any of it changes by itself. */
  readonly until: Date | null;
}

async function termsOf(
  { sql }: Database,
  { payer }: AdmissionRequest,
  { accountId, priceId }: Admission,
  clock: Clock,
): Promise<LeaseTerms | undefined> {
  if (payer === 'internal' || accountId === null || priceId === null) return undefined;
  const [row] = await sql<
    { available: Micros; input: Micros; cached: Micros; output: Micros; request: Micros; until: Date | null }[]
  >`
    select a.credit_line_micros - a.balance_micros - h.reserved_micros as available, p.input_micros_per_million as input,
           p.cached_micros_per_million as cached, p.output_micros_per_million as output, p.request_micros as request,
           least(k.expires_at, s.expires_at, a.next_expiry, (select min(x.starts_at) from moat.prices x
             where x.book = p.book and x.model = p.model and x.currency = p.currency and x.starts_at > ${new Date(clock.now())})) as until
      from moat.prices p, moat.accounts a join moat.holds h on h.account_id = a.id, moat.key_secrets s join moat.api_keys k on k.id = s.key_id
     where p.id = ${priceId} and a.id = ${accountId} and s.hash = decode(${payer.keyHash}, 'hex')`;
  if (row === undefined) return undefined;
  const price = {
    inputMicrosPerMillionTokens: row.input,
    cachedInputMicrosPerMillionTokens: row.cached,
    outputMicrosPerMillionTokens: row.output,
    requestMicros: row.request,
  };
  return { available: row.available, price, until: row.until };
}
