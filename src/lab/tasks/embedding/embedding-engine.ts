/**
 * Texts as vectors for many callers at once: the encoder lives in a worker thread, and what is asked at the same time runs
 * together. Knows nothing of HTTP, customers or money.
 */
import type { CompileOptions } from '../../runtime/program.js';
import { openThreadCalls } from '../../generate/thread-calls.js';
import { type Embedded, type EmbeddedBatch, createEmbeddingQueue } from './embedding-queue.js';

export interface EmbeddingEngine {
  /** The name customers ask for. */
  readonly modelId: string;
  /** Elements of a vector. */
  readonly dimensions: number;
  /** Tokens a text may have; what is longer would be cut. */
  readonly maxTokens: number;
  /** Tokens of each text. @throws MoatError `engine-failed`, `engine-closed` */
  count(texts: readonly string[]): Promise<number[]>;
  /**
   * When `signal` aborts, what is done until then is given.
   * @throws MoatError `queue-full`, `engine-failed`, `engine-closed`
   */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Embedded>;
  /** Lets what waits finish. */
  close(): Promise<void>;
}

export interface EmbeddingEngineOptions extends Pick<CompileOptions, 'threads'> {
  readonly modelId: string;
  /** An encoder as sentence-transformers lays it out, or a model of `moat task embedding`. */
  readonly folder: string;
  /** Texts that may wait. Default 8,192. */
  readonly queueLimit?: number;
}

/** What the thread is given. */
export type EmbeddingStart = Pick<EmbeddingEngineOptions, 'folder' | 'threads'>;

/** What the thread does. */
export type EmbeddingFunctions = {
  describe(): Promise<{ readonly dimensions: number; readonly maxTokens: number }>;
  count(texts: readonly string[]): Promise<number[]>;
  embed(texts: readonly string[]): Promise<EmbeddedBatch>;
};

/** Compiled by scripts/build.mjs; the same place seen from src/ and from dist/. */
const ENTRY = new URL('../../../../dist/lab/tasks/embedding/embedding-worker.js', import.meta.url);
const QUEUE_LIMIT = 8192;

/** @throws MoatError `not-an-encoder`, `bad-task-model`, and those of `loadSentenceEncoder` */
export async function createEmbeddingEngine(options: EmbeddingEngineOptions): Promise<EmbeddingEngine> {
  const { modelId, folder, threads, queueLimit = QUEUE_LIMIT } = options;
  const workerData: EmbeddingStart = { folder, ...(threads === undefined ? {} : { threads }) };
  const thread = await openThreadCalls<EmbeddingFunctions>(ENTRY, { modelId, workerData });
  const queue = createEmbeddingQueue({ modelId, queueLimit, run: (texts) => thread.call('embed', texts) });
  return {
    modelId,
    ...(await thread.call('describe')),
    count: (texts) => thread.call('count', texts),
    embed: (texts, signal) => queue.embed(texts, signal),
    async close() {
      await queue.idle();
      await thread.close();
    },
  };
}
