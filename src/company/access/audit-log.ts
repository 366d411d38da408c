import { createHash } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Clock } from '../../base/clock.js';
import { invariant } from '../../base/errors.js';
import type { Database } from '../store/database.js';
import { MOAT_SECRET } from './secret-token.js';

/** A database transaction. */
export type Transaction = TransactionSql<{ bigint: bigint }>;

/** Facts about a change. No numbers: amounts are decimal strings, so that every value is hashed exactly as it is kept. */
export type AuditDetails = Readonly<Record<string, string | boolean | null>>;

export interface AuditChange {
  /** What was done, in the past: `key.revoked`. */
  readonly action: string;
  /** The id of what it was done to. */
  readonly target: string;
  /** Never a password, a token, a key or a customer's text. */
  readonly details?: AuditDetails;
}

/**
 * Writes down a change inside the transaction that makes it: both are there, or neither. Call it last in the
 * transaction, because from then on every other writer waits for the commit.
 */
export type AuditWriter = (sql: Transaction, change: AuditChange) => Promise<void>;

export interface AuditEntry extends Required<AuditChange> {
  readonly id: bigint;
  readonly time: Date;
  /** A user's e-mail address, `studio token` or `command line`. */
  readonly actor: string;
  /** SHA-256 as hex. */
  readonly hash: string;
}

/** What is hashed; `time` is ISO 8601 in UTC with six decimals, as exact as the database keeps it. */
interface HashedEntry extends Required<AuditChange> {
  readonly id: bigint;
  readonly time: string;
  readonly actor: string;
  readonly previousHash: string;
}

const MAX_TEXT = 1000;

/** The writer of one actor. */
export function auditAs(actor: string, clock: Clock): AuditWriter {
  return async (sql, { action, target, details = {} }) => {
    const texts = Object.entries(details).map(([name, value]) => [name, storable(value)] as const);
    const change = { action, target: storable(target), details: Object.fromEntries(texts) };
    invariant(JSON.stringify(change).search(MOAT_SECRET) === -1, `a secret in the audit entry of "${action}"`);
    const [head] = await sql<{ id: bigint; hash: Buffer }[]>`select id, hash from moat.audit_head for update`;
    invariant(head !== undefined, 'the audit log has a head');
    const now = new Date(clock.now());
    const entry = { ...change, id: head.id + 1n, actor: storable(actor), previousHash: head.hash.toString('hex') };
    const hash = hashOfEntry({ ...entry, time: now.toISOString().replace('Z', '000Z') });
    await sql`
      insert into moat.audit_log (id, time, actor, action, target, details, previous_hash, hash)
      values (${entry.id}, ${now}, ${entry.actor}, ${action}, ${entry.target}, ${sql.json(entry.details)}, ${head.hash}, ${hash})`;
    await sql`update moat.audit_head set id = ${entry.id}, hash = ${hash}`;
  };
}

/** Text as PostgreSQL gives it back: lone surrogates replaced, no NUL, bounded. */
function storable<T extends string | boolean | null>(value: T): T;
function storable(value: string | boolean | null): string | boolean | null {
  if (typeof value !== 'string') return value;
  return Buffer.from(value.slice(0, MAX_TEXT)).toString().replaceAll('\0', '\uFFFD');
}

/**
 * SHA-256 over the UTF-8 bytes of a JSON array without spaces, in RFC 8785's form:
 * `["1","2030-01-02T03:04:05.678000Z",actor,action,target,details,previous hash as hex]`, the names of details sorted by
 * UTF-16 units. The first entry's previous hash is 64 zeros.
 */
function hashOfEntry({ id, time, actor, action, target, details, previousHash }: HashedEntry): Buffer {
  const sorted = Object.fromEntries(Object.entries(details).sort(([a], [b]) => (a < b ? -1 : 1)));
  const bytes = JSON.stringify([id.toString(), time, actor, action, target, sorted, previousHash]);
  return createHash('sha256').update(bytes).digest();
}

export interface AuditVerification {
  readonly entryCount: number;
  /** The first entry that is missing or not what was written; undefined when the chain is whole. */
  readonly broken: { readonly id: bigint; readonly why: string } | undefined;
  /** Number and hash of the last entry. Kept elsewhere, it proves later that nothing up to it was rewritten. */
  readonly head: { readonly id: bigint; readonly hash: string };
}

/** Recomputes the whole chain, in one snapshot. */
export async function verifyAuditLog({ sql: pool }: Database): Promise<AuditVerification> {
  return pool.begin('isolation level repeatable read read only', async (sql) => {
    const [head] = await sql<{ id: bigint; hash: string }[]>`
      select id, encode(hash, 'hex') as hash from moat.audit_head`;
    invariant(head !== undefined, 'the audit log has a head');
    let last = { id: 0n, hash: '0'.repeat(64) };
    const entries = sql<(HashedEntry & { hash: string })[]>`
      select id, to_char(time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as time, actor, action, target, details,
             encode(previous_hash, 'hex') as "previousHash", encode(hash, 'hex') as hash
        from moat.audit_log order by id`;
    for await (const batch of entries.cursor(500)) {
      for (const entry of batch) {
        const why = breachOf(entry, last);
        if (why !== undefined) return { entryCount: Number(last.id), broken: { id: last.id + 1n, why }, head };
        last = { id: entry.id, hash: entry.hash };
      }
    }
    const broken =
      last.id === head.id && last.hash === head.hash
        ? undefined
        : { id: last.id + 1n, why: `the log ends at entry ${last.id}, its head says ${head.id}` };
    return { entryCount: Number(last.id), broken, head };
  });
}

function breachOf(entry: HashedEntry & { hash: string }, last: { id: bigint; hash: string }): string | undefined {
  if (entry.id !== last.id + 1n) return 'the entry is missing';
  if (entry.previousHash !== last.hash) return 'it does not follow the entry before it';
  return hashOfEntry(entry).toString('hex') === entry.hash ? undefined : 'its contents are not what was hashed';
}

/** Entries, newest first, at most 200. @param page `before`: only entries with smaller ids */
export async function listAuditLog(
  { sql }: Database,
  page: { before?: bigint | undefined; limit?: number | undefined } = {},
): Promise<AuditEntry[]> {
  return sql<AuditEntry[]>`
    select id, time, actor, action, target, details, encode(hash, 'hex') as hash from moat.audit_log
     ${page.before === undefined ? sql`` : sql`where id < ${page.before}`} order by id desc limit ${Math.min(page.limit ?? 50, 200)}`;
}
