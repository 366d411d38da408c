/** A database of the first version, with money in it, becomes one of today's, and nothing is lost or counted twice. */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { type Database, openDatabase } from '../store/database.js';
import { migrate, refuseNewer } from '../store/migrate.js';
import { MIGRATIONS } from '../store/migrations.js';
import { hashOfKey, newSecretKey } from './api-key.js';
import { audit } from './audit.js';
import { correctUsage } from './corrections.js';
import { grantCredit, balanceOf } from './ledger.js';
import { createMeter } from './meter.js';
import { totalsOf, usageByModel, usageOf } from './usage.js';

const FIRST_VERSION = 3;
/** The last one in which an event cost nothing at least. */
const FLOORED_CORRECTIONS = 12;
const OLD = '7f0a'.padStart(8, '0');
let directory: string;
let server: Database;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'moat-upgrade-'));
  await chmod(directory, 0o755);
  server = await openDatabase({ projectDirectory: directory });
});
afterAll(async () => {
  await server.close();
  await rm(directory, { recursive: true, force: true });
});

test('customers, keys, prices, credit, usage and open reservations go along', async () => {
  await server.sql`create database upgraded`;
  const url = server.url.replace(/\/[^/]*$/, '/upgraded');
  const secretKey = newSecretKey();
  const before = postgres(url, { max: 1, types: { bigint: postgres.BigInt } });
  await migrate(before, MIGRATIONS.slice(0, FIRST_VERSION));
  await before.unsafe(`
    insert into moat.customers values ('cus_old', 'Old Ltd', 'paying', 'USD', '2026-01-01');
    insert into moat.accounts (kind, customer_id, currency) values ('prepaid', 'cus_old', 'USD');
    insert into moat.accounts (kind, currency) select k, 'USD' from unnest(array['revenue', 'cash', 'credit-grants', 'write-offs']) k;
    insert into moat.prices (model, currency, input_micros_per_million, output_micros_per_million, starts_at)
      values ('m', 'USD', 1000000, 2000000, '2026-01-01');
    insert into moat.journal_transactions (kind, leg_count, created_at) values ('payment', 2, '2026-01-02');
    insert into moat.journal_entries
      select 1, 1, id, 1000 from moat.accounts where kind = 'cash' union all select 1, 2, id, -1000 from moat.accounts where kind = 'prepaid'`);
  await before`
    insert into moat.api_keys values ('key_old', 'cus_old', 'default', decode(${hashOfKey(secretKey)}, 'hex'), 'moat_sk_old…', '2026-01-01')`;
  const [reserved] = await before`
    select outcome from moat.admit(${JSON.stringify([
      { request_id: `req_${OLD}01`, hash: hashOfKey(secretKey), model: 'm', input_tokens: 10, max_tokens: 20 },
      { request_id: `req_${OLD}02`, hash: hashOfKey(secretKey), model: 'm', input_tokens: 10, max_tokens: 20 },
    ])}::text::jsonb, '2026-01-03', '60 s')`;
  expect(reserved?.['outcome']).toBe('admitted');
  await before`
    select * from moat.settle((select jsonb_agg(jsonb_build_object('request_id', ${`req_${OLD}01`}::text, 'at', '2026-01-03', 'customer_id', 'cus_old',
      'key_id', 'key_old', 'kind', 'paying', 'currency', 'USD', 'account_id', a.id, 'model', 'm', 'price_id', 1, 'input_tokens', 10, 'cached_tokens', 4,
      'output_tokens', 20, 'compute_us', 5, 'status', 'finished')) from moat.accounts a where a.kind = 'prepaid'))`;
  await before.end();

  const database = await openDatabase({ projectDirectory: directory, databaseUrl: url });
  const books = { database, clock: systemClock };
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [], usageEventCount: 1 });
  expect(await usageOf(books)).toMatchObject([
    { inputTokens: 10, cachedTokens: 4, outputTokens: 20, chargedMicros: 50n },
  ]);
  expect(totalsOf(await usageByModel(books, { currency: 'USD' }))).toMatchObject({ requests: 1, revenueMicros: 50n });
  // the open reservation is swept, the key still opens, and credit old and new is used
  const meter = await createMeter({ ...books, unsettledDirectory: path.join(directory, 'unsettled') });
  await grantCredit(books, { customerId: 'cus_old', amountMicros: 500n });
  expect(await balanceOf(books, 'cus_old')).toMatchObject({ balanceMicros: 1450n, reservedMicros: 0n });
  const ask = {
    requestId: `req_${OLD}03`,
    payer: { keyHash: hashOfKey(secretKey) },
    scope: 'chat',
    model: 'm',
  } as const;
  expect(await meter.admit({ ...ask, inputTokens: 10, maxTokens: 720 })).toMatchObject({ reservedMicros: 1450n });
  await meter.close();
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  await database.close();
});

