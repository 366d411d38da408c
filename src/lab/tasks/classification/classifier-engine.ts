/**
 * A model of `moat task classification` for many callers at once: it lives in a worker thread, so that a long text keeps nobody
 * else waiting for the server. Knows nothing of HTTP, customers or money.
 */
import { MoatError } from '../../../base/errors.js';
import { openThreadCalls } from '../../generate/thread-calls.js';
import type { ClassOutput } from '../class-metrics.js';

export interface Classified {
  /** One a text, in order. */
  readonly outputs: readonly ClassOutput[];
  readonly computeMs: number;
}

export interface ClassifierEngine {
  /** The name customers ask for. */
  readonly modelId: string;
  /** Every class it knows. */
  readonly labels: readonly string[];
  /** @throws MoatError `queue-full`, `engine-failed`, `engine-closed` */
  classify(texts: readonly string[]): Promise<Classified>;
  close(): Promise<void>;
}

export interface ClassifierEngineOptions {
  readonly modelId: string;
  /** A model of `moat task classification`. */
  readonly folder: string;
  /** Calls that may wait. Default 64. */
  readonly queueLimit?: number;
}

/** What the thread does; it is given the folder. */
export type ClassifierFunctions = {
  labels(): Promise<readonly string[]>;
  classify(texts: readonly string[]): Promise<Classified>;
};

/** Compiled by scripts/build.mjs; the same place seen from src/ and from dist/. */
const ENTRY = new URL('../../../../dist/lab/tasks/classification/classifier-worker.js', import.meta.url);
const QUEUE_LIMIT = 64;

/** @throws MoatError `no-such-model`, `bad-task-model`, `not-a-classifier` */
export async function createClassifierEngine(options: ClassifierEngineOptions): Promise<ClassifierEngine> {
  const { modelId, folder, queueLimit = QUEUE_LIMIT } = options;
  const thread = await openThreadCalls<ClassifierFunctions>(ENTRY, { modelId, workerData: folder });
  let open = 0;
  return {
    modelId,
    labels: await thread.call('labels'),
    async classify(texts) {
      if (open > queueLimit) {
        throw new MoatError('queue-full', `${modelId}: ${queueLimit} calls wait`, { fix: 'Try again shortly.' });
      }
      open++;
      try {
        return await thread.call('classify', texts);
      } finally {
        open--;
      }
    },
    close: () => thread.close(),
  };
}
