/** Gateway processes to be killed: built once, and one is always started ahead, so that a round need not wait for it. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

/** Where a request can be when its gateway dies, in the order that it passes. */
export const STEPS = [
  'admit-asked',
  'admit-sent',
  'admitted',
  'token',
  'generated',
  'journal-written',
  'journal-synced',
  'settle-asked',
  'settle-sent',
  'settled',
] as const;
export type Step = (typeof STEPS)[number];

export interface ChildConfig {
  readonly projectDirectory: string;
  readonly databaseUrl: string;
  /** Dies when the step is passed for the `count`th time. */
  readonly killAt?: { readonly step: Step; readonly count: number };
  /** IANA name; default the machine's. */
  readonly timeZone?: string;
  /** Added to the machine's clock. */
  readonly clockOffsetMs: number;
  readonly settlements: {
    /** Each batch waits up to this long. */
    readonly delayMs: number;
    /** Each batch is sent twice. */
    readonly twice: boolean;
    /** Each is left in the spool as well. */
    readonly keepCopies: boolean;
  };
}

export const UNDISTURBED = { clockOffsetMs: 0, settlements: { delayMs: 0, twice: false, keepCopies: false } };

export type ChildMessage =
  { readonly type: 'clock'; readonly offsetMs: number } | { readonly type: 'close' | 'memory' };
export type ChildReply =
  | { readonly type: 'ready'; readonly url: string }
  | { readonly type: 'memory'; readonly memory: Memory }
  | { readonly type: 'failed'; readonly line: string }
  | { readonly type: 'problem'; readonly line: string };

/** After a garbage collection. */
export interface Memory {
  readonly heapBytes: number;
  /** Buffers outside the heap. */
  readonly externalBytes: number;
  readonly rssBytes: number;
}

export interface GatewayChild {
  readonly url: string;
  readonly pid: number;
  /** What went wrong inside, as the gateway reported it. */
  readonly problems: readonly string[];
  /** Whether it ended, or does so within this time. */
  isDead(withinMs: number): Promise<boolean>;
  setClock(offsetMs: number): void;
  memory(): Promise<Memory>;
  /** Lets it finish what it has, and waits until it is gone. @returns false when it did not end in time and was killed */
  close(): Promise<boolean>;
  /** `kill -9`, and waits until it is gone. */
  kill(): Promise<void>;
}

export interface ChildFactory {
  start(config: ChildConfig): Promise<GatewayChild>;
  close(): Promise<void>;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 30_000;
const CLOSE_LIMIT_MS = 20_000;

/** Bundled, it starts in a fraction of the time that a TypeScript loader takes. */
export async function buildGatewayProcess(): Promise<ChildFactory> {
  const outfile = path.join(ROOT, 'dist', 'faults', `gateway-process-${process.pid}.mjs`);
  await build({
    entryPoints: [path.join(ROOT, 'tests/faults/gateway-process.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    format: 'esm',
    platform: 'node',
    target: 'node20',
    logLevel: 'error',
  });
  const spawn = (): ChildProcess =>
    fork(outfile, { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let spare: ChildProcess | undefined = spawn();
  return {
    async start(config) {
      const child = spare ?? spawn();
      const started = begin(child, config);
      spare = spawn();
      return started;
    },
    async close() {
      const waiting = spare;
      spare = undefined;
      if (waiting !== undefined) {
        const exited = once(waiting, 'exit');
        waiting.kill('SIGKILL');
        await exited;
      }
      await rm(outfile, { force: true });
    },
  };
}

async function begin(child: ChildProcess, config: ChildConfig): Promise<GatewayChild> {
  const problems: string[] = [];
  let measured: ((memory: Memory) => void) | undefined;
  const exited = once(child, 'exit');
  child.send(config);
  const url = await new Promise<string>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('the gateway process did not start')), START_LIMIT_MS);
    child.on('message', (reply: ChildReply) => {
      if (reply.type === 'problem') problems.push(reply.line);
      else clearTimeout(late);
      if (reply.type === 'memory') measured?.(reply.memory);
      if (reply.type === 'ready') resolve(reply.url);
      if (reply.type === 'failed') reject(new Error(`the gateway process did not start: ${reply.line}`));
    });
    void exited.then(() => reject(new Error('the gateway process ended before it served')));
  });
  const send = (message: ChildMessage): void => {
    // it may be dead by now
    if (child.connected) child.send(message, () => undefined);
  };
  return {
    url,
    pid: child.pid ?? 0,
    problems,
    isDead: (withinMs) => Promise.race([exited.then(() => true), sleep(withinMs).then(() => false)]),
    memory: () =>
      new Promise((resolve) => {
        measured = resolve;
        send({ type: 'memory' });
      }),
    setClock: (offsetMs) => send({ type: 'clock', offsetMs }),
    async close() {
      send({ type: 'close' });
      const late = setTimeout(() => child.kill('SIGKILL'), CLOSE_LIMIT_MS);
      await exited;
      clearTimeout(late);
      return child.exitCode === 0;
    },
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
