/**
 * Texts of many callers, run together: while one batch runs the next gathers, and a caller with thousands of texts shares every
 * batch with those who come after him. Knows no model and no thread.
 */
import { MoatError } from '../../../base/errors.js';

/** What one run of an encoder gives. */
export interface EmbeddedBatch {
  /** One a text, in order. */
  readonly vectors: readonly Float32Array[];
  /** Of each text. */
  readonly tokens: readonly number[];
  readonly computeMs: number;
}

export interface Embedded {
  /** One a text, in order; where the caller left, only the first ones. */
  readonly vectors: readonly Float32Array[];
  /** Of the texts that have a vector. */
  readonly inputTokens: number;
  /** Milliseconds of engine time; a shared run is divided by the lengths of its texts. */
  readonly computeMs: number;
}

export interface EmbeddingQueue {
  /** @throws MoatError `queue-full`, and what the run throws */
  embed(texts: readonly string[], signal?: AbortSignal): Promise<Embedded>;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

export interface EmbeddingQueueOptions {
  readonly modelId: string;
  /** Texts that may wait. One caller is let in whatever he brings. */
  readonly queueLimit: number;
  run(texts: readonly string[]): Promise<EmbeddedBatch>;
}

/** Texts and characters of one run: as much as an encoder runs at once, so that nobody waits long for a turn. */
const BATCH_TEXTS = 64;
const BATCH_CHARACTERS = 16_384;

interface Caller {
  readonly texts: readonly string[];
  readonly signal: AbortSignal | undefined;
  readonly vectors: Float32Array[];
  inputTokens: number;
  computeMs: number;
  readonly resolve: (embedded: Embedded) => void;
  readonly reject: (error: unknown) => void;
}

interface Place {
  readonly caller: Caller;
  readonly text: string;
}

export function createEmbeddingQueue({ modelId, queueLimit, run }: EmbeddingQueueOptions): EmbeddingQueue {
  let callers: Caller[] = [];
  let working: Promise<void> | undefined;
  const waiting = (): number => callers.reduce((sum, { texts, vectors }) => sum + texts.length - vectors.length, 0);

  async function work(): Promise<void> {
    // One turn of the event loop, so that what arrived together runs together.
    await new Promise((resolve) => setImmediate(resolve));
    for (callers = remaining(callers); callers.length > 0; callers = remaining(callers)) {
      const places = nextBatch(callers);
      await run(places.map(({ text }) => text)).then(
        (batch) => deliver(places, batch),
        (error: unknown) => fail(places, error),
      );
      // Who had a turn goes to the end.
      const served = new Set(places.map(({ caller }) => caller));
      callers = [...callers.filter((each) => !served.has(each)), ...callers.filter((each) => served.has(each))];
    }
    working = undefined;
  }

  function fail(places: readonly Place[], error: unknown): void {
    const failed = new Set(places.map(({ caller }) => caller));
    for (const { reject } of failed) reject(error);
    callers = callers.filter((caller) => !failed.has(caller));
  }

  return {
    async embed(texts, signal) {
      if (callers.length > 0 && waiting() + texts.length > queueLimit) {
        throw new MoatError('queue-full', `${modelId}: ${waiting()} texts wait`, { fix: 'Try again shortly.' });
      }
      return new Promise((resolve, reject) => {
        callers.push({ texts, signal, vectors: [], inputTokens: 0, computeMs: 0, resolve, reject });
        working ??= work();
      });
    },
    async idle() {
      await working;
    },
  };
}

/** Answers those who are complete or have left. */
function remaining(callers: readonly Caller[]): Caller[] {
  return callers.filter(({ texts, signal, vectors, inputTokens, computeMs, resolve }) => {
    if (vectors.length < texts.length && signal?.aborted !== true) return true;
    resolve({ vectors, inputTokens, computeMs });
    return false;
  });
}

/** The same number of texts of each caller, so far as there are; never none. */
function nextBatch(callers: readonly Caller[]): Place[] {
  const places: Place[] = [];
  const share = Math.max(1, Math.floor(BATCH_TEXTS / callers.length));
  let characters = 0;
  for (const caller of callers) {
    const begin = caller.vectors.length;
    for (const text of caller.texts.slice(begin, begin + share)) {
      characters += text.length;
      if (places.length === BATCH_TEXTS || (places.length > 0 && characters > BATCH_CHARACTERS)) return places;
      places.push({ caller, text });
    }
  }
  return places;
}

function deliver(places: readonly Place[], { vectors, tokens, computeMs }: EmbeddedBatch): void {
  const total = tokens.reduce((sum, count) => sum + count, 0);
  for (const [index, { caller }] of places.entries()) {
    const count = tokens[index] as number;
    caller.vectors.push(vectors[index] as Float32Array);
    caller.inputTokens += count;
    caller.computeMs += (computeMs * count) / Math.max(1, total);
  }
}
