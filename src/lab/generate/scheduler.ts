/**
 * Continuous batching (Yu et al. 2022, "Orca"): requests join and leave at every step. A new request first runs its
 * prompt, in chunks, so that answers under way are never held up for long; what of it another request has run before is
 * copied from there. Then every answer gets one token a step, all in one run of the decode program. Knows token ids, not
 * text.
 */
import { setImmediate } from 'node:timers/promises';
import type { CacheShape } from '../models/model.js';
import { type BeamOptions, type BeamSearch, createBeamSearch } from './beam-search.js';
import { type KeyValueCache, createKeyValueCache } from './key-value-cache.js';
import { type PrefixCache, createPrefixCache, reusable } from './prefix-cache.js';
import { PREFILL_CHUNK, type StepModel, runDecode, runPrefill } from './run-steps.js';
import type { Sampled, TokenSampler } from './token-sampler.js';

/** What a request cost when it leaves. */
export interface RequestAccount {
  /** Its share of engine time. */
  readonly computeMs: number;
  /** Prompt tokens that were not run, because their rows were known. */
  readonly cachedTokens: number;
}

export interface SchedulerRequest {
  readonly promptTokens: readonly number[];
  /** Draws the answer; or how to search for it. */
  readonly how: { readonly sampler: TokenSampler } | { readonly beams: BeamOptions };
  /** Prompts are shared within one scope only. */
  readonly cacheScope: string;
  /** Called with each new token; `false` ends the answer. `computeMs` is this request's share of engine time so far. */
  onToken(sampled: Sampled, computeMs: number): boolean;
  /** Called once, when the request has left; `error` when the engine failed. */
  onLeave(account: RequestAccount, error?: unknown): void;
  readonly isAborted: () => boolean;
}

export interface Scheduler {
  /** Queues a request; it joins when there is a place, in order of arrival. */
  submit(request: SchedulerRequest): void;
  /** Places that requests take or wait for. */
  readonly load: number;
  /** Resolves when every request has left; nothing may be submitted afterwards. */
  drain(): Promise<void>;
}

export interface SchedulerOptions extends StepModel {
  readonly cacheShape: CacheShape;
  readonly contextLength: number;
  readonly maxConcurrent: number;
  /** Memory for prompts that may be asked again; 0 keeps none. */
  readonly prefixCacheBytes: number;
  readonly now: () => number;
}

interface Running {
  readonly request: SchedulerRequest;
  readonly sampler: TokenSampler;
  /** Prompt and answer: the first ones, as many as the slot's length, are in the cache. */
  readonly tokens: number[];
  /** False while the prompt is still running; then the last token is fed next. */
  isReady: boolean;
  computeMs: number;
  cachedTokens: number;
}

interface Searching {
  readonly request: SchedulerRequest;
  readonly search: BeamSearch;
  readonly places: number;
  computeMs: number;
}

interface State extends SchedulerOptions {
  readonly cache: KeyValueCache;
  readonly prefixes: PrefixCache;
  readonly waiting: SchedulerRequest[];
  /** By slot of the cache. */
  readonly running: Running[];
  /** Each with a cache of its own. */
  readonly searching: Set<Searching>;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { cacheShape, maxConcurrent, contextLength, prefixCacheBytes } = options;
  const state: State = {
    ...options,
    cache: createKeyValueCache(cacheShape, maxConcurrent, contextLength),
    prefixes: createPrefixCache(prefixCacheBytes, cacheShape.states.length > 0),
    waiting: [],
    running: [],
    searching: new Set(),
  };
  const { waiting, running, searching } = state;
  let loop: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    while (waiting.length > 0 || running.length > 0 || searching.size > 0) {
      admit(state);
      try {
        await turn(state);
      } catch (error) {
        for (let slot = running.length - 1; slot >= 0; slot--) leave(state, slot, error);
      }
      for (const one of searching) await searchOn(state, one);
      // Messages (an abort, a new request) arrive between steps, never within one.
      await setImmediate();
    }
    loop = undefined;
  };
  return {
    get load() {
      return waiting.reduce((sum, request) => sum + placesOf(request), placesTaken(state));
    },
    submit(request) {
      waiting.push(request);
      loop ??= run();
    },
    drain: async () => loop,
  };
}

const placesOf = ({ how }: SchedulerRequest): number => ('beams' in how ? how.beams.beams : 1);

const placesTaken = ({ running, searching }: State): number =>
  [...searching].reduce((sum, { places }) => sum + places, running.length);

function admit(state: State): void {
  const { waiting, running, searching, cache, maxConcurrent } = state;
  for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
    if (next.isAborted()) {
      next.onLeave({ computeMs: 0, cachedTokens: 0 });
    } else {
      const places = placesOf(next);
      if (placesTaken(state) + places > maxConcurrent) return;
      const { how, promptTokens } = next;
      if ('beams' in how) {
        searching.add({
          request: next,
          search: createBeamSearch(state, promptTokens, how.beams),
          places,
          computeMs: 0,
        });
      } else {
        cache.open();
        running.push({
          request: next,
          sampler: how.sampler,
          tokens: [...promptTokens],
          isReady: false,
          computeMs: 0,
          cachedTokens: 0,
        });
      }
    }
    waiting.shift();
  }
}

