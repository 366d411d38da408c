/**
 * Continuous batching (Yu et al. 2022, "Orca"): requests join and leave at every step. A new request first runs its
 * prompt, in chunks, so that answers under way are never held up for long; then every answer gets one token a step,
 * all in one run of the decode program. Knows token ids, not text.
 */
import { setImmediate } from 'node:timers/promises';
import { Rng } from '../../base/rng.js';
import type { CacheShape } from '../models/model.js';
import { type Value, floats, integers } from '../runtime/program.js';
import { type KeyValueCache, createKeyValueCache } from './key-value-cache.js';
import { type SamplerSettings, sampleToken } from './sampler.js';
import type { StepPrograms } from './step-programs.js';

export interface SchedulerRequest {
  readonly promptTokens: readonly number[];
  readonly sampler: SamplerSettings;
  readonly seed: number;
  /** Called with each new token; `false` ends the answer. `computeMs` is this request's share of engine time so far. */
  onToken(token: number, computeMs: number): boolean;
  /** Called once, when the request has left; `error` when the engine failed. */
  onLeave(computeMs: number, error?: unknown): void;
  readonly isAborted: () => boolean;
}

export interface Scheduler {
  /** Queues a request; it joins when a slot is free, in order of arrival. */
  submit(request: SchedulerRequest): void;
  /** Requests waiting or being answered. */
  readonly load: number;
  /** Resolves when every request has left; nothing may be submitted afterwards. */
  drain(): Promise<void>;
}

export interface SchedulerOptions {
  readonly programs: StepPrograms;
  readonly cacheShape: CacheShape;
  readonly vocabularySize: number;
  readonly contextLength: number;
  readonly maxConcurrent: number;
  readonly now: () => number;
}

/** Prompt tokens run at once: long enough to be efficient, short enough not to stall the others. */
const PREFILL_CHUNK = 256;

interface Running {
  readonly request: SchedulerRequest;
  readonly rng: Rng;
  /** Prompt tokens already in the cache. */
  prefilled: number;
  /** The token to feed next; undefined while the prompt is still running. */
  next: number | undefined;
  computeMs: number;
}

export function createScheduler(options: SchedulerOptions): Scheduler {
  const { cacheShape, maxConcurrent, contextLength } = options;
  const cache = createKeyValueCache(cacheShape, maxConcurrent, contextLength);
  const waiting: SchedulerRequest[] = [];
  const running: Running[] = [];
  let loop: Promise<void> | undefined;

  const run = async (): Promise<void> => {
    while (waiting.length > 0 || running.length > 0) {
      admit(waiting, running, cache, maxConcurrent);
      try {
        await turn(options, running, cache);
      } catch (error) {
        for (let slot = running.length - 1; slot >= 0; slot--) leave(running, cache, slot, error);
      }
      // Messages (an abort, a new request) arrive between steps, never within one.
      await setImmediate();
    }
    loop = undefined;
  };
  return {
    get load() {
      return waiting.length + running.length;
    },
    submit(request) {
      waiting.push(request);
      loop ??= run();
    },
    drain: async () => loop,
  };
}

function admit(waiting: SchedulerRequest[], running: Running[], cache: KeyValueCache, maxConcurrent: number): void {
  while (waiting.length > 0 && running.length < maxConcurrent) {
    const request = waiting.shift() as SchedulerRequest;
    if (request.isAborted()) {
      request.onLeave(0);
      continue;
    }
    cache.open();
    running.push({ request, rng: Rng.fromSeed(request.seed), prefilled: 0, next: undefined, computeMs: 0 });
  }
}

/** One prompt chunk for the oldest request that needs one, then one token for everybody else. */
async function turn(options: SchedulerOptions, running: Running[], cache: KeyValueCache): Promise<void> {
  dropAborted(running, cache);
  const filling = running.findIndex(({ next }) => next === undefined);
  if (filling >= 0) await prefillChunk(options, running, cache, filling);
  if (running.some(({ next }) => next !== undefined)) await decodeStep(options, running, cache);
}

