/**
 * Functions that live in a worker thread and are called from another: what blocks its thread runs there, and a server's own stays
 * free. When the thread dies, open calls fail with one clear line and the next call starts a new one.
 */
import { type MessagePort, Worker, parentPort } from 'node:worker_threads';
import { MoatError, messageOf } from '../../base/errors.js';
import { type ThreadError, errorOf, threadError, untilReady } from './worker-thread.js';

/** By name. What goes in and out has to survive being copied to another thread. */
type Functions = Readonly<Record<string, (...given: never[]) => Promise<unknown>>>;

export interface ThreadCalls<Offered extends Functions> {
  /** @throws MoatError `engine-failed`, `engine-closed`, and what the function threw */
  call<Name extends keyof Offered & string>(name: Name, ...given: Parameters<Offered[Name]>): ReturnType<Offered[Name]>;
  /** Lets open calls finish. */
  close(): Promise<void>;
}

type ToThread =
  | { readonly type: 'call'; readonly id: number; readonly name: string; readonly given: readonly unknown[] }
  | { readonly type: 'close' };
type FromThread =
  { readonly type: 'ready' } | { readonly type: 'result'; readonly id: number; readonly result: unknown } | ThreadError;

interface OpenCall {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  call(name: string, given: readonly unknown[]): Promise<unknown>;
  close(): Promise<void>;
}

/**
 * @param entry the built file that calls `offerFunctions`; `workerData` is what it is given; `modelId` names it in errors
 * @throws MoatError what opening the model throws
 */
export async function openThreadCalls<Offered extends Functions>(
  entry: URL,
  { modelId, workerData }: { readonly modelId: string; readonly workerData: unknown },
): Promise<ThreadCalls<Offered>> {
  let isClosing = false;
  const start = (): Promise<Thread> => openThread(entry, workerData, modelId, died);
  const died = (): void => {
    thread = undefined;
  };
  let thread: Promise<Thread> | undefined = start();
  await thread;
  const call = async (name: string, given: readonly unknown[]): Promise<unknown> => {
    if (isClosing) throw new MoatError('engine-closed', `${modelId} is closing`);
    thread ??= start().catch((error: unknown) => {
      thread = undefined;
      throw new MoatError('engine-failed', `${modelId} stopped and does not start again: ${messageOf(error)}`);
    });
    return (await thread).call(name, given);
  };
  return {
    call: (name, ...given) => call(name, given) as ReturnType<Offered[typeof name]>,
    async close() {
      isClosing = true;
      await (await thread)?.close();
    },
  };
}

async function openThread(entry: URL, workerData: unknown, modelId: string, onDeath: () => void): Promise<Thread> {
  const worker = new Worker(entry, { workerData });
  const open = new Map<number, OpenCall>();
  const say = (message: ToThread): void => worker.postMessage(message);
  const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  await untilReady(worker);
  let failure: MoatError | undefined;
  const die = (cause: unknown): void => {
    if (failure !== undefined) return;
    onDeath();
    failure = new MoatError('engine-failed', `${modelId} stopped in the middle of its work`, {
      fix: 'Ask again; it starts anew.',
      cause,
    });
    for (const { reject } of open.values()) reject(failure);
    open.clear();
  };
  worker.on('error', die);
  worker.once('exit', (code) => die(new Error(`exit code ${code}`)));
  worker.on('message', (message: FromThread) => {
    if (message.type === 'ready' || message.id === undefined) return;
    const asked = open.get(message.id);
    open.delete(message.id);
    if (message.type === 'result') asked?.resolve(message.result);
    else asked?.reject(errorOf(message));
  });
  let lastId = 0;
  return {
    call: (name, given) =>
      new Promise((resolve, reject) => {
        if (failure !== undefined) return reject(failure);
        const id = ++lastId;
        open.set(id, { resolve, reject });
        return say({ type: 'call', id, name, given });
      }),
    async close() {
      say({ type: 'close' });
      await exited;
    },
  };
}

/** In the thread: loads, says that it is ready, and answers calls until it is closed. */
export function offerFunctions(open: () => Promise<{ functions: Functions; close?: () => Promise<void> }>): void {
  const port = parentPort;
  if (port === null) return;
  answerCalls(port, open).catch((error: unknown) => {
    port.postMessage(threadError(error, undefined));
    port.close();
  });
}

async function answerCalls(port: MessagePort, open: Parameters<typeof offerFunctions>[0]): Promise<void> {
  const { functions, close } = await open();
  const say = (message: FromThread): void => port.postMessage(message);
  let working = Promise.resolve();
  const answer = async ({ id, name, given }: Extract<ToThread, { type: 'call' }>): Promise<void> => {
    try {
      const asked = functions[name];
      if (asked === undefined) throw new Error(`there is no function "${name}" in the thread`);
      say({ type: 'result', id, result: await asked(...(given as never[])) });
    } catch (error) {
      say(threadError(error, id));
    }
  };
  port.on('message', (message: ToThread) => {
    working = working.then(async () => {
      if (message.type === 'call') return answer(message);
      await close?.();
      return port.close();
    });
  });
  say({ type: 'ready' });
}
