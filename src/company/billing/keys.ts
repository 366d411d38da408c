import { MoatError } from '../../base/errors.js';
import type { AuditWriter, Transaction } from '../access/audit-log.js';
import { type Scope, SCOPES } from './admission.js';
import { displayPrefix, hashOfKey, newSecretKey } from './api-key.js';
import type { Books } from './customers.js';
import { newId } from './identifiers.js';

export interface ApiKey {
  readonly id: string;
  readonly customerId: string;
  readonly name: string;
  /** `moat_sk_Ab3x…` of its newest secret; the secret itself is not stored. */
  readonly displayPrefix: string;
  readonly createdAt: Date;
  readonly revokedAt: Date | null;
  readonly expiresAt: Date | null;
  /** What it may ask for; null is everything. */
  readonly scopes: readonly string[] | null;
  /** Models it may ask; null is all. */
  readonly models: readonly string[] | null;
  /** To a quarter of a minute; null when it never was. */
  readonly lastUsedAt: Date | null;
}

export interface KeyToCreate {
  readonly customerId: string;
  readonly name?: string;
  /** Default: never. */
  readonly expiresAt?: Date;
  /** Default: all. */
  readonly scopes?: readonly Scope[];
  /** Default: all. */
  readonly models?: readonly string[];
}

/** A key, and a secret that can be shown this once and never again. */
export interface IssuedKey {
  readonly key: ApiKey;
  readonly secretKey: string;
}

/**
 * @param audit written in the same transaction
 * @throws MoatError `unknown-customer`, `bad-expiry`, `bad-scope`
 */
export async function createKey(
  { database, clock }: Books,
  options: KeyToCreate,
  audit?: AuditWriter,
): Promise<IssuedKey> {
  const now = clock.now();
  const secretKey = newSecretKey();
  const key: ApiKey = {
    id: newId('key', now),
    customerId: options.customerId,
    name: options.name ?? 'default',
    displayPrefix: displayPrefix(secretKey),
    createdAt: new Date(now),
    revokedAt: null,
    expiresAt: options.expiresAt ?? null,
    scopes: options.scopes ?? null,
    models: options.models ?? null,
    lastUsedAt: null,
  };
  check(key, now);
  const list = (values: readonly string[] | null) => (values === null ? null : [...values]);
  await database.sql.begin(async (sql) => {
    const inserted = await sql`
      insert into moat.api_keys (id, customer_id, name, created_at, expires_at, scopes, models)
      select ${key.id}, id, ${key.name}, ${key.createdAt}, ${key.expiresAt}, ${list(key.scopes)}, ${list(key.models)}
        from moat.customers where id = ${key.customerId} and kind = 'paying' returning id`;
    if (inserted.length === 0) throw new MoatError('unknown-customer', `customer "${key.customerId}" does not exist`);
    await sql`
      insert into moat.key_secrets (hash, key_id, display_prefix, created_at)
      values (decode(${hashOfKey(secretKey)}, 'hex'), ${key.id}, ${key.displayPrefix}, ${key.createdAt})`;
    const { customerId, name, displayPrefix } = key;
    await audit?.(sql, { action: 'key.created', target: key.id, details: { customerId, name, displayPrefix } });
  });
  return { key, secretKey };
}

function check({ expiresAt, scopes, models, name }: ApiKey, nowMs: number): void {
  const wrong = scopes?.find((scope) => !(SCOPES as readonly string[]).includes(scope));
  if (wrong !== undefined || scopes?.length === 0) {
    throw new MoatError('bad-scope', `scopes of key "${name}": ${wrong === undefined ? 'none' : `"${wrong}"`}`, {
      fix: `Choose from ${SCOPES.join(', ')}, or leave them out for all.`,
    });
  }
  if (models?.length === 0)
    throw new MoatError('bad-scope', `models of key "${name}": none`, { fix: 'Leave them out for all.' });
  if (expiresAt !== null && expiresAt.getTime() <= nowMs)
    throw new MoatError('bad-expiry', `key "${name}": ${expiresAt.toISOString()} is past`, {
      fix: 'Give a time to come.',
    });
}

