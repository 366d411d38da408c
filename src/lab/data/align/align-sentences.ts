/**
 * Pairs of sentences from two texts that are translations of each other. Lengths and what both write alike make a first
 * alignment (Gale & Church 1993); its pairs teach a lexicon, and lengths and lexicon together make the next (Moore 2002;
 * Varga et al. 2005, Hunalign). Knows nothing of any particular language but how `features.ts` finds its words.
 */
import { type Bead, type BeadCost, findBestPath } from './best-path.js';
import {
  type Corridor,
  corridorAround,
  findWaypoints,
  WHOLE_TABLE_CELLS,
  type Waypoint,
  wholeTable,
} from './corridor.js';
import { measureSide, type SideFeatures } from './features.js';
import { fitLengthModel, lengthCost, type LengthModel, roughLengthModel } from './length-model.js';
import { type IndexPair, learnLexicon, type Lexicon, sharedLexicon } from './lexicon.js';
import { createLikelihood, type LikelihoodRow, type LikelihoodTable } from './likelihood.js';
import { measureSeparation, swapped } from './separation.js';
import type { Sentence } from './split-sentences.js';

/** A bead with how sure it is. */
export interface ScoredBead extends Bead {
  /** 0 to 1: the logistic of the evidence of lengths and words; 0 for a sentence without counterpart. */
  readonly score: number;
}

export interface Alignment {
  /** In order; every sentence of both texts is in exactly one. */
  readonly beads: readonly ScoredBead[];
  /** Mean score over all beads, by their sentences, those without counterpart included. */
  readonly meanScore: number;
  /** The share of pairs whose words fit better than a stranger's; undefined when there are too few pairs to learn from. */
  readonly separation: number | undefined;
  readonly lengthRatio: number;
}

export interface AlignOptions {
  /** Which pairs evidence is measured on. Default 1. */
  readonly seed?: number;
  /** Tables up to this size are searched whole, larger ones in a band. */
  readonly wholeTableCells?: number;
}

/** Half the width of the band in sentences, at the first pass and after it. */
const FIRST_HALF_WIDTH = 250;
const NEXT_HALF_WIDTH = 40;
/** With fewer 1-1 pairs a lexicon would learn chance. */
const LEAST_PAIRS = 24;
const PASSES = 3;

/**
 * @returns the alignment; memory grows with the texts' length times the band's width
 */
export function alignSentences(
  sources: readonly Sentence[],
  targets: readonly Sentence[],
  { seed = 1, wholeTableCells = WHOLE_TABLE_CELLS }: AlignOptions = {},
): Alignment {
  const [source, target] = [measureSide(textsOf(sources)), measureSide(textsOf(targets))];
  const paragraphs = paragraphsOf(sources, targets);
  const isSmall = (sources.length + 1) * (targets.length + 1) <= wholeTableCells;
  const corridorOf = (waypoints: readonly Waypoint[], halfWidth: number): Corridor =>
    isSmall
      ? wholeTable(sources.length, targets.length)
      : corridorAround(waypoints, sources.length, targets.length, halfWidth);
  let judge: Judge = {
    source,
    target,
    paragraphs,
    forward: sharedLexicon(source, target),
    backward: sharedLexicon(target, source),
    lengths: roughLengthModel(sum(source.lengths), sum(target.lengths)),
    isTaught: false,
  };
  let beads = pass(judge, corridorOf(findWaypoints(source, target), FIRST_HALF_WIDTH));
  for (let count = 1; count < PASSES; count++) {
    judge = taught(judge, beads);
    const waypoints = beads.map((bead): Waypoint => [bead.sourceStart, bead.targetStart]);
    beads = pass(judge, corridorOf(waypoints, NEXT_HALF_WIDTH));
  }
  return finish(judge, beads, seed);
}

/** Everything a bead is judged by. */
interface Judge {
  readonly source: SideFeatures;
  readonly target: SideFeatures;
  readonly paragraphs: Paragraphs | undefined;
  /** From the source to the target. */
  readonly forward: Lexicon;
  readonly backward: Lexicon;
  readonly lengths: LengthModel;
  readonly isTaught: boolean;
}

/** What the beads of a pass teach the next. */
function taught(judge: Judge, beads: readonly Bead[]): Judge {
  const { source, target } = judge;
  const pairs = singlePairs(beads);
  const measured = pairs.map(([i, j]) => [source.lengths[i] as number, target.lengths[j] as number] as const);
  const lengths = fitLengthModel(measured, judge.lengths);
  if (pairs.length < LEAST_PAIRS) return { ...judge, lengths };
  const [forward, backward] = [learnLexicon(source, target, pairs), learnLexicon(target, source, swapped(pairs))];
  return { ...judge, lengths, forward, backward, isTaught: true };
}

function singlePairs(beads: readonly Bead[]): IndexPair[] {
  return beads
    .filter((bead) => bead.sourceEnd - bead.sourceStart === 1 && bead.targetEnd - bead.targetStart === 1)
    .map((bead): IndexPair => [bead.sourceStart, bead.targetStart]);
}

