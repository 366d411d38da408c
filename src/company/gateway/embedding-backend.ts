/** What answers `/v1/embeddings` for one model: an encoder here, or an engine elsewhere (`upstream/upstream-embedder.ts`). */
import type { EmbeddingEngine } from '../../lab/tasks/embedding/embedding-engine.js';
import type { Embedded } from '../../lab/tasks/embedding/embedding-queue.js';
import { ApiProblem } from './api-problem.js';

export interface EmbeddingBackend {
  /** The name customers ask for. */
  readonly modelId: string;
  /**
   * Checks the texts and says what they can use at most; nothing runs yet.
   * @param dimensions elements of a vector, where the request says so
   * @throws ApiProblem 400 `invalid_value`, `context_length_exceeded`
   */
  prepare(texts: readonly string[], dimensions: number | undefined): Promise<PreparedEmbedding>;
}

export interface PreparedEmbedding {
  /** Of all texts; exact for an encoder here, the most there can be elsewhere. */
  readonly inputTokens: number;
  /** When `signal` aborts, what is done until then is given. @throws ApiProblem or MoatError */
  run(signal: AbortSignal): Promise<Embedded>;
}

/** OpenAI's bounds. */
const MAX_TOKENS_OF_TEXT = 8191;
const MAX_TOKENS = 300_000;

export const refusedInput = (message: string, code = 'invalid_value'): ApiProblem =>
  new ApiProblem(400, code, message, { param: 'input' });

/** @param counts tokens of each text @throws ApiProblem 400 */
export function checkLengths(modelId: string, counts: readonly number[], maxTokens: number): void {
  const limit = Math.min(maxTokens, MAX_TOKENS_OF_TEXT);
  const tooLong = counts.findIndex((count) => count > limit);
  if (tooLong >= 0) {
    const message = `input.${tooLong}: it has ${counts[tooLong]} tokens; ${modelId} reads at most ${limit}. Send shorter texts.`;
    throw refusedInput(message, 'context_length_exceeded');
  }
  const sum = counts.reduce((total, count) => total + count, 0);
  if (sum > MAX_TOKENS) throw refusedInput(`input: ${sum} tokens; at most ${MAX_TOKENS} in one request.`);
}

export function localEmbedder(engine: EmbeddingEngine): EmbeddingBackend {
  const { modelId } = engine;
  return {
    modelId,
    async prepare(texts, dimensions) {
      if (dimensions !== undefined && dimensions !== engine.dimensions) {
        const message = `dimensions: ${modelId} gives ${engine.dimensions}, no other number; leave it out.`;
        throw new ApiProblem(400, 'invalid_value', message, { param: 'dimensions' });
      }
      const counts = await engine.count(texts);
      checkLengths(modelId, counts, engine.maxTokens);
      return {
        inputTokens: counts.reduce((sum, count) => sum + count, 0),
        run: (signal) => engine.embed(texts, signal),
      };
    },
  };
}
