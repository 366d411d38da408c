import postgres from 'postgres';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';
import { type EmbeddedServer, acquireServer } from './embedded-server.js';
import { type LastingClient, lastingClient } from './lasting-client.js';
import { migrate, refuseNewer } from './migrate.js';
import { MIGRATIONS } from './migrations.js';
import { TEXT_ARRAY } from './text-array.js';

/** int8 columns are `bigint` on both sides: money never passes through a float. */
export type Sql = postgres.Sql<{ bigint: bigint }>;

export interface Database {
  /** Tagged-template queries on a pool of connections; every table lives in the schema `moat`. */
  readonly sql: Sql;
  /** Where the data is, for a person: a folder, or a host and database without the password. */
  readonly location: string;
  /** The address another process could connect to, password included: never log it. */
  readonly url: string;
  /**
   * A connection of its own for one kind of query, made again when it breaks: its plans stay warm, and it never waits
   * behind a report. Ends with the database.
   */
  lane(): Sql;
  /** Ends the connections and, as the last user of an embedded server, stops it. Safe to call twice. */
  close(): Promise<void>;
}

export interface DatabaseOptions {
  readonly projectDirectory: string;
  /** A server of one's own, e.g. `process.env.DATABASE_URL`; undefined starts the embedded one. */
  readonly databaseUrl?: string | undefined;
  /** Connections at most. Default 8. */
  readonly connections?: number;
  readonly systemDirectory?: string;
  readonly pickPort?: () => Promise<number>;
}

/**
 * Opens the project's database and brings its schema up to date.
 * @throws MoatError `database-unavailable`, `database-newer`, `migration-changed`, and the embedded server's errors
 */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const server = options.databaseUrl === undefined ? await acquireServer({ ...options, probe }) : undefined;
  const url = server?.url ?? options.databaseUrl ?? '';
  const clients: LastingClient[] = [];
  const open = (connections: number): Sql => {
    const client = lastingClient((onClose) => connect(url, connections, onClose));
    clients.push(client);
    return client.sql;
  };
  const sql = open(options.connections ?? 8);
  const lane = (): Sql => open(1);
  let closing: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.end()));
    await server?.release();
  };
  try {
    await migrate(sql, MIGRATIONS);
  } catch (error) {
    await close();
    throw explain(error, describe(url, server));
  }
  return { sql, url, location: describe(url, server), lane, close: () => (closing ??= close()) };
}

/**
 * Whether the database is there, and still one that this program can work with: a newer program may have changed it meanwhile.
 * @throws MoatError `database-newer`
 */
export async function checkDatabase({ sql }: Pick<Database, 'sql'>): Promise<void> {
  await refuseNewer(sql, MIGRATIONS.length);
}

function connect(url: string, connections: number, onClose: () => void): Sql {
  try {
    return postgres(url, {
      max: connections,
      types: { bigint: postgres.BigInt, texts: TEXT_ARRAY },
      fetch_types: false,
      onclose: onClose,
      onnotice: () => undefined,
      connect_timeout: 10,
      connection: { application_name: 'moat' },
    });
  } catch (error) {
    throw new MoatError('bad-database-url', `DATABASE_URL: ${messageOf(error).replace(url, '…')}`, {
      fix: 'Write it as postgres://user:password@host:5432/database.',
    });
  }
}

async function probe(url: string): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 3, onnotice: () => undefined, fetch_types: false });
  try {
    await sql`select 1`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function describe(url: string, server: EmbeddedServer | undefined): string {
  if (server !== undefined) return server.dataDirectory;
  try {
    const parsed = new URL(url);
    return `${parsed.host}${parsed.pathname}`;
  } catch {
    return 'DATABASE_URL';
  }
}

const UNAVAILABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'ETIMEDOUT',
  'CONNECT_TIMEOUT',
  'ECONNRESET',
  'CONNECTION_CLOSED',
  '28P01',
  '28000',
  '3D000',
]);

/** Connections that broke, were refused or are not to be had: class 08, too many, a server that is going or coming. */
const LOST = /^(CONNECTION_\w+|CONNECT_TIMEOUT|ECONN\w+|EPIPE|ETIMEDOUT|08\w{3}|53300|57P0\d)$/;

/** Whether it was the way to the database that failed, and not what was asked of it. */
export function isUnreachable(error: unknown): boolean {
  return LOST.test(systemCode(error) ?? '');
}

function explain(error: unknown, location: string): unknown {
  const code = systemCode(error);
  if (code === undefined || !UNAVAILABLE.has(code)) return error;
  return new MoatError('database-unavailable', `${location}: the database does not let us in (${code})`, {
    fix: 'Check DATABASE_URL, and that the server runs and accepts this user.',
    cause: error,
  });
}