/** One alignment. Only two rows of likelihoods are kept. */
function pass(judge: Judge, corridor: Corridor): Bead[] {
  const table = createLikelihood(judge.source, judge.target, judge.forward, judge.backward);
  let rows: LikelihoodRow[] = [];
  const startRow = (i: number): void => {
    const from = Math.max(0, (corridor.least[i] as number) - 2);
    const to = Math.max(from, Math.min((corridor.most[i] as number) - 1, judge.target.bySentence.length - 1));
    rows = [table.row(i - 1, from, to), ...rows.slice(0, 1)];
  };
  const cost: BeadCost = (sources, targets, i, j) => {
    const boundary = judge.paragraphs === undefined ? 0 : paragraphCost(judge.paragraphs, sources, targets, i, j);
    if (sources === 0 || targets === 0) return boundary;
    return boundary + beadLengthCost(judge, sources, targets, i, j) - beadNats(rows, sources, targets, j);
  };
  return findBestPath(corridor, cost, startRow);
}

function beadLengthCost({ source, target, lengths }: Judge, sources: number, targets: number, i: number, j: number) {
  const a = (source.lengths[i - 1] as number) + (sources === 2 ? (source.lengths[i - 2] as number) : 0);
  const b = (target.lengths[j - 1] as number) + (targets === 2 ? (target.lengths[j - 2] as number) : 0);
  return lengthCost(a, b, lengths);
}

/** @param rows of source sentences i − 1 and i − 2 */
function beadNats([row, rowBefore]: readonly LikelihoodRow[], sources: number, targets: number, j: number): number {
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

/** By number of sentences passed: whether a paragraph begins there. */
interface Paragraphs {
  readonly source: Uint8Array;
  readonly target: Uint8Array;
}

/** Paragraphs say something only when both texts have about as many. */
function paragraphsOf(sources: readonly Sentence[], targets: readonly Sentence[]): Paragraphs | undefined {
  const [a, b] = [(sources.at(-1)?.paragraph ?? 0) + 1, (targets.at(-1)?.paragraph ?? 0) + 1];
  if (Math.min(a, b) < 2 || Math.max(a, b) > 1.5 * Math.min(a, b)) return undefined;
  return { source: startsOf(sources), target: startsOf(targets) };
}

function startsOf(sentences: readonly Sentence[]): Uint8Array {
  return Uint8Array.from(sentences, (sentence, index) =>
    index > 0 && sentence.paragraph !== sentences[index - 1]?.paragraph ? 1 : 0,
  );
}

/** Nats: a bead across a border of paragraphs; a border on one side alone; borders on both sides. */
const ACROSS = 3;
const ONE_SIDED = 0.7;
const BOTH_SIDED = -0.7;

function paragraphCost({ source, target }: Paragraphs, sources: number, targets: number, i: number, j: number): number {
  let cost = 0;
  if (sources === 2) cost += ACROSS * (source[i - 1] as number);
  if (targets === 2) cost += ACROSS * (target[j - 1] as number);
  if (sources === 0 || targets === 0) return cost;
  const [first, second] = [source[i - sources] as number, target[j - targets] as number];
  if (first !== second) return cost + ONE_SIDED;
  return first === 1 ? cost + BOTH_SIDED : cost;
}

function finish(judge: Judge, beads: readonly Bead[], seed: number): Alignment {
  const table = createLikelihood(judge.source, judge.target, judge.forward, judge.backward);
  let total = 0;
  let sentences = 0;
  const scored = beads.map((bead): ScoredBead => {
    const score = scoreOf(judge, table, bead);
    const size = bead.sourceEnd - bead.sourceStart + bead.targetEnd - bead.targetStart;
    total += score * size;
    sentences += size;
    return { ...bead, score };
  });
  return {
    beads: scored,
    meanScore: sentences === 0 ? 0 : total / sentences,
    separation: judge.isTaught ? measureSeparation(judge.source, judge.target, singlePairs(beads), seed) : undefined,
    lengthRatio: judge.lengths.ratio,
  };
}

/** A pair of translations has a length cost of 1 on average; a stranger's is several nats more. */
const USUAL_LENGTH_COST = 2;
const MOST_LENGTH_NATS = 5;

function scoreOf(judge: Judge, table: LikelihoodTable, bead: Bead): number {
  const { sourceEnd: i, targetEnd: j } = bead;
  const [sources, targets] = [i - bead.sourceStart, j - bead.targetStart];
  if (sources === 0 || targets === 0) return 0;
  const rows = [i - 1, i - 2].slice(0, sources).map((row) => table.row(row, bead.targetStart, j - 1));
  const words = beadNats(rows, sources, targets, j);
  const lengths = Math.max(-MOST_LENGTH_NATS, USUAL_LENGTH_COST - beadLengthCost(judge, sources, targets, i, j));
  return 1 / (1 + Math.exp(-(words + lengths)));
}

const textsOf = (sentences: readonly Sentence[]): string[] => sentences.map((sentence) => sentence.text);
const sum = (values: Float64Array): number => values.reduce((total, value) => total + value, 0);
