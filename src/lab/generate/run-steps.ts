/** One run of a step program over slots of the cache: feeds in, rows appended, logits out. Knows no requests. */
import { type Value, floats, integers } from '../runtime/program.js';
import type { KeyValueCache } from './key-value-cache.js';
import type { StepPrograms } from './step-programs.js';

export interface StepModel {
  readonly programs: StepPrograms;
  /** Logits in a row. */
  readonly vocabularySize: number;
  /** Tokens that may be drawn, the first ones: a vocabulary is often padded beyond those that stand for something. */
  readonly tokenCount: number;
}

/** Prompt tokens run at once: long enough to be efficient, short enough not to stall the others. */
export const PREFILL_CHUNK = 256;

/**
 * Runs the tokens that follow what a slot holds.
 * @param tokens at most `PREFILL_CHUNK`
 * @returns logits after the last of them, `[tokenCount]`; the caller may change them
 */
export async function runPrefill(
  model: StepModel,
  cache: KeyValueCache,
  slot: number,
  tokens: readonly number[],
): Promise<Float32Array> {
  const time = tokens.length;
  const start = cache.lengthOf(slot);
  cache.reserve(start + time);
  const results = await model.programs.prefill.run({
    ...cache.feeds(slot, 1),
    tokens: integers(tokens, [1, time]),
    positions: integers(
      tokens.map((_, i) => start + i),
      [1, time],
    ),
    causalMask: causalMask(time),
    lastRow: integers([time - 1], [1]),
  });
  cache.append(slot, 1, time, results);
  return logitsRow(model, results['logits'], 0);
}

/**
 * One token for each of the first slots.
 * @returns logits of each, `[tokenCount]`; the caller may change them
 */
export async function runDecode(
  model: StepModel,
  cache: KeyValueCache,
  tokens: readonly number[],
): Promise<Float32Array[]> {
  const count = tokens.length;
  const positions = tokens.map((_, slot) => cache.lengthOf(slot));
  cache.reserve(Math.max(...positions) + 1);
  const results = await model.programs.decode.run({
    ...cache.feeds(0, count),
    tokens: integers(tokens, [count, 1]),
    positions: integers(positions, [count, 1]),
  });
  cache.append(0, count, 1, results);
  return tokens.map((_, slot) => logitsRow(model, results['logits'], slot));
}

function logitsRow({ vocabularySize, tokenCount }: StepModel, logits: Value | undefined, row: number): Float32Array {
  if (!(logits?.data instanceof Float32Array)) throw new Error('the program gave no logits');
  return logits.data.subarray(row * vocabularySize, row * vocabularySize + tokenCount);
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
