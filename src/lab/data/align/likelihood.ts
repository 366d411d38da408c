/**
 * How much likelier two passages are as translations of each other than as strangers, by their words: IBM model 1 in both
 * directions (Moore 2002), in nats. A row of the alignment's table at a time, because neighbours are needed for two
 * sentences against one.
 */
import type { SideFeatures } from './features.js';
import { type InverseLexicon, invertLexicon, type Lexicon } from './lexicon.js';

/** One source sentence against a range of target sentences; index 0 is target `from`. */
export interface LikelihoodRow {
  readonly from: number;
  /** Of target j, given this source sentence. */
  readonly target: Float64Array;
  /** Of target j, given this source sentence and the one before. */
  readonly targetByTwo: Float64Array;
  /** Of this source sentence, given target j. */
  readonly source: Float64Array;
  /** Of this source sentence, given targets j − 1 and j. */
  readonly sourceByTwo: Float64Array;
}

export interface LikelihoodTable {
  /** Source sentence `i` against targets `from` to `to`, both included. */
  row(i: number, from: number, to: number): LikelihoodRow;
}

/** The share of a translation's words that have no counterpart the lexicon could know. */
const UNEXPLAINED = 0.3;
const UNEXPLAINED_NATS = Math.log(UNEXPLAINED);
/** Neighbouring words are no independent witnesses, and both directions see the same ones. */
const TEMPER = 0.4;

/** @param backward from target features to source features */
export function createLikelihood(
  source: SideFeatures,
  target: SideFeatures,
  forward: Lexicon,
  backward: Lexicon,
): LikelihoodTable {
  const ofTarget = createTargetScorer(source, target, forward);
  const ofSource = createSourceScorer(source, target, backward);
  return {
    row(i, from, to) {
      const size = to - from + 1;
      const values = (): Float64Array<ArrayBuffer> => new Float64Array(size);
      const row = { from, target: values(), targetByTwo: values(), source: values(), sourceByTwo: values() };
      ofTarget(i, row);
      ofSource(i, row);
      return row;
    },
  };
}

/** Nats of one feature that its counterparts made with this probability. */
function featureNats(made: number, words: number, alone: number): number {
  return made === 0 ? UNEXPLAINED_NATS : Math.log(UNEXPLAINED + ((1 - UNEXPLAINED) * made) / ((words + 1) * alone));
}

function createTargetScorer(source: SideFeatures, target: SideFeatures, lexicon: Lexicon) {
  const { starts, targets, probabilities } = lexicon;
  // a feature that no source feature could have made says nothing
  const isExplainable = new Uint8Array(target.frequency.length);
  for (const feature of targets) isExplainable[feature] = 1;
  const byOne = new Float64Array(target.frequency.length);
  const byTwo = new Float64Array(target.frequency.length);
  const spread = (i: number, into: Float64Array, sign: number): void => {
    for (const word of source.bySentence[i] ?? []) {
      for (let at = starts[word] as number; at < (starts[word + 1] as number); at++) {
        const feature = targets[at] as number;
        into[feature] = sign === 0 ? 0 : (into[feature] as number) + (probabilities[at] as number);
      }
    }
  };
  return (i: number, row: LikelihoodRow): void => {
    const words = (source.bySentence[i] as Uint32Array).length;
    const wordsOfTwo = words + (source.bySentence[i - 1]?.length ?? 0);
    spread(i, byOne, 1);
    spread(i, byTwo, 1);
    spread(i - 1, byTwo, 1);
    for (let k = 0; k < row.target.length; k++) {
      let one = 0;
      let two = 0;
      for (const feature of target.bySentence[row.from + k] as Uint32Array) {
        if (isExplainable[feature] === 0) continue;
        const alone = target.probability[feature] as number;
        one += featureNats(byOne[feature] as number, words, alone);
        two += featureNats(byTwo[feature] as number, wordsOfTwo, alone);
      }
      row.target[k] = TEMPER * one;
      row.targetByTwo[k] = TEMPER * two;
    }
    spread(i, byOne, 0);
    spread(i, byTwo, 0);
    spread(i - 1, byTwo, 0);
  };
}

function createSourceScorer(source: SideFeatures, target: SideFeatures, lexicon: Lexicon) {
  const inverse: InverseLexicon = invertLexicon(lexicon, source.frequency.length);
  // by target feature: the entries of this row's features that it may have made, as a chain through `next`
  const first = new Int32Array(target.frequency.length).fill(-1);
  return (i: number, row: LikelihoodRow): void => {
    const features = (source.bySentence[i] as Uint32Array).filter(
      (feature) => inverse.starts[feature] !== inverse.starts[feature + 1],
    );
    const chains: { readonly index: number; readonly probability: number; readonly next: number }[] = [];
    for (const [index, feature] of features.entries()) {
      for (let at = inverse.starts[feature] as number; at < (inverse.starts[feature + 1] as number); at++) {
        const word = inverse.sources[at] as number;
        chains.push({ index, probability: inverse.probabilities[at] as number, next: first[word] as number });
        first[word] = chains.length - 1;
      }
    }
    let made = new Float64Array(features.length);
    let before = new Float64Array(features.length);
    let wordsBefore = 0;
    for (let j = Math.max(0, row.from - 1); j < row.from + row.source.length; j++) {
      [made, before] = [before, made];
      made.fill(0);
      const words = target.bySentence[j] as Uint32Array;
      for (const word of words) {
        for (let at = first[word] as number; at !== -1;) {
          const link = chains[at] as (typeof chains)[number];
          made[link.index] = (made[link.index] as number) + link.probability;
          at = link.next;
        }
      }
      if (j >= row.from) {
        let one = 0;
        let two = 0;
        for (let f = 0; f < features.length; f++) {
          const alone = source.probability[features[f] as number] as number;
          const own = made[f] as number;
          one += featureNats(own, words.length, alone);
          two += featureNats(own + (before[f] as number), words.length + wordsBefore, alone);
        }
        row.source[j - row.from] = TEMPER * one;
        row.sourceByTwo[j - row.from] = TEMPER * two;
      }
      wordsBefore = words.length;
    }
    for (const feature of features) {
      for (let at = inverse.starts[feature] as number; at < (inverse.starts[feature + 1] as number); at++) {
        first[inverse.sources[at] as number] = -1;
      }
    }
  };
}
