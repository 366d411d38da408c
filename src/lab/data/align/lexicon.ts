/**
 * Which features of one language go with which of the other: those written alike from the start, and after a first
 * alignment those that stand in its pairs together, by the coefficient of Dice (1945) as in K-vec and Hunalign (Varga et
 * al. 2005).
 */
import type { SideFeatures } from './features.js';

/** Translations of features in one direction, in three flat arrays: those of feature f are `targets[starts[f] .. starts[f + 1])`. */
export interface Lexicon {
  readonly starts: Uint32Array;
  readonly targets: Uint32Array;
}

/** A pair of sentences, by their indices. */
export type IndexPair = readonly [source: number, target: number];

/** Translations kept for a feature; more are chance. */
const MOST_TRANSLATIONS = 6;
/** Below this coefficient two features are taken to have met by chance. */
const LEAST_DICE = 0.2;
/** A feature in a larger share of the sentences says nothing about which sentence this is. */
const MOST_FREQUENT_SHARE = 0.25;

/** Features that both languages write the same. */
export function sharedLexicon(source: SideFeatures, target: SideFeatures): Lexicon {
  return flatten(source, (_, name) => {
    const same = target.ids.get(name);
    return same === undefined ? [] : [same];
  });
}

/** The shared lexicon, and what these pairs teach. Memory grows with the pairs' features, not with their products. */
export function learnLexicon(source: SideFeatures, target: SideFeatures, pairs: readonly IndexPair[]): Lexicon {
  const sourceCounts = countIn(source, pairs, 0);
  const targetCounts = countIn(target, pairs, 1);
  const occurrences = invert(source, pairs, sourceCounts);
  const together = new Uint32Array(target.frequency.length);
  const most = Math.max(4, MOST_FREQUENT_SHARE * pairs.length);
  return flatten(source, (feature, name) => {
    const same = target.ids.get(name);
    const count = sourceCounts[feature] as number;
    const known = same === undefined ? [] : [same];
    if (count < 2 || count > most) return known;
    const met: number[] = [];
    for (const pair of occurrences(feature)) {
      for (const other of target.bySentence[(pairs[pair] as IndexPair)[1]] as Uint32Array) {
        const before = together[other] as number;
        if (before === 0) met.push(other);
        together[other] = before + 1;
      }
    }
    const dice = (other: number): number =>
      (2 * (together[other] as number)) / (count + (targetCounts[other] as number));
    const best = met
      .filter((other) => other !== same && (together[other] as number) >= 2 && dice(other) >= LEAST_DICE)
      .sort((a, b) => dice(b) - dice(a) || a - b)
      .slice(0, MOST_TRANSLATIONS);
    for (const other of met) together[other] = 0;
    return [...known, ...best];
  });
}

function flatten(source: SideFeatures, translate: (feature: number, name: string) => readonly number[]): Lexicon {
  const starts = new Uint32Array(source.frequency.length + 1);
  const targets: number[] = [];
  for (const [name, feature] of source.ids) {
    targets.push(...translate(feature, name));
    starts[feature + 1] = targets.length;
  }
  return { starts, targets: Uint32Array.from(targets) };
}

function countIn(side: SideFeatures, pairs: readonly IndexPair[], end: 0 | 1): Uint32Array {
  const counts = new Uint32Array(side.frequency.length);
  for (const pair of pairs) {
    for (const feature of side.bySentence[pair[end]] as Uint32Array) counts[feature] = (counts[feature] as number) + 1;
  }
  return counts;
}

/** From a feature to the pairs whose source has it. */
function invert(source: SideFeatures, pairs: readonly IndexPair[], counts: Uint32Array) {
  const starts = new Uint32Array(counts.length + 1);
  for (const [feature, count] of counts.entries()) starts[feature + 1] = (starts[feature] as number) + count;
  const next = starts.slice();
  const places = new Uint32Array(starts[counts.length] as number);
  for (const [index, pair] of pairs.entries()) {
    for (const feature of source.bySentence[pair[0]] as Uint32Array) {
      const at = next[feature] as number;
      places[at] = index;
      next[feature] = at + 1;
    }
  }
  return (feature: number): Uint32Array => places.subarray(starts[feature] as number, starts[feature + 1] as number);
}
