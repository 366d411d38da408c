/** What every thread that holds a model has in common: it says when it is ready, and its errors cross as plain records. */
import { once as onceEvent } from 'node:events';
import type { Worker } from 'node:worker_threads';
import { MoatError, messageOf } from '../../base/errors.js';

/** Errors lose their class between threads; `id` is undefined when the model could not be loaded. */
export interface ThreadError {
  readonly type: 'error';
  readonly id: number | undefined;
  readonly code: string;
  readonly message: string;
  readonly fix: string | undefined;
}

export function threadError(error: unknown, id: number | undefined): ThreadError {
  const known = error instanceof MoatError ? error : undefined;
  return { type: 'error', id, code: known?.code ?? 'engine-failed', message: messageOf(error), fix: known?.fix };
}

export function errorOf({ code, message, fix }: ThreadError): MoatError {
  return new MoatError(code, message, fix === undefined ? {} : { fix });
}

/** Resolves when the thread says `ready`. @throws what it said instead, as a MoatError */
export async function untilReady(worker: Worker): Promise<void> {
  const settled = new AbortController();
  const once = async (event: 'message' | 'exit'): Promise<unknown> => {
    const [value]: unknown[] = await onceEvent(worker, event, { signal: settled.signal });
    return value;
  };
  const failed = async (): Promise<never> => {
    const code = await once('exit');
    throw new Error(`the engine's thread ended with code ${String(code)} before it was ready`);
  };
  try {
    const message = (await Promise.race([once('message'), failed()])) as { readonly type: 'ready' } | ThreadError;
    if (message.type === 'error') throw errorOf(message);
  } finally {
    settled.abort();
  }
}
