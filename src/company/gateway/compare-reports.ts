/** Two stored reports on the examples that both were measured on; knows nothing of HTTP. */
import { Rng } from '../../base/rng.js';
import { type Figure, eachDraw } from '../../lab/eval/metrics/intervals.js';
import { mcNemar, pairedBootstrap } from '../../lab/eval/metrics/paired.js';
import type { ItemScores } from '../../lab/tasks/item-scores.js';
import type { ReportComparison } from './api-types.js';

const RESAMPLES = 2000;

/** Left less right; null where they have no figure or no examples in common. Right or wrong answers are compared by McNemar's exact test. */
export function compareItems(left: ItemScores | undefined, right: ItemScores | undefined): ReportComparison | null {
  if (left === undefined || right === undefined || left.metric !== right.metric) return null;
  const pairs = pairsOf(left, right);
  if (pairs.length === 0) return null;
  const [ours, theirs] = [pairs.map(([our]) => our), pairs.map(([, their]) => their)];
  const isRightOrWrong = [...ours, ...theirs].every((value) => value === 0 || value === 1) && left.better === 'higher';
  const rightOf = (values: readonly number[]): boolean[] => values.map((value) => value === 1);
  const compared = isRightOrWrong
    ? mcNemar(rightOf(ours), rightOf(theirs))
    : pairedBootstrap(
        meanOf(ours),
        meanOf(theirs),
        pairs.length,
        eachDraw(pairs.length, RESAMPLES, Rng.fromSeed(1)),
        left.better,
      );
  return {
    ...compared,
    metric: left.metric,
    test: isRightOrWrong ? 'mcnemar' : 'bootstrap',
    examples: pairs.length,
    leftExamples: left.values.length,
    rightExamples: right.values.length,
    leftValue: mean(ours),
    rightValue: mean(theirs),
    onlyLeft: ours.filter((value, row) => value > (theirs[row] ?? 0)).length,
    onlyRight: ours.filter((value, row) => value < (theirs[row] ?? 0)).length,
  };
}

/** Of each example that stands in both; one that stands there twice is paired twice. */
function pairsOf(left: ItemScores, right: ItemScores): [number, number][] {
  const theirs = new Map<string, number[]>();
  right.examples.forEach((name, row) => {
    const values = theirs.get(name) ?? [];
    values.push(right.values[row] ?? 0);
    theirs.set(name, values);
  });
  return left.examples.flatMap((name, row): [number, number][] => {
    const their = theirs.get(name)?.shift();
    return their === undefined ? [] : [[left.values[row] ?? 0, their]];
  });
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

const meanOf =
  (values: readonly number[]): Figure =>
  (rows) => {
    let sum = 0;
    for (let at = 0; at < rows.length; at++) sum += values[rows[at] ?? 0] ?? 0;
    return sum / rows.length;
  };
