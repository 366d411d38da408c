/**
 * Which features of one language go with which of the other: those written alike from the start, and after a first
 * alignment those that stand in its pairs together. Candidates are found by the coefficient of Dice (1945) and weighed by
 * IBM model 1 (Brown et al. 1993), as in Moore (2002).
 */
import type { SideFeatures } from './features.js';

/**
 * Translations of source features, in three flat arrays: those of feature f are `targets[starts[f] .. starts[f + 1])`,
 * each with its probability given f.
 */
export interface Lexicon {
  readonly starts: Uint32Array;
  readonly targets: Uint32Array;
  readonly probabilities: Float64Array;
}

/** A pair of sentences, by their indices. */
export type IndexPair = readonly [source: number, target: number];

/** Translations kept for a feature; more are chance. */
const MOST_TRANSLATIONS = 8;
/** Below this coefficient two features are taken to have met by chance. */
const LEAST_DICE = 0.1;
/** A feature in a larger share of the sentences says nothing about which sentence this is. */
const MOST_FREQUENT_SHARE = 0.25;
/** How sure it is that what is written alike means the same, before and beside what pairs teach. */
const SAME_PROBABILITY = 0.8;
const ITERATIONS = 4;
/** Occurrences a feature is taken to have had with something else, so that two meetings are no certainty. */
const DOUBT = 1;

/** Features that both languages write the same. */
export function sharedLexicon(source: SideFeatures, target: SideFeatures): Lexicon {
  return createLexicon(source, target, (_, same) => (same === undefined ? [] : [same]));
}

/** The shared lexicon, and what these pairs teach. Memory grows with the pairs' features, not with their products. */
export function learnLexicon(source: SideFeatures, target: SideFeatures, pairs: readonly IndexPair[]): Lexicon {
  const lexicon = findCandidates(source, target, pairs);
  for (let count = 0; count < ITERATIONS; count++) reestimate(lexicon, source, target, pairs);
  return lexicon;
}

function findCandidates(source: SideFeatures, target: SideFeatures, pairs: readonly IndexPair[]): Lexicon {
  const sourceCounts = countIn(source, pairs, 0);
  const targetCounts = countIn(target, pairs, 1);
  const occurrences = invert(source, pairs, sourceCounts);
  const together = new Uint32Array(target.frequency.length);
  const most = Math.max(4, MOST_FREQUENT_SHARE * pairs.length);
  return createLexicon(source, target, (feature, same) => {
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

/** One step of expectation and maximisation over all pairs, in place. */
function reestimate(lexicon: Lexicon, source: SideFeatures, target: SideFeatures, pairs: readonly IndexPair[]): void {
  const { starts, targets, probabilities } = lexicon;
  const counts = new Float64Array(targets.length);
  const explained = new Float64Array(target.frequency.length);
  for (const [i, j] of pairs) {
    const words = source.bySentence[i] as Uint32Array;
    // the empty word may have made any of them, with its own frequency
    for (const other of target.bySentence[j] as Uint32Array) explained[other] = target.probability[other] as number;
    for (const word of words) {
      for (let at = starts[word] as number; at < (starts[word + 1] as number); at++) {
        const other = targets[at] as number;
        if ((explained[other] as number) > 0) add(explained, other, probabilities[at] as number);
      }
    }
    for (const word of words) {
      for (let at = starts[word] as number; at < (starts[word + 1] as number); at++) {
        const total = explained[targets[at] as number] as number;
        if (total > 0) add(counts, at, (probabilities[at] as number) / total);
      }
    }
    for (const other of target.bySentence[j] as Uint32Array) explained[other] = 0;
  }
  for (let word = 0; word + 1 < starts.length; word++) {
    let total = DOUBT;
    for (let at = starts[word] as number; at < (starts[word + 1] as number); at++) total += counts[at] as number;
    for (let at = starts[word] as number; at < (starts[word + 1] as number); at++) {
      probabilities[at] = (counts[at] as number) / total;
    }
  }
}

/** @param translate gives the candidates of a feature; `same` is the target feature written alike */
function createLexicon(
  source: SideFeatures,
  target: SideFeatures,
  translate: (feature: number, same: number | undefined) => readonly number[],
): Lexicon {
  const starts = new Uint32Array(source.frequency.length + 1);
  const targets: number[] = [];
  const probabilities: number[] = [];
  for (const [name, feature] of source.ids) {
    const same = target.ids.get(name);
    const found = translate(feature, same);
    for (const other of found) {
      targets.push(other);
      probabilities.push(other === same ? SAME_PROBABILITY : (1 - SAME_PROBABILITY) / found.length);
    }
    starts[feature + 1] = targets.length;
  }
  return { starts, targets: Uint32Array.from(targets), probabilities: Float64Array.from(probabilities) };
}

/** The same entries by target feature: `sources[starts[t] .. starts[t + 1])` are those that may become t. */
export interface InverseLexicon {
  readonly starts: Uint32Array;
  readonly sources: Uint32Array;
  readonly probabilities: Float64Array;
}

/** @param targetCount features of the target side */
export function invertLexicon(lexicon: Lexicon, targetCount: number): InverseLexicon {
  const starts = new Uint32Array(targetCount + 1);
  for (const target of lexicon.targets) starts[target + 1] = (starts[target + 1] as number) + 1;
  for (let t = 0; t < targetCount; t++) starts[t + 1] = (starts[t + 1] as number) + (starts[t] as number);
  const next = starts.slice();
  const sources = new Uint32Array(lexicon.targets.length);
  const probabilities = new Float64Array(lexicon.targets.length);
  for (let word = 0; word + 1 < lexicon.starts.length; word++) {
    for (let at = lexicon.starts[word] as number; at < (lexicon.starts[word + 1] as number); at++) {
      const target = lexicon.targets[at] as number;
      const place = next[target] as number;
      sources[place] = word;
      probabilities[place] = lexicon.probabilities[at] as number;
      next[target] = place + 1;
    }
  }
  return { starts, sources, probabilities };
}

function add(values: Float64Array, at: number, amount: number): void {
  values[at] = (values[at] as number) + amount;
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
