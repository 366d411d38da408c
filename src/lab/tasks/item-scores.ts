/** What a model scored on each example of a test, kept in its report so that two reports can be paired afterwards. */
import { createHash } from 'node:crypto';
import { allRows } from '../eval/metrics/intervals.js';
import type { Metric, Task, TaskSettings } from './task.js';

export interface ItemScores {
  /** The first of the task's figures that is the mean of what single examples score. */
  readonly metric: string;
  readonly better: 'higher' | 'lower';
  /** Of each example's text, 12 bytes of SHA-256 in base64url: the same text has the same name in every report. */
  readonly examples: readonly string[];
  readonly values: readonly number[];
}

/** Beyond, a report would be too large to be read as a whole. */
const MAX_ITEMS = 20_000;
const DIGITS = 6;
/** Of so many first ones the mean is tried, before all are asked. */
const TRIED = 50;

/** Undefined where no figure is such a mean (a corpus BLEU is not), or for too many examples. */
export function itemScores<Example, Output, Settings extends TaskSettings>(
  task: Pick<Task<Example, Output, Settings>, 'metrics' | 'textOf'>,
  examples: readonly Example[],
  outputs: readonly Output[],
): ItemScores | undefined {
  if (examples.length === 0 || examples.length > MAX_ITEMS) return undefined;
  for (const metric of task.metrics) {
    const values = meanTerms(metric, examples, outputs);
    if (values === undefined) continue;
    const { name, better } = metric;
    return { metric: name, better, examples: examples.map((example) => nameOf(task.textOf(example))), values };
  }
  return undefined;
}

function meanTerms<Example, Output>(
  metric: Metric<Example, Output>,
  examples: readonly Example[],
  outputs: readonly Output[],
): number[] | undefined {
  const figure = metric.prepare(examples, outputs);
  const values: number[] = [];
  for (const count of [Math.min(TRIED, examples.length), examples.length]) {
    for (let row = values.length; row < count; row++) values.push(figure(Uint32Array.of(row)));
    const mean = values.reduce((sum, value) => sum + value, 0) / count;
    const whole = figure(allRows(count));
    // a NaN is equal to nothing
    if (!(Math.abs(mean - whole) <= 1e-9 * Math.max(1, Math.abs(whole)))) return undefined;
  }
  return values.map((value) => Number(value.toPrecision(DIGITS)));
}

const nameOf = (text: string): string =>
  createHash('sha256').update(text).digest().subarray(0, 12).toString('base64url');
