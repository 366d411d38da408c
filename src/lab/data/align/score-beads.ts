/**
 * How sure each bead is. A bead is judged by what others teach: a lexicon always agrees with the pairs
 * it was learned from, and would find any two texts to be translations.
 */
import type { Bead } from './best-path.js';
import { beadLengthCost, beadNats, type Judge, taughtBy, wordsOf } from './judge.js';
import type { LikelihoodTable } from './likelihood.js';

/** A bead with how sure it is. */
export interface ScoredBead extends Bead {
  /** 0 to 1: the logistic of the evidence of lengths and words; 0 for a sentence without counterpart. */
  readonly score: number;
}

/** A pair of translations has a length cost of 1 on average; a stranger's is several nats more. */
const USUAL_LENGTH_COST = 2;
const MOST_LENGTH_NATS = 5;

/** Parts the beads are judged in, each by what the others teach. */
const FOLDS = 5;

export function scoreBeads(judge: Judge, beads: readonly Bead[]): ScoredBead[] {
  const folds = Array.from({ length: FOLDS }, (_, fold) => {
    const taught = taughtBy(
      judge,
      beads.filter((_, index) => index % FOLDS !== fold),
    );
    return { judge: taught, words: wordsOf(taught) };
  });
  return beads.map((bead, index) => {
    const fold = folds[index % FOLDS] as (typeof folds)[number];
    return { ...bead, score: scoreOf(fold.judge, fold.words, bead) };
  });
}

function scoreOf(judge: Judge, table: LikelihoodTable, bead: Bead): number {
  const { sourceEnd: i, targetEnd: j } = bead;
  const [sources, targets] = [i - bead.sourceStart, j - bead.targetStart];
  if (sources === 0 || targets === 0) return 0;
  const rows = [i - 1, i - 2].slice(0, sources).map((row) => table.row(row, bead.targetStart, j - 1));
  const words = beadNats(rows, sources, targets, j);
  const lengths = Math.max(-MOST_LENGTH_NATS, USUAL_LENGTH_COST - beadLengthCost(judge, sources, targets, i, j));
  return 1 / (1 + Math.exp(-(words + lengths)));
}
