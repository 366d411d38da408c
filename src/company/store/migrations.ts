import type { Migration } from './migrate.js';
import { accounts } from './migrations/0001-accounts.js';
import { ledger } from './migrations/0002-ledger.js';
import { metering } from './migrations/0003-metering.js';
import { idempotency } from './migrations/0009-idempotency.js';

/** Every step of the schema, in order; only ever appended to. */
export const MIGRATIONS: readonly Migration[] = [accounts, ledger, metering, idempotency];
