/**
 * The suites of ledger, meter and gateway once more, on the PostgreSQL that the system has installed, reached as a
 * server of one's own is: through its address. Skipped, saying so, where none is installed.
 */
import { afterAll, describe, expect, test } from 'vitest';
import { openDatabase } from '../../src/company/store/database.js';
import { findDebianPostgres, startDebianPostgres } from '../debian-postgres.js';
import { SCRATCH_SERVER } from '../scratch-database.js';

const SUITES = [
  '../../src/company/billing/ledger.test.js',
  '../../src/company/billing/terms.test.js',
  '../../src/company/billing/rate-leases.test.js',
  '../../src/company/billing/replay-prices.test.js',
  '../../src/company/gateway/gateway.test.js',
  '../../src/company/store/migrate.test.js',
];

const installed = await findDebianPostgres();
const server = installed === undefined ? undefined : await startDebianPostgres(installed);
if (server !== undefined) process.env[SCRATCH_SERVER] = server.url;

describe.skipIf(server === undefined)(`on PostgreSQL ${server?.major ?? '(none is installed)'}`, async () => {
  afterAll(() => server?.stop());
  test('it is the installed server that the suites below run on', async () => {
    const database = await openDatabase({ projectDirectory: '/', databaseUrl: server?.url });
    const [row] = await database.sql<{ version: string }[]>`select current_setting('server_version') as version`;
    await database.close();
    expect(row?.version.split('.')[0]).toBe(server?.major);
  });
  for (const suite of SUITES) describe(suite, async () => import(suite));
});
