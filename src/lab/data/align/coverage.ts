/**
 * How much of two sentences is explained by each other: the weight of the features that have a translation on the other
 * side. A row of the alignment's table at a time, because neighbours are needed for two sentences against one.
 */
import type { SideFeatures } from './features.js';
import type { Lexicon } from './lexicon.js';

/** Covered weights of one source sentence against a range of target sentences; index 0 is `from`. */
export interface CoverageRow {
  readonly from: number;
  /** Of target j, explained by this source sentence. */
  readonly target: Float64Array;
  /** Of target j, explained by this source sentence or the one before. */
  readonly targetByTwo: Float64Array;
  /** Of this source sentence, explained by target j. */
  readonly source: Float64Array;
  /** Of this source sentence, explained by target j or j − 1. */
  readonly sourceByTwo: Float64Array;
}

export interface CoverageTable {
  readonly source: SideFeatures;
  readonly target: SideFeatures;
  /** Coverage of source sentence `i` against targets `from` to `to`, both included. */
  row(i: number, from: number, to: number): CoverageRow;
}

export function createCoverage(source: SideFeatures, target: SideFeatures, lexicon: Lexicon): CoverageTable {
  // bit 1: explained by this source sentence; bit 2: by the one before
  const explained = new Uint8Array(target.frequency.length);
  const present = new Uint32Array(target.frequency.length);
  let stamp = 0;
  const mark = (i: number, bit: number, isOn: boolean): void => {
    for (const feature of source.bySentence[i] ?? []) {
      const end = lexicon.starts[feature + 1] as number;
      for (let at = lexicon.starts[feature] as number; at < end; at++) {
        const translation = lexicon.targets[at] as number;
        const before = explained[translation] as number;
        explained[translation] = isOn ? before | bit : before & ~bit;
      }
    }
  };
  const ofTargets = (from: number, row: CoverageRow): void => {
    for (let k = 0; k < row.target.length; k++) {
      let one = 0;
      let two = 0;
      for (const feature of target.bySentence[from + k] as Uint32Array) {
        const bits = explained[feature] as number;
        if (bits === 0) continue;
        const weight = target.weight[feature] as number;
        two += weight;
        if ((bits & 1) !== 0) one += weight;
      }
      row.target[k] = one;
      row.targetByTwo[k] = two;
    }
  };
  const ofSource = (i: number, from: number, row: CoverageRow): void => {
    const features = source.bySentence[i] as Uint32Array;
    const before = new Uint8Array(features.length);
    for (let j = Math.max(0, from - 1); j < from + row.source.length; j++) {
      stamp++;
      for (const feature of target.bySentence[j] as Uint32Array) present[feature] = stamp;
      let one = 0;
      let two = 0;
      for (let f = 0; f < features.length; f++) {
        const feature = features[f] as number;
        const isExplained = hasTranslation(lexicon, feature, present, stamp);
        const weight = source.weight[feature] as number;
        if (isExplained) one += weight;
        if (isExplained || before[f] === 1) two += weight;
        before[f] = isExplained ? 1 : 0;
      }
      if (j < from) continue;
      row.source[j - from] = one;
      row.sourceByTwo[j - from] = two;
    }
  };
  return {
    source,
    target,
    row(i, from, to) {
      const size = to - from + 1;
      const [a, b, c, d] = [1, 2, 3, 4].map(() => new Float64Array(size)) as [Values, Values, Values, Values];
      const row: CoverageRow = { from, target: a, targetByTwo: b, source: c, sourceByTwo: d };
      mark(i - 1, 2, true);
      mark(i, 1, true);
      ofTargets(from, row);
      mark(i - 1, 2, false);
      mark(i, 1, false);
      ofSource(i, from, row);
      return row;
    },
  };
}

type Values = Float64Array<ArrayBuffer>;

function hasTranslation({ starts, targets }: Lexicon, feature: number, present: Uint32Array, stamp: number): boolean {
  const end = starts[feature + 1] as number;
  for (let at = starts[feature] as number; at < end; at++) if (present[targets[at] as number] === stamp) return true;
  return false;
}

/** The share of both sentences' weight that is explained, 0 to 1, of single pairs. */
export function pairCoverage(table: CoverageTable, i: number, j: number): number {
  const { target, source } = table.row(i, j, j);
  const total = (table.source.totals[i] as number) + (table.target.totals[j] as number);
  return total === 0 ? 0 : ((target[0] as number) + (source[0] as number)) / total;
}
