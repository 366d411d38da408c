/**
 * Picks the next token from logits. Exact: temperature, then the k likeliest, then the nucleus (Holtzman et al. 2020),
 * then min-p (Nguyen et al. 2024), as `transformers` has them, then one draw. Knows no text and no history.
 */
import type { Rng } from '../../base/rng.js';
import type { TokenLogprob } from './engine.js';
import type { SamplerSettings } from './sampler-settings.js';

/** How one token is drawn. */
export type DrawSettings = Pick<SamplerSettings, 'temperature' | 'topK' | 'topP' | 'minP'>;

/** @param logits one row, `[vocabulary]`; −∞ is never drawn; ties go to the lowest id */
export function sampleToken(logits: Float32Array, settings: DrawSettings, rng: Rng): number {
  if (settings.temperature === 0 || settings.topK === 1) return argMax(logits);
  const { ids, weights } = candidates(logits, settings);
  return ids[pick(weights, rng.uniform() * sum(weights))] as number;
}

export function argMax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] as number) > (logits[best] as number)) best = id;
  return best;
}

export interface Candidates {
  readonly ids: Uint32Array;
  /** Proportional to their probabilities; the likeliest token has 1. */
  readonly weights: Float64Array;
}

/** What may be drawn at a temperature above 0. */
export function candidates(logits: Float32Array, { temperature, topK, topP, minP }: DrawSettings): Candidates {
  const largest = logits[argMax(logits)] as number;
  let ids = likeliest(logits, topK);
  let weights = Float64Array.from(ids, (id) => Math.exp(((logits[id] as number) - largest) / temperature));
  const keep = (kept: readonly number[]): void => {
    ids = Uint32Array.from(kept, (index) => ids[index] as number);
    weights = Float64Array.from(kept, (index) => weights[index] as number);
  };
  if (topP < 1) keep(nucleus(weights, topP));
  if (minP > 0) keep([...weights.keys()].filter((index) => (weights[index] as number) >= minP));
  return { ids, weights };
}

/** The ids of the k largest logits in rising order of id; all of them when k is 0 or no limit. */
function likeliest(logits: Float32Array, topK: number): Uint32Array {
  if (topK === 0 || topK >= logits.length) return Uint32Array.from(logits.keys());
  const threshold = kthLargest(logits, topK);
  const above = logits.reduce((count, logit) => count + Number(logit > threshold), 0);
  let ties = topK - above;
  const ids = new Uint32Array(topK);
  let next = 0;
  for (let id = 0; id < logits.length && next < topK; id++) {
    const logit = logits[id] as number;
    if (logit > threshold || (logit === threshold && ties-- > 0)) ids[next++] = id;
  }
  return ids;
}

/** The smallest of a heap that keeps the k largest so far: most of a vocabulary costs one comparison each. */
function kthLargest(values: Float32Array, k: number): number {
  const heap = values.slice(0, k).sort();
  for (let next = k; next < values.length; next++) {
    const value = values[next] as number;
    if (!(value > (heap[0] as number))) continue;
    let hole = 0;
    for (let child = 1; child < k; child = 2 * hole + 1) {
      if (child + 1 < k && (heap[child + 1] as number) < (heap[child] as number)) child++;
      if ((heap[child] as number) >= value) break;
      heap[hole] = heap[child] as number;
      hole = child;
    }
    heap[hole] = value;
  }
  return heap[0] as number;
}

/** Indices of the smallest set that holds a share of `topP` of the weight, the heaviest first. */
function nucleus(weights: Float64Array, topP: number): number[] {
  const wanted = topP * sum(weights);
  // Those under (1 − p)/n of all weigh less than 1 − p together, so the nucleus lies among the others, and only they are sorted.
  const floor = ((1 - topP) * sum(weights)) / weights.length;
  const order = [...weights.keys()].filter((index) => (weights[index] as number) >= floor);
  order.sort((a, b) => (weights[b] as number) - (weights[a] as number) || a - b);
  let mass = 0;
  let size = 0;
  while (size < order.length && (size === 0 || mass < wanted)) mass += weights[order[size++] as number] as number;
  return order.slice(0, size);
}

const sum = (weights: Float64Array): number => weights.reduce((total, weight) => total + weight, 0);

/** The first index at which the running sum passes `target`; where rounding lets none, the last that weighs something. */
function pick(weights: Float64Array, target: number): number {
  let running = 0;
  let last = 0;
  for (const [index, weight] of weights.entries()) {
    if (weight > 0) last = index;
    running += weight;
    if (running > target) return index;
  }
  return last;
}

/** Natural logarithms of the softmax at these tokens. @param logits `[vocabulary]` */
export function logprobsAt(logits: Float32Array, tokens: readonly number[]): TokenLogprob[] {
  const largest = logits[argMax(logits)] as number;
  const total = logits.reduce((partial, logit) => partial + Math.exp(logit - largest), 0);
  const shift = largest + Math.log(total);
  return tokens.map((token) => ({ token, logprob: (logits[token] as number) - shift }));
}

/** The k largest logits' ids, the largest first, of equal ones the lowest id. */
export function topTokens(logits: Float32Array, k: number): number[] {
  if (k === 0) return [];
  const byRank = (a: number, b: number): number => (logits[b] as number) - (logits[a] as number) || a - b;
  return Array.from(likeliest(logits, k)).sort(byRank);
}
