/**
 * Beam search: keeps the k likeliest beginnings of an answer and ends with the answer that is likeliest as a whole, its
 * log-probability divided by length^penalty. Decides as `transformers` does with `early_stopping = False`: an answer is
 * settled when k are complete and no beginning is likelier, for its length, than the worst of them.
 */
import { invariant } from '../../base/errors.js';
import type { CacheShape } from '../models/model.js';
import { type KeyValueCache, createKeyValueCache } from './key-value-cache.js';
import { PREFILL_CHUNK, type StepModel, runDecode, runPrefill } from './run-steps.js';
import { logprobsAt, topTokens } from './sampler.js';

export interface BeamOptions {
  /** Beginnings that are kept, at least 1. */
  readonly beams: number;
  /** Tokens of an answer, its end included. */
  readonly maxTokens: number;
  /** 0 prefers short answers, more than 1 long ones. */
  readonly lengthPenalty: number;
  readonly endTokens: ReadonlySet<number>;
}

export interface BeamSearch {
  /** One chunk of the prompt, or one more token for every beginning. @returns the answer's tokens once it is settled */
  step(): Promise<readonly number[] | undefined>;
}

/** A beginning or an answer. */
interface Beam {
  readonly tokens: readonly number[];
  /** Sum over its tokens, natural logarithm. */
  readonly logprob: number;
}

/** A beam and one more token. */
interface Candidate extends Beam {
  /** Slot of the beam that it continues. */
  readonly parent: number;
  readonly isComplete: boolean;
}

export function createBeamSearch(
  model: StepModel & { readonly cacheShape: CacheShape },
  promptTokens: readonly number[],
  options: BeamOptions,
): BeamSearch {
  const { beams, maxTokens, endTokens } = options;
  invariant(beams >= 1 && beams + endTokens.size <= model.tokenCount, 'there are more tokens than beams');
  const cache = createKeyValueCache(model.cacheShape, beams, promptTokens.length + maxTokens);
  cache.open();
  /** By slot. */
  let running: readonly Beam[] = [];
  let finished: readonly Beam[] = [];

  const expand = (rows: readonly Float32Array[], from: readonly Beam[]): readonly number[] | undefined => {
    const best = continuations(rows, from, options);
    const score = (beam: Beam): number => scoreOf(beam, beam.tokens.length, options);
    finished = [...finished, ...best.slice(0, beams).filter(({ isComplete }) => isComplete)]
      .toSorted((a, b) => score(b) - score(a))
      .slice(0, beams);
    const next = best.filter(({ isComplete }) => !isComplete).slice(0, beams);
    const [first] = next;
    const worst = finished.length < beams ? -Infinity : score(finished.at(-1) as Beam);
    if (first === undefined || scoreOf(first, first.tokens.length, options) <= worst) return finished[0]?.tokens;
    running = place(cache, next);
    return undefined;
  };
  return {
    async step() {
      const start = cache.lengthOf(0);
      if (running.length === 0) {
        const logits = await runPrefill(model, cache, 0, promptTokens.slice(start, start + PREFILL_CHUNK));
        return cache.lengthOf(0) < promptTokens.length ? undefined : expand([logits], [{ tokens: [], logprob: 0 }]);
      }
      const last = running.map(({ tokens }) => tokens.at(-1) as number);
      return expand(await runDecode(model, cache, last), running);
    },
  };
}

const scoreOf = ({ logprob }: Beam, length: number, { lengthPenalty }: BeamOptions): number =>
  logprob / length ** lengthPenalty;

/** The likeliest continuations: enough that as many are open as there are beams, however many end. */
function continuations(
  rows: readonly Float32Array[],
  from: readonly Beam[],
  { beams, maxTokens, endTokens }: BeamOptions,
): Candidate[] {
  const count = Math.max(2, 1 + endTokens.size) * beams;
  const candidates = from.flatMap((beam, parent) => {
    const row = rows[parent] as Float32Array;
    return logprobsAt(row, topTokens(row, count)).map(({ token, logprob }) => ({
      tokens: [...beam.tokens, token],
      logprob: beam.logprob + logprob,
      parent,
      isComplete: endTokens.has(token) || beam.tokens.length + 1 === maxTokens,
    }));
  });
  return candidates.toSorted((a, b) => b.logprob - a.logprob).slice(0, count);
}

/** Gives every beam a slot with its parent's rows: the first child stays, the others take slots that nobody needs. */
function place(cache: KeyValueCache, next: readonly Candidate[]): Beam[] {
  const bySlot: Beam[] = [];
  const others: Candidate[] = [];
  for (const one of next) {
    if (bySlot[one.parent] === undefined) bySlot[one.parent] = one;
    else others.push(one);
  }
  while (cache.slotCount < next.length) cache.open();
  invariant(cache.slotCount === next.length, 'there are as many open beams in every step');
  let free = 0;
  for (const one of others) {
    while (bySlot[free] !== undefined) free++;
    cache.copy(one.parent, free, cache.lengthOf(one.parent));
    bySlot[free] = one;
  }
  return bySlot;
}
