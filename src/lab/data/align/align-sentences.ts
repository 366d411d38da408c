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
  MOST_CELLS,
  shareAtBorder,
  WHOLE_TABLE_CELLS,
  type Waypoint,
  wholeTable,
} from './corridor.js';
import { measureSide } from './features.js';
import { beadLengthCost, beadNats, firstJudge, type Judge, taughtBy, wordsOf } from './judge.js';
import type { LikelihoodRow } from './likelihood.js';
import { paragraphCost, type Paragraphs, paragraphsOf } from './paragraphs.js';
import { type ScoredBead, scoreBeads } from './score-beads.js';
import type { Sentence } from './split-sentences.js';

export interface Alignment {
  /** In order; every sentence of both texts is in exactly one. */
  readonly beads: readonly ScoredBead[];
  /** Mean score of the beads with both sides; texts that are no translations of each other are below one half. */
  readonly meanScore: number;
}

export interface AlignOptions {
  /** Tables up to this size are searched whole, larger ones in a band. */
  readonly wholeTableCells?: number;
}

/** Half the width of the band in sentences, at the first pass and after it. */
const FIRST_HALF_WIDTH = 120;
const NEXT_HALF_WIDTH = 40;
const PASSES = 3;
/** A band whose path keeps to its border is tried again this much wider. */
const WIDENING = 4;
const MOST_AT_BORDER = 0.005;

/** @returns the alignment; memory grows with the texts' length times the band's width */
export function alignSentences(
  sources: readonly Sentence[],
  targets: readonly Sentence[],
  { wholeTableCells = WHOLE_TABLE_CELLS }: AlignOptions = {},
): Alignment {
  const [rows, columns] = [sources.length, targets.length];
  if (rows === 0 || columns === 0) return { beads: lonely(rows, columns), meanScore: 0 };
  const [source, target] = [measureSide(textsOf(sources)), measureSide(textsOf(targets))];
  const paragraphs = paragraphsOf(sources, targets);
  const isSmall = (rows + 1) * (columns + 1) <= wholeTableCells;
  const passAlong = (judge: Judge, waypoints: readonly Waypoint[], halfWidth: number): Bead[] => {
    const corridor = isSmall ? wholeTable(rows, columns) : corridorAround(waypoints, rows, columns, halfWidth);
    const beads = pass(judge, paragraphs, corridor);
    const isCutOff = !isSmall && shareAtBorder(corridor, waypointsOf(beads)) > MOST_AT_BORDER;
    const isWidest = halfWidth * 2 * rows >= MOST_CELLS || halfWidth >= columns;
    return isCutOff && !isWidest ? passAlong(judge, waypoints, halfWidth * WIDENING) : beads;
  };
  let judge = firstJudge(source, target);
  let beads = passAlong(judge, isSmall ? [] : findWaypoints(source, target), FIRST_HALF_WIDTH);
  for (let count = 1; count < PASSES; count++) {
    judge = taughtBy(judge, beads);
    beads = passAlong(judge, waypointsOf(beads), NEXT_HALF_WIDTH);
  }
  const scored = scoreBeads(judge, beads);
  const pairs = scored.filter((bead) => bead.sourceEnd > bead.sourceStart && bead.targetEnd > bead.targetStart);
  const total = pairs.reduce((sum, { score }) => sum + score, 0);
  return { beads: scored, meanScore: pairs.length === 0 ? 0 : total / pairs.length };
}

const waypointsOf = (beads: readonly Bead[]): Waypoint[] => beads.map((bead) => [bead.sourceStart, bead.targetStart]);

/** One alignment. Only two rows of likelihoods are kept. */
function pass(judge: Judge, paragraphs: Paragraphs | undefined, corridor: Corridor): Bead[] {
  const words = wordsOf(judge);
  let rows: LikelihoodRow[] = [];
  const startRow = (i: number): void => {
    const last = judge.target.bySentence.length - 1;
    const from = Math.max(0, Math.min(last, (corridor.least[i] as number) - 2));
    const to = Math.max(from, Math.min((corridor.most[i] as number) - 1, last));
    rows = [words.row(i - 1, from, to), ...rows.slice(0, 1)];
  };
  const cost: BeadCost = (sources, targets, i, j) => {
    const boundary = paragraphs === undefined ? 0 : paragraphCost(paragraphs, sources, targets, i, j);
    if (sources === 0 || targets === 0) return boundary;
    return boundary + beadLengthCost(judge, sources, targets, i, j) - beadNats(rows, sources, targets, j);
  };
  return findBestPath(corridor, cost, startRow);
}

/** One of the texts is empty. */
function lonely(rows: number, columns: number): ScoredBead[] {
  return Array.from({ length: rows + columns }, (_, index) => {
    const [i, j] = [Math.min(index, rows), Math.max(0, index - rows)];
    return index < rows
      ? { sourceStart: i, sourceEnd: i + 1, targetStart: 0, targetEnd: 0, score: 0 }
      : { sourceStart: rows, sourceEnd: rows, targetStart: j, targetEnd: j + 1, score: 0 };
  });
}

const textsOf = (sentences: readonly Sentence[]): string[] => sentences.map((sentence) => sentence.text);
