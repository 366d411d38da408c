/**
 * Whether two texts are translations at all: how far the words of their pairs stand from the words of strangers, judged
 * by lexicons that have not seen the pairs they judge.
 */
import { Rng } from '../../../base/rng.js';
import type { SideFeatures } from './features.js';
import { type IndexPair, learnLexicon } from './lexicon.js';
import { createLikelihood } from './likelihood.js';

/** Pairs measured. */
const SAMPLE = 1000;

/**
 * @param pairs 1-1 pairs of an alignment
 * @param seed which pairs are measured, and what they are compared with
 * @returns the share of pairs that are likelier than the same sentence with a stranger: 0.5 for texts that have nothing to
 *   do with each other, near 1 for translations
 */
export function measureSeparation(
  source: SideFeatures,
  target: SideFeatures,
  pairs: readonly IndexPair[],
  seed: number,
): number {
  const rng = Rng.fromSeed(seed);
  let better = 0;
  let measured = 0;
  for (const parity of [0, 1]) {
    const learned = pairs.filter((_, index) => index % 2 === parity);
    const forward = learnLexicon(source, target, learned);
    const backward = learnLexicon(target, source, swapped(learned));
    const table = createLikelihood(source, target, forward, backward);
    const natsOf = (i: number, j: number): number => {
      const row = table.row(i, j, j);
      return (row.target[0] as number) + (row.source[0] as number);
    };
    for (const [i, j] of rng.shuffle(pairs.filter((_, index) => index % 2 !== parity)).slice(0, SAMPLE / 2)) {
      const stranger = rng.below(target.bySentence.length);
      if (stranger === j) continue;
      const [own, other] = [natsOf(i, j), natsOf(i, stranger)];
      better += own > other ? 1 : own === other ? 0.5 : 0;
      measured++;
    }
  }
  return measured === 0 ? 0.5 : better / measured;
}

export const swapped = (pairs: readonly IndexPair[]): IndexPair[] => pairs.map(([i, j]) => [j, i]);