/** What may come with a change of a key. */
export interface KeyChange {
  /** The customer whose key it has to be: a key of another one is as good as none. */
  readonly customerId?: string;
  /** Written in the same transaction. */
  readonly audit?: AuditWriter;
}

/** A week: long enough to put a new secret everywhere. */
export const ROTATION_OVERLAP_MS = 7 * 24 * 3_600_000;

/**
 * A new secret for a key, whose id, limits, budgets and usage stay; the secrets before it work on for `overlapMs`.
 * @throws MoatError `unknown-key` for one that does not exist or is revoked
 */
export async function rotateKey(
  { database, clock }: Books,
  keyId: string,
  overlapMs: number = ROTATION_OVERLAP_MS,
  { customerId, audit }: KeyChange = {},
): Promise<IssuedKey> {
  const now = clock.now();
  const secretKey = newSecretKey();
  await database.sql.begin(async (sql) => {
    const [open] = await sql<{ customerId: string }[]>`
      select customer_id as "customerId" from moat.api_keys
       where id = ${keyId} and revoked_at is null ${ofCustomer(sql, customerId)} for no key update`;
    if (open === undefined) throw unknownKey(keyId);
    await sql`
      update moat.key_secrets set expires_at = least(expires_at, ${new Date(now + overlapMs)}) where key_id = ${keyId}`;
    await sql`
      insert into moat.key_secrets (hash, key_id, display_prefix, created_at)
      values (decode(${hashOfKey(secretKey)}, 'hex'), ${keyId}, ${displayPrefix(secretKey)}, ${new Date(now)})`;
    const details = { ...open, displayPrefix: displayPrefix(secretKey), overlapMs: String(overlapMs) };
    await audit?.(sql, { action: 'key.rotated', target: keyId, details });
  });
  return { key: await findKey({ database, clock }, keyId), secretKey };
}

/** Requests with this key are refused from the next one on. @throws MoatError `unknown-key` */
export async function revokeKey(
  { database, clock }: Books,
  keyId: string,
  { customerId, audit }: KeyChange = {},
): Promise<void> {
  await database.sql.begin(async (sql) => {
    const [revoked] = await sql<{ customerId: string }[]>`
      update moat.api_keys set revoked_at = coalesce(revoked_at, ${new Date(clock.now())})
       where id = ${keyId} ${ofCustomer(sql, customerId)} returning customer_id as "customerId"`;
    if (revoked === undefined) throw unknownKey(keyId);
    await audit?.(sql, { action: 'key.revoked', target: keyId, details: { ...revoked } });
  });
}

const ofCustomer = (sql: Transaction, customerId: string | undefined) =>
  customerId === undefined ? sql`` : sql`and customer_id = ${customerId}`;

const unknownKey = (keyId: string): MoatError =>
  new MoatError('unknown-key', `key "${keyId}" does not exist or is revoked`, {
    fix: 'List them with: moat keys list CUSTOMER.',
  });

/** @param customerId whose key it has to be; default anybody's @throws MoatError `unknown-key` */
export async function findKey({ database }: Books, keyId: string, customerId?: string): Promise<ApiKey> {
  const [key] = await select(database, { keyId });
  if (key === undefined || key.customerId !== (customerId ?? key.customerId)) throw unknownKey(keyId);
  return key;
}

/** A customer's keys, revoked ones included, oldest first; at most 1,000. */
export async function listKeys({ database }: Books, customerId: string): Promise<ApiKey[]> {
  return select(database, { customerId });
}

function select(
  { sql }: Books['database'],
  which: { readonly keyId: string } | { readonly customerId: string },
): PromiseLike<ApiKey[]> {
  return sql<ApiKey[]>`
    select k.id, k.customer_id as "customerId", k.name, s.display_prefix as "displayPrefix", k.created_at as "createdAt",
           k.revoked_at as "revokedAt", k.expires_at as "expiresAt", k.scopes, k.models, k.last_used_at as "lastUsedAt"
      from moat.api_keys k cross join lateral (
        select display_prefix from moat.key_secrets s where s.key_id = k.id order by s.expires_at desc nulls first, s.created_at desc limit 1) s
     where ${'keyId' in which ? sql`k.id = ${which.keyId}` : sql`k.customer_id = ${which.customerId}`}
     order by k.created_at, k.id limit 1000`;
}
