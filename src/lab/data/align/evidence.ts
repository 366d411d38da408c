/**
 * What a bead's coverage says, in nats: how much likelier it is between translations than between sentences that are not.
 * Both are measured on the texts at hand, with a lexicon that has not seen the pairs it is measured on.
 */
import { Rng } from '../../../base/rng.js';
import { type CoverageTable, createCoverage, pairCoverage } from './coverage.js';
import type { SideFeatures } from './features.js';
import { type IndexPair, learnLexicon } from './lexicon.js';

export interface Evidence {
  /** Coverage at which both are as likely. */
  readonly middle: number;
  /** Nats for a coverage larger by 1. */
  readonly slope: number;
  /** Distance of the two means in standard deviations; texts that are not translations have about 0. */
  readonly separation: number;
}

/** One bead's words never say more than this. */
const MOST_NATS = 8;
/** A standard deviation below this is an accident of few pairs. */
const LEAST_DEVIATION = 0.04;
/** Pairs measured. */
const SAMPLE = 2000;
/** Total weight of two sentences at which half of the evidence counts: the words of short ones say less. */
const HALF_WEIGHT = 20;

/** Nats for (above 0) or against a bead with this coverage. @param total the weight of all its features */
export function nats({ middle, slope }: Evidence, covered: number, total: number): number {
  if (total === 0) return 0;
  const value = slope * (covered / total - middle) * (total / (total + HALF_WEIGHT));
  return Math.max(-MOST_NATS, Math.min(MOST_NATS, value));
}

/**
 * @param pairs 1-1 pairs of an earlier alignment, most of them right
 * @param seed which pairs are measured, and what they are compared with
 */
export function measureEvidence(
  source: SideFeatures,
  target: SideFeatures,
  pairs: readonly IndexPair[],
  seed: number,
): Evidence {
  const rng = Rng.fromSeed(seed);
  const together: number[] = [];
  const apart: number[] = [];
  for (const parity of [0, 1]) {
    const learned = pairs.filter((_, index) => index % 2 === parity);
    const measured = rng.shuffle(pairs.filter((_, index) => index % 2 !== parity)).slice(0, SAMPLE / 2);
    const table: CoverageTable = createCoverage(source, target, learnLexicon(source, target, learned));
    for (const [i, j] of measured) {
      together.push(pairCoverage(table, i, j));
      const other = rng.below(target.bySentence.length);
      if (other !== j) apart.push(pairCoverage(table, i, other));
    }
  }
  const [high, low] = [moments(together), moments(apart)];
  const deviation = Math.max(LEAST_DEVIATION, Math.sqrt((high.variance + low.variance) / 2));
  const distance = Math.max(0, high.mean - low.mean);
  return { middle: (high.mean + low.mean) / 2, slope: distance / deviation ** 2, separation: distance / deviation };
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const count = Math.max(1, values.length);
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / count };
}