function dropAborted(running: Running[], cache: KeyValueCache): void {
  for (let slot = running.length - 1; slot >= 0; slot--) {
    if (running[slot]?.request.isAborted() === true) leave(running, cache, slot);
  }
}

/** Mirrors `cache.close`: the last request takes the place of the one that leaves. */
function leave(running: Running[], cache: KeyValueCache, slot: number, error?: unknown): void {
  const { request, computeMs } = running[slot] as Running;
  const last = running.pop() as Running;
  if (cache.close(slot) !== undefined) running[slot] = last;
  request.onLeave(computeMs, error);
}

async function prefillChunk(
  { programs, vocabularySize, now }: SchedulerOptions,
  running: Running[],
  cache: KeyValueCache,
  slot: number,
): Promise<void> {
  const state = running[slot] as Running;
  const { promptTokens } = state.request;
  const start = state.prefilled;
  const chunk = promptTokens.slice(start, start + PREFILL_CHUNK);
  const time = chunk.length;
  const begun = now();
  cache.reserve(start + time);
  const results = await programs.prefill.run({
    ...cache.feeds(slot, 1),
    tokens: integers(chunk, [1, time]),
    positions: integers(
      chunk.map((_, i) => start + i),
      [1, time],
    ),
    causalMask: causalMask(time),
    lastRow: integers([time - 1], [1]),
  });
  cache.append(slot, 1, time, results);
  state.prefilled += time;
  state.computeMs += now() - begun;
  if (state.prefilled === promptTokens.length)
    accept(running, cache, slot, logitsRow(results['logits'], 0, vocabularySize));
}

async function decodeStep(
  { programs, vocabularySize, now }: SchedulerOptions,
  running: Running[],
  cache: KeyValueCache,
): Promise<void> {
  const ready = moveReadyToFront(running, cache);
  const states = running.slice(0, ready);
  const begun = now();
  cache.reserve(Math.max(...states.map((_, slot) => cache.lengthOf(slot))) + 1);
  const results = await programs.decode.run({
    ...cache.feeds(0, ready),
    tokens: integers(
      states.map(({ next }) => next as number),
      [ready, 1],
    ),
    positions: integers(
      states.map((_, slot) => cache.lengthOf(slot)),
      [ready, 1],
    ),
  });
  cache.append(0, ready, 1, results);
  const share = (now() - begun) / ready;
  for (const state of states) state.computeMs += share;
  for (let slot = ready - 1; slot >= 0; slot--) {
    accept(running, cache, slot, logitsRow(results['logits'], slot, vocabularySize));
  }
}

/**
 * At most one request a turn is still in its prompt once `prefillChunk` has run, unless several wait: then those in
 * their prompt stand behind the rest. @returns how many are ready
 */
function moveReadyToFront(running: Running[], cache: KeyValueCache): number {
  let ready = 0;
  for (let slot = 0; slot < running.length; slot++) {
    if (running[slot]?.next === undefined) continue;
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

/** Samples the next token and hands it over; the request leaves when its owner says so. */
function accept(running: Running[], cache: KeyValueCache, slot: number, logits: Float32Array): void {
  const state = running[slot] as Running;
  const token = sampleToken(logits, state.request.sampler, state.rng);
  state.next = token;
  if (!state.request.onToken(token, state.computeMs)) leave(running, cache, slot);
}

function logitsRow(logits: Value | undefined, row: number, vocabularySize: number): Float32Array {
  if (!(logits?.data instanceof Float32Array)) throw new Error('the program gave no logits');
  return logits.data.subarray(row * vocabularySize, (row + 1) * vocabularySize);
}

const masks = new Map<number, Value>();

/** `[time, time]`: −1e9 where the column comes after the row. Few sizes occur, so they are kept. */
function causalMask(time: number): Value {
  const known = masks.get(time);
  if (known !== undefined) return known;
  const data = new Float32Array(time * time);
  for (let row = 0; row < time; row++) data.fill(-1e9, row * time + row + 1, (row + 1) * time);
  const mask = floats(data, [time, time]);
  masks.set(time, mask);
  return mask;
}
