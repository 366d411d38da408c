/** A model for embeddings that engines elsewhere answer for. */
import type { Embedded } from '../../../lab/tasks/embedding/embedding-queue.js';
import { type EmbeddingBackend, checkLengths } from '../embedding-backend.js';
import { type Serving, type TargetAttempt, askTargets } from './ask-targets.js';
import { type AttemptFailure, isRecord, toFailure } from './attempt-failure.js';
import { broken, objectIn } from './chunk-fields.js';
import { inputOf } from './final-counts.js';
import type { PooledTarget } from './target-pool.js';
import { type Upstream, type UpstreamSettings, openServing, upstreamOf } from './upstream-backend.js';

export interface UpstreamEmbedder extends EmbeddingBackend, Upstream {}

/** What an encoder puts around a text ([CLS], [SEP], an instruction of the engine's own). */
const TOKENS_AROUND_TEXT = 16;

export function createUpstreamEmbedder(settings: UpstreamSettings): UpstreamEmbedder {
  const { modelId, contextLength, tokenizer } = settings.model;
  const serving = openServing(settings);
  return {
    modelId,
    async prepare(texts, dimensions) {
      const counts = tokenizer && texts.map((text) => tokenizer.encode(text).length);
      if (counts !== undefined) checkLengths(modelId, counts, contextLength ?? Infinity);
      const sizeBytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      const ofTexts = counts?.reduce((sum, count) => sum + count, 0) ?? sizeBytes;
      const inputTokens = ofTexts + texts.length * TOKENS_AROUND_TEXT;
      const asked: Asked = { texts, dimensions, sizeBytes, inputTokens };
      return { inputTokens, run: (signal) => embed(serving, asked, signal) };
    },
    ...upstreamOf(serving),
  };
}

interface Asked {
  readonly texts: readonly string[];
  readonly dimensions: number | undefined;
  /** UTF-8 bytes of the texts. */
  readonly sizeBytes: number;
  /** The most they can have. */
  readonly inputTokens: number;
}

/** What an engine answered. */
interface Vectors {
  readonly vectors: readonly Float32Array[];
  /** As it says; undefined where it says nothing that makes sense. */
  readonly inputTokens: number | undefined;
}

/** A customer who leaves gets no vector and pays for none: there is no part of an answer that was sent. */
const NOTHING: Embedded = { vectors: [], inputTokens: 0, computeMs: 0 };

/** @throws ApiProblem 400, 429, 503 */
async function embed(serving: Serving, asked: Asked, signal: AbortSignal): Promise<Embedded> {
  const startedAt = serving.clock.monotonic();
  const begun = await askTargets<Vectors, TargetAttempt<Vectors>>(serving, signal, {
    understands: () => true,
    attemptOn: (pooled) => createAttempt(pooled, asked, signal),
  });
  if (begun === undefined) return NOTHING;
  const { attempt, first } = begun;
  attempt.close();
  if (first === undefined) return NOTHING;
  const { inputTokens, sizeBytes } = asked;
  const counted = inputOf(
    { inputTokens, inputIsExact: false, sizeBytes },
    first.inputTokens,
    serving.estimate,
    (kind, message) => serving.report(kind, attempt.label, message),
  );
  return { vectors: first.vectors, inputTokens: counted, computeMs: serving.clock.monotonic() - startedAt };
}

/** @returns undefined where the target may not be asked now */
function createAttempt(
  { connection, target, label, enter }: PooledTarget,
  { texts, dimensions }: Asked,
  signal: AbortSignal,
): TargetAttempt<Vectors> | undefined {
  const tell = enter();
  if (tell === undefined) return undefined;
  const body = JSON.stringify({
    model: target.model,
    input: texts,
    encoding_format: 'float',
    ...(dimensions !== undefined && { dimensions }),
  });
  let failure: AttemptFailure | undefined;
  const ask = async (): Promise<Vectors> => {
    const stream = await connection.open('/embeddings', body, signal, 'json');
    let isWhole = false;
    try {
      const [text = ''] = (await stream.next()) ?? [];
      isWhole = true;
      return vectorsIn(text, texts.length, dimensions);
    } finally {
      stream.close(isWhole);
    }
  };
  return {
    label,
    async next() {
      try {
        return await ask();
      } catch (error) {
        failure = toFailure(error);
        throw failure;
      }
    },
    close: () => tell(failure === undefined ? 'success' : failure.isOfTarget ? 'failure' : 'neither', failure),
  };
}

/** Each vector at the place its engine says, all of one length. @throws AttemptFailure `broken` */
function vectorsIn(text: string, count: number, dimensions: number | undefined): Vectors {
  const answer = objectIn(text, 'it');
  const list: unknown = answer['data'];
  if (!Array.isArray(list) || list.length !== count) throw broken(`it has not one vector for each of ${count} texts`);
  const vectors: Float32Array[] = [];
  for (const [at, one] of (list as unknown[]).entries()) {
    if (!isRecord(one)) throw broken('a vector is no object');
    const index = one['index'] ?? at;
    if (typeof index !== 'number' || !(index in list) || index in vectors) throw broken('a vector has no place');
    vectors[index] = vectorOf(one['embedding']);
  }
  const length = dimensions ?? vectors[0]?.length;
  if (vectors.some((vector) => vector.length !== length)) throw broken('its vectors are not of one length');
  const usage = answer['usage'];
  const said = isRecord(usage) ? (usage['prompt_tokens'] ?? usage['total_tokens']) : undefined;
  return {
    vectors,
    inputTokens: typeof said === 'number' && Number.isSafeInteger(said) && said > 0 ? said : undefined,
  };
}

function vectorOf(value: unknown): Float32Array {
  if (!Array.isArray(value) || value.length === 0) throw broken('a vector has no elements');
  const elements = value as unknown[];
  if (!elements.every((element) => typeof element === 'number' && Number.isFinite(element)))
    throw broken('an element of a vector is no number');
  return Float32Array.from(elements as number[]);
}
