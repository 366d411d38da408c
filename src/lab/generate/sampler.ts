/**
 * Picks the next token from logits. Exact: temperature, then the k likeliest, then the nucleus (Holtzman et al. 2020),
 * then one draw. Knows no text.
 */
import { MoatError } from '../../base/errors.js';
import type { Rng } from '../../base/rng.js';
import type { SamplingOptions } from './engine.js';

export interface SamplerSettings {
  /** 0 is greedy. */
  readonly temperature: number;
  /** 0 keeps all. */
  readonly topK: number;
  /** In (0, 1]. */
  readonly topP: number;
}

/** @throws MoatError `bad-sampling` naming the option and its range */
export function samplerSettings(options: SamplingOptions): SamplerSettings {
  const { temperature = 1, topK = 0, topP = 1 } = options;
  const refuse = (name: string, range: string): never => {
    throw new MoatError('bad-sampling', `${name} is out of range`, { fix: `Give ${range}.` });
  };
  if (!(temperature >= 0 && temperature <= 100)) refuse('temperature', 'a number from 0 to 100');
  if (!Number.isInteger(topK) || topK < 0) refuse('topK', 'a whole number of 0 or more');
  if (!(topP > 0 && topP <= 1)) refuse('topP', 'a number above 0 and at most 1');
  return { temperature, topK, topP };
}

/** @param logits one row, `[vocabulary]`; ties go to the lowest id */
export function sampleToken(logits: Float32Array, settings: SamplerSettings, rng: Rng): number {
  const best = argMax(logits);
  if (settings.temperature === 0 || settings.topK === 1) return best;
  const ids = likeliest(logits, settings.topK);
  const probabilities = softmaxAt(logits, ids, settings.temperature, logits[best] as number);
  return draw(ids, probabilities, settings.topP, rng);
}

export function argMax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if ((logits[id] as number) > (logits[best] as number)) best = id;
  return best;
}

/** The ids of the k largest logits in rising order of id; all of them when k is 0 or no limit. */
function likeliest(logits: Float32Array, topK: number): Uint32Array {
  if (topK === 0 || topK >= logits.length) return Uint32Array.from(logits.keys());
  const threshold = Float32Array.from(logits).sort()[logits.length - topK] as number;
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

function softmaxAt(logits: Float32Array, ids: Uint32Array, temperature: number, largest: number): Float64Array {
  const weights = Float64Array.from(ids, (id) => Math.exp(((logits[id] as number) - largest) / temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

function draw(ids: Uint32Array, probabilities: Float64Array, topP: number, rng: Rng): number {
  if (topP === 1) return ids[pick(probabilities, probabilities.keys(), rng.uniform())] as number;
  // Tokens under (1 − p)/n sum to less than 1 − p, so the nucleus lies among the others and only they need sorting.
  const floor = (1 - topP) / probabilities.length;
  const order = [...probabilities.keys()].filter((index) => (probabilities[index] as number) >= floor);
  order.sort((a, b) => (probabilities[b] as number) - (probabilities[a] as number) || a - b);
  let mass = 0;
  let size = 0;
  while (size < order.length && (size === 0 || mass < topP)) mass += probabilities[order[size++] as number] as number;
  return ids[pick(probabilities, order.slice(0, size), rng.uniform() * mass)] as number;
}

/** The first index at which the running sum passes `target`. */
function pick(probabilities: Float64Array, order: Iterable<number>, target: number): number {
  let sum = 0;
  let last = 0;
  for (const index of order) {
    last = index;
    sum += probabilities[index] as number;
    if (sum > target) return index;
  }
  return last;
}
