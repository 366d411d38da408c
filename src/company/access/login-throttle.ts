import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.js';
import type { Database } from '../store/database.js';
import type { Transaction } from './audit-log.js';

/** Who tries to sign in, and from where. */
export interface LoginAttempt {
  readonly email: string;
  /** A client's address, or its /64 network. */
  readonly address: string;
}

export type Admission =
  | { readonly kind: 'wait'; readonly seconds: number }
  | {
      readonly kind: 'admitted';
      /** Wrong attempts on this account from anywhere since the last right one here. */
      readonly failuresBefore: number;
      /** The password was right: the attempt no longer counts as a wrong one. */
      succeeded(): Promise<void>;
    };

interface Subject {
  readonly hash: Buffer;
  /** Wrong attempts that cost nothing. */
  readonly free: number;
}

interface Row {
  subject: Buffer;
  failures: number;
  nextAllowedAt: Date;
  lastAttemptAt: Date;
  succeededAt: Date | null;
}

const MAX_WAIT_SECONDS = 15 * 60;
const FORGET_MS = 24 * 3_600_000;
/** How long an address that got in is a familiar one. */
const FAMILIAR_MS = 90 * 24 * 3_600_000;

/**
 * Counts an attempt as a wrong one before the password is looked at, so that a thousand sent at once are not a thousand
 * guesses. After `free` wrong ones a wait doubles from 1 s to 15 min, for the account at this address, for the address
 * on all accounts, and for the account at all addresses from which it was never signed in to. So a stranger can make
 * strangers wait, but never the user at an address that is familiar.
 */
export async function admitLogin(database: Database, clock: Clock, attempt: LoginAttempt): Promise<Admission> {
  const now = clock.now();
  const account = attempt.email.trim().toLowerCase();
  const pair = subject(['account and address', account, attempt.address], 5);
  const everywhere = subject(['account', account], 10);
  const address = subject(['address', attempt.address], 20);
  return database.sql.begin(async (sql) => {
    await lock(sql, [everywhere, address]);
    const rows = await sql<Row[]>`
      select subject, failures, next_allowed_at as "nextAllowedAt", last_attempt_at as "lastAttemptAt", succeeded_at as "succeededAt"
        from moat.login_attempts where subject in ${sql([pair.hash, everywhere.hash, address.hash])}`;
    const rowOf = ({ hash }: Subject): Row | undefined => rows.find((row) => row.subject.equals(hash));
    const failuresOf = (each: Subject): number => {
      const row = rowOf(each);
      return row === undefined || row.lastAttemptAt.getTime() < now - FORGET_MS ? 0 : row.failures;
    };
    const isFamiliar = (rowOf(pair)?.succeededAt?.getTime() ?? -Infinity) > now - FAMILIAR_MS;
    const counted = isFamiliar ? [pair, address] : [pair, everywhere, address];
    const waitMs = Math.max(...counted.map((each) => (rowOf(each)?.nextAllowedAt.getTime() ?? now) - now));
    if (waitMs > 0) return { kind: 'wait', seconds: Math.ceil(waitMs / 1000) };
    for (const each of counted) {
      const failures = failuresOf(each) + 1;
      const nextAllowed = new Date(now + waitSeconds(failures - each.free) * 1000);
      await sql`
        insert into moat.login_attempts values (${each.hash}, ${failures}, ${new Date(now)}, ${nextAllowed}, null)
        on conflict (subject) do update
           set failures = excluded.failures, last_attempt_at = excluded.last_attempt_at, next_allowed_at = excluded.next_allowed_at`;
    }
    await sweep(sql, now);
    return {
      kind: 'admitted',
      failuresBefore: failuresOf(isFamiliar ? pair : everywhere),
      succeeded: () =>
        takeBack(
          database,
          clock,
          pair,
          counted.filter((each) => each !== pair),
        ),
    };
  });
}

const subject = (parts: readonly string[], free: number): Subject => ({
  hash: createHash('sha256').update(JSON.stringify(parts)).digest(),
  free,
});

/** In one order for everybody, so that two attempts never wait for each other. */
async function lock(sql: Transaction, subjects: readonly Subject[]): Promise<void> {
  for (const { hash } of [...subjects].sort((a, b) => a.hash.compare(b.hash)))
    await sql`select pg_advisory_xact_lock(${hash.readBigInt64BE()})`;
}

/** @param excess wrong attempts beyond the free ones */
function waitSeconds(excess: number): number {
  return excess <= 0 ? 0 : Math.min(2 ** (excess - 1), MAX_WAIT_SECONDS);
}

/** Others' wrong attempts stay counted: who knows one password must not guess others' without end. */
async function takeBack({ sql }: Database, clock: Clock, pair: Subject, others: readonly Subject[]): Promise<void> {
  const now = new Date(clock.now());
  await sql.begin(async (step) => {
    await lock(step, others);
    await step`
      update moat.login_attempts set failures = 0, next_allowed_at = ${now}, succeeded_at = ${now} where subject = ${pair.hash}`;
    await step`
      update moat.login_attempts set failures = greatest(failures - 1, 0), next_allowed_at = ${now}
       where subject in ${step(others.map((each) => each.hash))} and last_attempt_at <= ${now}`;
  });
}

async function sweep(sql: Transaction, now: number): Promise<void> {
  await sql`
    delete from moat.login_attempts where subject in (
      select subject from moat.login_attempts
       where last_attempt_at < ${new Date(now - FORGET_MS)} and (succeeded_at is null or succeeded_at < ${new Date(now - FAMILIAR_MS)})
       limit 100 for update skip locked)`;
}
