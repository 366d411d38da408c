/** Servers of other makers, each in a process of its own on a free port of the loopback address. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ServerProgram {
  readonly port: number;
  /** Processor time since it began, from /proc (Linux). */
  cpuMs(): Promise<number>;
  close(): void;
}

export interface ServerProgramOptions {
  readonly command: string;
  readonly args: (port: number) => readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** Asked until it answers 200. */
  readonly readyPath: string;
}

const READY_MS = 90_000;

/** @throws when it ends or does not answer in time */
export async function startServerProgram(options: ServerProgramOptions): Promise<ServerProgram> {
  const port = await freePort();
  const environment = { ...process.env, ...options.environment };
  const child = spawn(options.command, options.args(port), { env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
  let told = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (told = (told + text).slice(-2000)));
  const end = performance.now() + READY_MS;
  while (!(await answers(port, options.readyPath))) {
    if (child.exitCode !== null || performance.now() > end) {
      child.kill();
      throw new Error(`${options.command} does not answer: ${told}`);
    }
    await sleep(100);
  }
  return { port, cpuMs: () => cpuMsOf(child.pid), close: () => void child.kill() };
}

/** Of user and system mode, in ticks of 10 ms: fields 14 and 15 (proc_pid_stat(5)). */
async function cpuMsOf(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function answers(port: number, path: string): Promise<boolean> {
  try {
    return (await fetch(`http://127.0.0.1:${port}${path}`)).ok;
  } catch {
    return false;
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
