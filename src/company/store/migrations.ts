import type { Migration } from './migrate.js';
import { accounts } from './migrations/0001-accounts.js';
import { ledger } from './migrations/0002-ledger.js';
import { metering } from './migrations/0003-metering.js';
import { usagePartitions } from './migrations/0004-usage-partitions.js';
import { terms } from './migrations/0005-terms.js';
import { meteringByTerms } from './migrations/0006-metering-by-terms.js';
import { selling } from './migrations/0007-selling.js';
import { corrections } from './migrations/0008-corrections.js';
import { idempotency } from './migrations/0009-idempotency.js';
import { access } from './migrations/0010-access.js';
import { sharedLimits } from './migrations/0011-shared-limits.js';
import { topUps } from './migrations/0012-top-ups.js';
import { exactCorrections } from './migrations/0013-exact-corrections.js';
import { creditLeases } from './migrations/0014-credit-leases.js';

/** Every step of the schema, in order; only ever appended to. */
export const MIGRATIONS: readonly Migration[] = [
  accounts,
  ledger,
  metering,
  usagePartitions,
  terms,
  meteringByTerms,
  selling,
  corrections,
  idempotency,
  access,
  sharedLimits,
  topUps,
  exactCorrections,
  creditLeases,
];
