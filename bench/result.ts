/** One line of `bench/results.jsonl`. */
export interface BenchResult {
  readonly group: string;
  readonly name: string;
  readonly unit: string;
  /** Median. */
  readonly ours: number;
  /** Median; null where the peer is absent or the target is absolute. */
  readonly peer: number | null;
  readonly peerName: string | null;
  /** Above 1 means Moat is better: the median of the pairs' ratios; null without a peer. */
  readonly ratio: number | null;
  /** What must be reached: a ratio where there is a peer, else a value in `unit`. */
  readonly target: number | null;
  readonly runs: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** @param sorted in rising order @param share 0.99 for the 99th of a hundred */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export interface Comparison {
  readonly group: string;
  readonly name: string;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly target: number | null;
  readonly runs: number;
  ours(): Promise<number>;
  readonly peer: { readonly name: string; measure(): Promise<number> } | undefined;
}

/** Runs both sides in turn, ours first in one round and last in the next, and compares round by round. */
export async function compare(comparison: Comparison): Promise<BenchResult> {
  const { group, name, unit, target, runs, peer, better } = comparison;
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < runs; round++) {
    if (round % 2 === 0) ours.push(await comparison.ours());
    if (peer !== undefined) theirs.push(await peer.measure());
    if (round % 2 === 1) ours.push(await comparison.ours());
  }
  const ratios = theirs.map((their, i) =>
    better === 'lower' ? their / (ours[i] ?? Number.NaN) : (ours[i] ?? Number.NaN) / their,
  );
  return {
    group,
    name,
    unit,
    ours: median(ours),
    peer: peer === undefined ? null : median(theirs),
    peerName: peer?.name ?? null,
    ratio: peer === undefined ? null : median(ratios),
    target,
    runs,
  };
}
