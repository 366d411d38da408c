import { randomBytes } from 'node:crypto';
import { link, mkdir, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type MoatError, systemCode } from './errors.js';

/**
 * Files that say which processes use something. A name is `<pid>-<started>`: the pid alone could by now belong to
 * another process, so the kernel's start time of the process goes with it (Linux; elsewhere the pid must do).
 */
async function ownMark(): Promise<string> {
  return `${process.pid}-${await startOf(process.pid)}`;
}

async function startOf(pid: number): Promise<string> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The command name, in parentheses, may hold spaces: count fields after it. Field 22 is the start time.
  return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '0';
}

async function isAlive(mark: string): Promise<boolean> {
  const [pidText = '', started = ''] = mark.split('-');
  const pid = Number(pidText);
  if (!Number.isInteger(pid) || pid <= 0 || !processExists(pid)) return false;
  return (await startOf(pid)) === started;
}

/** Whether a process with this id exists, whoever owns it. */
export function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Adds this process to the users of `directory`; the returned name is given back to `leave`. */
export async function enter(directory: string): Promise<string> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const name = `${await ownMark()}-${randomBytes(4).toString('hex')}`;
  await writeFile(path.join(directory, name), '');
  return name;
}

/** Removes a user and everyone who died without leaving; returns how many are left. */
export async function leave(directory: string, name: string): Promise<number> {
  await rm(path.join(directory, name), { force: true });
  let left = 0;
  for (const other of await readdir(directory)) {
    if (await isAlive(other)) left++;
    else await rm(path.join(directory, other), { force: true });
  }
  return left;
}

/** What else is needed to hold a lock. */
export interface LockOptions {
  /** How long to wait for another living process. */
  readonly patienceMs: number;
  /** What is thrown when it was waited for in vain. */
  readonly busy: () => MoatError;
}

/**
 * Runs `work` while holding the lock file, which is taken over from a holder that died.
 * @throws MoatError `busy()` when another living process holds it for `patienceMs`
 */
export async function withLock<T>(
  lockFile: string,
  { patienceMs, busy }: LockOptions,
  work: () => Promise<T>,
): Promise<T> {
  const mark = `${await ownMark()}-${randomBytes(4).toString('hex')}`;
  const deadline = performance.now() + patienceMs;
  while (!(await tryLock(lockFile, mark))) {
    if (performance.now() > deadline) throw busy();
    await sleep(10);
  }
  try {
    return await work();
  } finally {
    await rm(lockFile, { force: true });
  }
}

/** Whether the one who holds the lock file lives; undefined where nobody holds it. */
export async function isHeld(lockFile: string): Promise<boolean | undefined> {
  const holder = await readFile(lockFile, 'utf8').catch(() => undefined);
  return holder === undefined ? undefined : isAlive(holder);
}

async function tryLock(lockFile: string, mark: string): Promise<boolean> {
  const aside = `${lockFile}.${mark}`;
  // Written first and linked whole, so that no reader ever sees a lock without its holder's name.
  await writeFile(aside, mark);
  try {
    await link(aside, lockFile);
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  } finally {
    await rm(aside, { force: true });
  }
  const holder = await readFile(lockFile, 'utf8').catch(() => undefined);
  if (holder === undefined || (await isAlive(holder))) return false;
  // Two may find the same dead holder: a rename succeeds once, and what was moved aside is checked again.
  try {
    await rename(lockFile, aside);
  } catch {
    return false;
  }
  const moved = await readFile(aside, 'utf8').catch(() => '');
  if (moved !== holder) await rename(aside, lockFile).catch(() => undefined);
  else await rm(aside, { force: true });
  return false;
}
