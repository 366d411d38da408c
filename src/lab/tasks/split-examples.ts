/** Which examples train, which tell when to stop, which measure: no two that are alike stand on two sides. */
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import { createNearDuplicateIndex, minHash } from '../data/min-hash.js';
import type { Sides } from './task.js';

export interface SplitOptions {
  readonly validation: number;
  readonly test: number;
  readonly seed: number;
}

/** What of an example decides which others it goes with. */
export interface Likeness<Example> {
  textOf(example: Example): string;
  groupOf?(example: Example): string | undefined;
}

/** Texts at least this alike (Jaccard over 5-grams, estimated) are one cluster. */
const ALIKE = 0.5;

/**
 * A number for every example; those with the same belong together: the same group, or texts that are the same or nearly so.
 * @returns cluster numbers in the order of the examples
 */
export function clustersOf<Example>(examples: readonly Example[], likeness: Likeness<Example>): Int32Array {
  const clusters = new Int32Array(examples.length);
  const byGroup = new Map<string, number>();
  const near = createNearDuplicateIndex(Infinity, 4);
  for (const [index, example] of examples.entries()) {
    const group = likeness.groupOf?.(example);
    const text = likeness.textOf(example);
    const key = group === undefined ? `text\n${text}` : `group\n${group}`;
    const known = byGroup.get(key);
    if (known !== undefined) {
      clusters[index] = known;
      continue;
    }
    const alike = group === undefined ? near.findOrKeep(minHash(text), index) : undefined;
    const related = alike !== undefined && alike.similarity >= ALIKE ? clusters[alike.document] : undefined;
    clusters[index] = related ?? index;
    byGroup.set(key, clusters[index] as number);
  }
  return clusters;
}

/**
 * Whole clusters by chance, drawn by the seed, until each side has its share. Order is kept within each side.
 * @throws MoatError `empty-split` where there are too few clusters for three sides
 */
export function splitExamples<Example>(
  examples: readonly Example[],
  clusters: Int32Array,
  { validation, test, seed }: SplitOptions,
): Sides<Example> & { readonly testRows: readonly number[] } {
  const members = new Map<number, number[]>();
  for (const [index, cluster] of clusters.entries()) {
    const rows = members.get(cluster);
    if (rows === undefined) members.set(cluster, [index]);
    else rows.push(index);
  }
  if (members.size < 3) {
    throw new MoatError('empty-split', `${examples.length} examples are ${members.size} different ones`, {
      fix: 'There must be three at least: to train, to tell when to stop, and to measure. Give more examples.',
    });
  }
  const order = Rng.fromSeed(seed).shuffle([...members.values()]);
  const side = new Uint8Array(examples.length);
  const wanted = [0, validation * examples.length, test * examples.length];
  const sizes = [0, 0, 0];
  // the last cluster is left for training whatever the shares say
  for (const rows of order.slice(0, -1)) {
    const to =
      (sizes[2] as number) < Math.max(1, wanted[2] as number)
        ? 2
        : (sizes[1] as number) < Math.max(1, wanted[1] as number)
          ? 1
          : 0;
    for (const row of rows) side[row] = to;
    sizes[to] = (sizes[to] as number) + rows.length;
  }
  const rowsOf = (wantedSide: number): number[] => [...side.keys()].filter((row) => side[row] === wantedSide);
  const pick = (rows: readonly number[]): Example[] => rows.map((row) => examples[row] as Example);
  const testRows = rowsOf(2);
  return { train: pick(rowsOf(0)), validation: pick(rowsOf(1)), test: pick(testRows), testRows };
}

/** Training examples that also stand in the test, or nearly so: with them the test would measure memory. */
export function withoutTestCopies<Example>(
  train: readonly Example[],
  test: readonly Example[],
  likeness: Likeness<Example>,
): { readonly train: readonly Example[]; readonly removed: number } {
  const clusters = clustersOf([...test, ...train], likeness);
  const tested = new Set(clusters.subarray(0, test.length));
  const kept = train.filter((_, row) => !tested.has(clusters[test.length + row] as number));
  return { train: kept, removed: train.length - kept.length };
}