/** One prompt chunk for one request that needs it, then one token for everybody else. */
async function turn(state: State): Promise<void> {
  const { running } = state;
  for (let slot = running.length - 1; slot >= 0; slot--) {
    if (running[slot]?.request.isAborted() === true) leave(state, slot);
  }
  const filling = nextToFill(state);
  if (filling !== undefined) await prefillChunk(state, filling);
  if (running.some(({ isReady }) => isReady)) await decodeStep(state);
}

/** One whose prompt is begun is finished first: what waits may begin alike, and then has less to run. */
function nextToFill({ running, cache }: State): number | undefined {
  const unready = [...running.keys()].filter((slot) => running[slot]?.isReady === false);
  return unready.find((slot) => cache.lengthOf(slot) > 0) ?? unready[0];
}

/** Mirrors `cache.close`: the last request takes the place of the one that leaves. Its rows are kept for the next. */
function leave(state: State, slot: number, error?: unknown): void {
  const { running, cache, prefixes } = state;
  const { request, tokens, computeMs, cachedTokens } = running[slot] as Running;
  if (error === undefined)
    prefixes.keep(request.cacheScope, tokens.slice(0, cache.lengthOf(slot)), () => cache.save(slot));
  const last = running.pop() as Running;
  if (cache.close(slot) !== undefined) running[slot] = last;
  request.onLeave({ computeMs, cachedTokens }, error);
}

async function prefillChunk(state: State, slot: number): Promise<void> {
  const { running, cache, now } = state;
  const one = running[slot] as Running;
  const { promptTokens } = one.request;
  const begun = now();
  if (cache.lengthOf(slot) === 0) one.cachedTokens = reusePrefix(state, slot);
  const start = cache.lengthOf(slot);
  const logits = await runPrefill(state, cache, slot, promptTokens.slice(start, start + PREFILL_CHUNK));
  one.computeMs += now() - begun;
  if (cache.lengthOf(slot) === promptTokens.length) accept(state, slot, logits);
}

/**
 * Copies the rows of the longest beginning that a request under way or one that left has in common with this one. The
 * last prompt token is always run: its logits are wanted. @returns how many tokens
 */
function reusePrefix({ running, cache, prefixes, cacheShape }: State, slot: number): number {
  const { promptTokens, cacheScope } = (running[slot] as Running).request;
  const limit = promptTokens.length - 1;
  const whole = cacheShape.states.length > 0;
  let best = { length: 0, slot: -1 };
  for (const [other, { request, tokens }] of running.entries()) {
    if (other === slot || request.cacheScope !== cacheScope) continue;
    const length = reusable(tokens.slice(0, cache.lengthOf(other)), promptTokens, limit, whole);
    if (length > best.length) best = { length, slot: other };
  }
  const kept = prefixes.find(cacheScope, promptTokens, limit);
  if (kept !== undefined && kept.length > best.length) cache.restore(slot, kept.rows, kept.length);
  else if (best.length > 0) cache.copy(best.slot, slot, best.length);
  return cache.lengthOf(slot);
}

async function decodeStep(state: State): Promise<void> {
  const { running, cache, now } = state;
  const ready = moveReadyToFront(running, cache);
  const states = running.slice(0, ready);
  const begun = now();
  const rows = await runDecode(
    state,
    cache,
    states.map(({ tokens }) => tokens.at(-1) as number),
  );
  const share = (now() - begun) / ready;
  for (const one of states) one.computeMs += share;
  for (let slot = ready - 1; slot >= 0; slot--) accept(state, slot, rows[slot] as Float32Array);
}

/** Those still in their prompt stand behind the rest. @returns how many are ready */
function moveReadyToFront(running: Running[], cache: KeyValueCache): number {
  let ready = 0;
  for (let slot = 0; slot < running.length; slot++) {
    if (running[slot]?.isReady !== true) continue;
    if (slot !== ready) {
      cache.swap(slot, ready);
      const moved = running[slot] as Running;
      running[slot] = running[ready] as Running;
      running[ready] = moved;
    }
    ready++;
  }
  return ready;
}

/** Samples the next token and hands it over; the request leaves when its owner says so, or when its sampler fails. */
function accept(state: State, slot: number, logits: Float32Array): void {
  const one = state.running[slot] as Running;
  let goOn: boolean;
  try {
    const sampled = one.sampler.next(logits);
    one.tokens.push(sampled.token);
    one.isReady = true;
    goOn = one.request.onToken(sampled, one.computeMs);
  } catch (error) {
    leave(state, slot, error);
    return;
  }
  if (!goOn) leave(state, slot);
}

/** One step of a search; it leaves with its answer, with an error, or because nobody waits for it any more. */
async function searchOn({ searching, now }: State, one: Searching): Promise<void> {
  const { request, search } = one;
  const end = (error?: unknown): void => {
    searching.delete(one);
    request.onLeave({ computeMs: one.computeMs, cachedTokens: 0 }, error);
  };
  if (request.isAborted()) {
    end();
    return;
  }
  try {
    const begun = now();
    const answer = await search.step();
    one.computeMs += now() - begun;
    if (answer === undefined) return;
    answer.every((token) => request.onToken({ token }, one.computeMs));
    end();
  } catch (error) {
    end(error);
  }
}
