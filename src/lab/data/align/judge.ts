/** What a bead is judged by: the lengths of its sentences and their words, with what earlier alignments taught about both. */
import type { Bead } from './best-path.js';
import type { SideFeatures } from './features.js';
import { fitLengthModel, lengthCost, type LengthModel, roughLengthModel } from './length-model.js';
import { type IndexPair, learnLexicon, type Lexicon, sharedLexicon } from './lexicon.js';
import { createLikelihood, type LikelihoodRow, type LikelihoodTable } from './likelihood.js';

export interface Judge {
  readonly source: SideFeatures;
  readonly target: SideFeatures;
  readonly lengths: LengthModel;
  /** From the source to the target. */
  readonly forward: Lexicon;
  readonly backward: Lexicon;
}

/** With fewer 1-1 pairs a lexicon would learn chance. */
const LEAST_PAIRS = 24;

/** Knows the ratio of the whole texts, and that what is written alike means the same. */
export function firstJudge(source: SideFeatures, target: SideFeatures): Judge {
  return {
    source,
    target,
    lengths: roughLengthModel(sum(source.lengths), sum(target.lengths)),
    forward: sharedLexicon(source, target),
    backward: sharedLexicon(target, source),
  };
}

/** The same judge taught by the 1-1 pairs among these beads. */
export function taughtBy(judge: Judge, beads: readonly Bead[]): Judge {
  const { source, target } = judge;
  const pairs = beads
    .filter((bead) => bead.sourceEnd - bead.sourceStart === 1 && bead.targetEnd - bead.targetStart === 1)
    .map((bead): IndexPair => [bead.sourceStart, bead.targetStart]);
  const measured = pairs.map(([i, j]) => [source.lengths[i] as number, target.lengths[j] as number] as const);
  const lengths = fitLengthModel(measured, judge.lengths);
  if (pairs.length < LEAST_PAIRS) return { ...judge, lengths };
  const swapped = pairs.map(([i, j]): IndexPair => [j, i]);
  return {
    ...judge,
    lengths,
    forward: learnLexicon(source, target, pairs),
    backward: learnLexicon(target, source, swapped),
  };
}

export function wordsOf({ source, target, forward, backward }: Judge): LikelihoodTable {
  return createLikelihood(source, target, forward, backward);
}

/** Nats against the bead of `sources` × `targets` sentences before `i` and `j` for its lengths. */
export function beadLengthCost(
  { source, target, lengths }: Judge,
  sources: number,
  targets: number,
  i: number,
  j: number,
) {
  const a = (source.lengths[i - 1] as number) + (sources === 2 ? (source.lengths[i - 2] as number) : 0);
  const b = (target.lengths[j - 1] as number) + (targets === 2 ? (target.lengths[j - 2] as number) : 0);
  return lengthCost(a, b, lengths);
}

/** Nats for that bead for its words. @param rows of source sentences i − 1 and i − 2 */
export function beadNats(
  [row, rowBefore]: readonly LikelihoodRow[],
  sources: number,
  targets: number,
  j: number,
): number {
  if (row === undefined) return 0;
  const k = j - 1 - row.from;
  const ofTarget = sources === 2 ? row.targetByTwo : row.target;
  let nats = (ofTarget[k] as number) + ((targets === 2 ? row.sourceByTwo : row.source)[k] as number);
  if (targets === 2) nats += ofTarget[k - 1] ?? 0;
  if (sources === 2 && rowBefore !== undefined) {
    nats += (targets === 2 ? rowBefore.sourceByTwo : rowBefore.source)[j - 1 - rowBefore.from] ?? 0;
  }
  return nats;
}

const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
