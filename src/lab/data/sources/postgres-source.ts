/** The answer of a query as a source of texts: rows become records, one a line. */
import { open, rm } from 'node:fs/promises';
import path from 'node:path';
import postgres from 'postgres';
import { MoatError, messageOf } from '../../../base/errors.js';
import { createJsonLinesWriter } from '../json-lines-writer.js';
import type { FetchedCopy } from './npm-source.js';

export interface QueryOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly query: string | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((rows: number) => void) | undefined;
  /** Default ten million. */
  readonly maxRows?: number | undefined;
}

const ROWS_AT_ONCE = 500;
const MAX_ROWS = 10_000_000;
const STATEMENT_TIMEOUT_MS = 30 * 60_000;

/**
 * Writes `rows.jsonl` into an empty folder. The connection string stands in the variable that `postgres:VARIABLE` names, so
 * that it is written nowhere; the transaction can read and nothing else.
 * @throws MoatError `bad-source`, `database-unavailable`, `query-failed`, `source-empty`, `source-too-large`
 */
export async function fetchPostgres(source: string, folder: string, options: QueryOptions): Promise<FetchedCopy> {
  const { env, query, signal, onProgress, maxRows = MAX_ROWS } = options;
  const variable = /^postgres:([A-Za-z_]\w*)$/.exec(source)?.[1];
  if (variable === undefined || query === undefined || query.trim() === '') {
    throw new MoatError('bad-source', `${source}: a variable and a query are wanted`, {
      fix: 'Write moat data add postgres:DATABASE_URL --query "select body as text from articles".',
    });
  }
  const url = env[variable];
  if (url === undefined || url === '') {
    throw new MoatError('bad-source', `${source}: the environment has no ${variable}`, {
      fix: `Set ${variable}=postgres://user:password@host/database.`,
    });
  }
  const file = path.join(folder, 'rows.jsonl');
  const handle = await open(file, 'wx');
  const writer = createJsonLinesWriter(handle);
  const sql = connect(url, source);
  let rows = 0;
  // the server would go on until the first row, which may be long
  let cancel: (() => void) | undefined;
  try {
    await sql.begin('read only', async (transaction) => {
      await transaction`select set_config('statement_timeout', ${String(STATEMENT_TIMEOUT_MS)}, true)`;
      signal?.throwIfAborted();
      const asked = transaction.unsafe(query);
      cancel = () => asked.cancel();
      signal?.addEventListener('abort', cancel, { once: true });
      for await (const batch of asked.cursor(ROWS_AT_ONCE)) {
        signal?.throwIfAborted();
        for (const row of batch) await writer.write(row);
        rows += batch.length;
        if (rows > maxRows) {
          throw new MoatError('source-too-large', `${source}: more than ${maxRows} rows`, {
            fix: 'Add a limit to the query.',
          });
        }
        onProgress?.(rows);
      }
    });
    await writer.flush();
  } catch (error) {
    await rm(file, { force: true });
    signal?.throwIfAborted();
    throw error instanceof MoatError ? error : failed(source, error);
  } finally {
    if (cancel !== undefined) signal?.removeEventListener('abort', cancel);
    await handle.close();
    await sql.end({ timeout: 5 });
  }
  if (rows > 0) return { version: undefined, licence: undefined };
  throw new MoatError('source-empty', `${source}: the query gives no row`, { fix: 'Try it in psql.' });
}

function connect(url: string, source: string): postgres.Sql {
  try {
    return postgres(url, { max: 1, onnotice: () => {}, connect_timeout: 15 });
  } catch (error) {
    throw new MoatError('database-unavailable', `${source}: its value is no address of a database`, {
      fix: 'Write postgres://user:password@host/database.',
      cause: error,
    });
  }
}

/** Never the connection string: it holds a password. */
function failed(source: string, error: unknown): MoatError {
  if (error instanceof postgres.PostgresError && !error.code.startsWith('28') && !error.code.startsWith('3D')) {
    return new MoatError('query-failed', `${source}: ${error.message}`, {
      fix: 'Try the query in psql.',
      cause: error,
    });
  }
  return new MoatError('database-unavailable', `${source}: cannot connect (${messageOf(error)})`, {
    fix: 'Check the address, the name and the password in the variable.',
    cause: error,
  });
}
