/** The entry of an embedding engine's thread: loads an encoder and runs it. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { workerData } from 'node:worker_threads';
import { MoatError } from '../../../base/errors.js';
import { type SentenceEncoder, loadSentenceEncoder } from '../../generate/embed.js';
import { offerFunctions } from '../../generate/thread-calls.js';
import { CARD_FILE, MODEL_FOLDER, readTaskCard } from '../task-folder.js';
import type { EmbeddingFunctions, EmbeddingStart } from './embedding-engine.js';
import { MAX_TERMS, loadTermEncoder } from './term-encoder.js';

async function openEncoder({ folder, threads }: EmbeddingStart): Promise<SentenceEncoder> {
  const isFitted = await stat(path.join(folder, CARD_FILE)).catch(() => undefined);
  return isFitted === undefined
    ? loadSentenceEncoder(folder, threads === undefined ? {} : { threads })
    : openFitted(folder);
}

/** A model of `moat task embedding`. */
async function openFitted(folder: string): Promise<SentenceEncoder> {
  const { task } = await readTaskCard(folder);
  if (task !== 'embedding') {
    throw new MoatError('not-an-encoder', `${folder}: a model of the task ${task} does not turn texts into vectors`, {
      fix: 'Give a model of moat task embedding, or the folder of an encoder.',
    });
  }
  const encoder = await loadTermEncoder(path.join(folder, MODEL_FOLDER));
  return {
    width: encoder.width,
    maxTokens: MAX_TERMS,
    count: (texts) => encoder.count(texts),
    embed: async (texts) => encoder.embed(texts),
    close: async () => undefined,
  };
}

offerFunctions(async () => {
  const encoder = await openEncoder(workerData as EmbeddingStart);
  const functions: EmbeddingFunctions = {
    describe: async () => ({ dimensions: encoder.width, maxTokens: encoder.maxTokens }),
    count: async (texts) => encoder.count(texts),
    async embed(texts) {
      const started = performance.now();
      const vectors = await encoder.embed(texts);
      return { vectors, tokens: encoder.count(texts), computeMs: performance.now() - started };
    },
  };
  return { functions, close: () => encoder.close() };
});