const CHARGES = { output: { kind: 'graduated', free: '100', per: '1', tiers: [{ upTo: null, priceMicros: '5' }] } };

test('what was corrected before stays as it was booked; a gateway of before settles and corrects on beside the new one', async () => {
  await server.sql`create database corrected`;
  const url = server.url.replace(/\/[^/]*$/, '/corrected');
  const before = postgres(url, { max: 1, types: { bigint: postgres.BigInt } });
  await migrate(before, MIGRATIONS.slice(0, FLOORED_CORRECTIONS));
  await before.unsafe(`
    insert into moat.customers (id, name, kind, currency, created_at) values ('cus_old', 'Old Ltd', 'paying', 'USD', '2026-01-01');
    insert into moat.accounts (kind, customer_id, currency) values ('prepaid', 'cus_old', 'USD');
    insert into moat.accounts (kind, currency) select k, 'USD' from unnest(array['revenue', 'cash', 'write-offs']) k;
    insert into moat.journal_transactions (kind, leg_count, created_at) values ('payment', 2, '2026-01-02');
    insert into moat.journal_entries
      select 1, 1, id, 1000 from moat.accounts where kind = 'cash' union all select 1, 2, id, -1000 from moat.accounts where kind = 'prepaid';
    insert into moat.credits (transaction_id, account_id, amount_micros, remaining_micros, priority, created_at)
      select 1, id, 1000, 1000, 100, '2026-01-02' from moat.accounts where kind = 'prepaid'`);
  await before`
    insert into moat.prices (model, currency, input_micros_per_million, cached_micros_per_million, output_micros_per_million, charges, starts_at)
    values ('m', 'USD', 0, 0, 5000000, ${JSON.stringify(CHARGES)}::text::jsonb, '2026-01-01')`;
  const settle = (name: string, output: number) => before`
    select * from moat.settle((select jsonb_agg(jsonb_build_object('request_id', ${`req_${OLD}${name}`}::text, 'at', '2026-01-03', 'customer_id', 'cus_old',
      'kind', 'paying', 'currency', 'USD', 'account_id', a.id, 'model', 'm', 'price_id', 1, 'is_rated', true, 'is_limited', false, 'input_tokens', 0,
      'cached_input_tokens', 0, 'output_tokens', ${output}::int, 'reasoning_tokens', 0, 'compute_us', 5, 'status', 'finished'))
      from moat.accounts a where a.kind = 'prepaid'), '2026-01-03')`;
  const correct = (name: string, output: number) => before`
    select moat.correct_usage(${`use_${OLD}${name}`}, ${JSON.stringify({ input: 0, cachedInput: 0, output, reasoning: 0 })}::text::jsonb, 'test', '2026-01-04') as cost`;
  for (const [name, output] of [
    ['01', 60],
    ['02', 40],
    ['03', 70],
  ] as const)
    await settle(name, output);
  expect(await correct('01', 0)).toMatchObject([{ cost: 0n }]);

  const database = await openDatabase({ projectDirectory: directory, databaseUrl: url });
  const books = { database, clock: systemClock };
  const charged = async () => {
    const [row] = await database.sql`select charged_micros as micros, output from moat.rated_usage`;
    return [row?.['micros'], row?.['output']];
  };
  // 110 tokens are left, of which 10 are not free: what the version before could not give back is not booked anew
  expect(await charged()).toEqual([350n, 110n]);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  await refuseNewer(before, FLOORED_CORRECTIONS);
  await settle('04', 50);
  expect(await correct('02', 0)).toMatchObject([{ cost: -200n }]);
  expect(await charged()).toEqual([400n, 120n]);
  const counts = { inputTokens: 0, cachedInputTokens: 0, outputTokens: 5, reasoningTokens: 0 };
  expect(await correctUsage(books, `use_${OLD}01-c`, counts, 'test')).toMatchObject({ chargedMicros: 25n });
  expect(await correct('01-c-c', 0)).toMatchObject([{ cost: 0n }]);
  expect((await balanceOf(books, 'cus_old')).balanceMicros).toBe(600n);
  expect(await audit(books)).toMatchObject({ balanced: true, findings: [] });
  await before.end();
  await database.close();
});
