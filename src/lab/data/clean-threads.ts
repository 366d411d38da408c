/** Threads that examine documents, and what is handed to them: bounded, and answered in the order it was asked. */
import { Worker } from 'node:worker_threads';
import { MoatError, messageOf } from '../../base/errors.js';
import type { Examined } from './clean-document.js';
import type { CleanWorkerStart, FromCleanWorker } from './clean-worker-messages.js';
import type { RawItem } from './read-documents.js';

export interface CleanThreads {
  /** To the next thread in turn. @throws MoatError `cleaning-failed` */
  examine(batch: readonly RawItem[]): Promise<readonly Examined[]>;
  /** Ends them at once, whatever they are at. */
  close(): Promise<void>;
}

/** Compiled by scripts/build.mjs; the same place seen from src/ and from dist/. */
const ENTRY = new URL('../../../dist/lab/data/clean-worker.js', import.meta.url);

/** @param count at least 1 */
export function openCleanThreads(count: number, start: CleanWorkerStart): CleanThreads {
  const threads = Array.from({ length: count }, () => openThread(start));
  let turn = 0;
  return {
    examine(batch) {
      const thread = threads[turn++ % count] as Thread;
      return thread.examine(batch);
    },
    async close() {
      await Promise.all(threads.map((thread) => thread.close()));
    },
  };
}

type Thread = CleanThreads;

interface Question {
  readonly resolve: (batch: readonly Examined[]) => void;
  readonly reject: (error: unknown) => void;
}

function openThread(start: CleanWorkerStart): Thread {
  const worker = new Worker(ENTRY, { workerData: start });
  const open: Question[] = [];
  let death: MoatError | undefined;
  const die = (cause: unknown): void => {
    death ??= new MoatError('cleaning-failed', `a cleaning thread stopped: ${messageOf(cause)}`, {
      fix: 'Run it again; if it is out of memory, give Node more with NODE_OPTIONS=--max-old-space-size=4096.',
      cause,
    });
    for (const { reject } of open.splice(0)) reject(death);
  };
  worker.on('error', die);
  worker.on('messageerror', die);
  worker.once('exit', (code) => die(new Error(`exit code ${code}`)));
  worker.on('message', (message: FromCleanWorker) => {
    const question = open.shift();
    if (message.kind === 'examined') question?.resolve(message.batch);
    else question?.reject(message.error);
  });
  return {
    examine: (batch) =>
      new Promise((resolve, reject) => {
        if (death !== undefined) return reject(death);
        open.push({ resolve, reject });
        worker.postMessage(batch);
      }),
    async close() {
      await worker.terminate();
    },
  };
}
