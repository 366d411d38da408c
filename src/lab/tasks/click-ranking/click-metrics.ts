/** Figures of predicted clicks: how well each impression is ordered, and how far the probabilities can be believed. */
import { calibrationError, reliability } from '../../eval/metrics/probability.js';
import { areaUnderRoc } from '../../eval/metrics/ranking-curves.js';
import { normalizedGain } from '../../eval/metrics/recommendation.js';
import type { Metric, ReportTable } from '../task.js';
import type { ClickRow } from './click-features.js';

/** One thing that was shown. */
export interface ClickExample {
  /** What was shown at once, and is ordered among itself. */
  readonly impression: string;
  /** All that is known before the click. */
  readonly row: ClickRow;
  /** 1 or 0. */
  readonly clicked: number;
  /** In the log's own unit. */
  readonly time?: number;
}

export interface ClickOutput {
  /** Of a click. */
  readonly probability: number;
}

type ClickMetric = Metric<ClickExample, ClickOutput>;

/** Nats of one row, its probability kept from 0 and 1 by 10⁻⁷ (what a float32 can tell from 1). */
export function natsOf(probability: number, clicked: number): number {
  const kept = Math.min(1 - 1e-7, Math.max(1e-7, probability));
  return -Math.log(clicked > 0 ? kept : 1 - kept);
}

/**
 * The chance that a click is among the first `cutoff` when equal scores are put in an order by lot.
 * @param gains 1 for a click, 0 for none @param scores of the same rows
 */
export function hitChance(gains: ArrayLike<number>, scores: ArrayLike<number>, cutoff: number): number {
  const clicked = Array.from(scores).filter((_, row) => (gains[row] as number) > 0);
  if (clicked.length === 0) return 0;
  const best = clicked.reduce((a, b) => Math.max(a, b));
  const count = (values: readonly number[], is: (score: number) => boolean): number => values.filter(is).length;
  const all = Array.from(scores);
  const tied = count(all, (score) => score === best);
  const hits = count(clicked, (score) => score === best);
  const places = Math.min(tied, cutoff - count(all, (score) => score > best));
  if (places <= 0) return 0;
  // places drawn from the tie without putting back: that none of them is a click
  let none = 1;
  for (let place = 0; place < places; place++) none *= Math.max(0, tied - hits - place) / (tied - place);
  return 1 - none;
}

/** Row numbers by impression, in the order of the examples. */
function impressionsOf(examples: readonly ClickExample[]): number[][] {
  const rows = new Map<string, number[]>();
  for (const [row, { impression }] of examples.entries()) {
    const known = rows.get(impression);
    if (known === undefined) rows.set(impression, [row]);
    else known.push(row);
  }
  return [...rows.values()];
}

/** A figure of each impression in which something was clicked and something was not; others say nothing of an order. */
function perImpression(name: string, figure: (gains: Float64Array, scores: Float64Array) => number): ClickMetric {
  return {
    name,
    better: 'higher',
    signature: 'mean over impressions with a click and something left; equal scores share their places',
    prepare(examples, outputs) {
      // every row has its part of its impression's figure, so that drawing an impression's rows draws the impression
      const values = new Float64Array(examples.length);
      const weights = new Float64Array(examples.length);
      for (const rows of impressionsOf(examples)) {
        const gains = Float64Array.from(rows, (row) => (examples[row] as ClickExample).clicked);
        if (!gains.includes(1) || !gains.includes(0)) continue;
        const scores = Float64Array.from(rows, (row) => (outputs[row] as ClickOutput).probability);
        const value = figure(gains, scores);
        for (const row of rows) [values[row], weights[row]] = [value / rows.length, 1 / rows.length];
      }
      return (rows) => {
        let [total, count] = [0, 0];
        for (let at = 0; at < rows.length; at++) {
          total += values[rows[at] as number] as number;
          count += weights[rows[at] as number] as number;
        }
        return total / count;
      };
    },
  };
}

/** A figure of probabilities and clicks, whatever the impressions. */
function overRows(
  name: string,
  better: 'higher' | 'lower',
  figure: (probabilities: Float64Array, clicks: Float64Array) => number,
  signature?: string,
): ClickMetric {
  return {
    name,
    better,
    ...(signature === undefined ? {} : { signature }),
    prepare: (examples, outputs) => (rows) =>
      figure(
        Float64Array.from(rows, (row) => (outputs[row] as ClickOutput).probability),
        Float64Array.from(rows, (row) => (examples[row] as ClickExample).clicked),
      ),
  };
}

const mean = (values: Float64Array): number => values.reduce((a, b) => a + b, 0) / values.length;

const isClick = (clicks: Float64Array): boolean[] => Array.from(clicks, (click) => click > 0);

const BINS = 10;

export const clickMetrics: readonly ClickMetric[] = [
  perImpression('nDCG@10', (gains, scores) => normalizedGain(gains, scores, 10)),
  perImpression('HR@10', (gains, scores) => hitChance(gains, scores, 10)),
  overRows('ROC AUC', 'higher', areaUnderRoc),
  overRows('log loss', 'lower', (probabilities, clicks) =>
    mean(probabilities.map((probability, row) => natsOf(probability, clicks[row] as number))),
  ),
  overRows(
    'ECE',
    'lower',
    (probabilities, clicks) => calibrationError(probabilities, isClick(clicks), BINS),
    `${BINS} bins of equal width, of the click`,
  ),
  overRows(
    'calibration',
    'lower',
    (probabilities, clicks) =>
      clicks.includes(1) ? Math.abs(Math.log(mean(probabilities) / mean(clicks))) : Number.NaN,
    '|ln(mean probability ÷ click rate)|; 0 is right',
  ),
];

/** How often those were clicked that a click was foretold of so or so surely. */
export function clickTables(examples: readonly ClickExample[], outputs: readonly ClickOutput[]): ReportTable[] {
  const probabilities = outputs.map(({ probability }) => probability);
  const bins = reliability(
    probabilities,
    examples.map(({ clicked }) => clicked > 0),
    BINS,
  );
  return [
    {
      title: 'reliability',
      columns: ['probability', 'examples', 'mean probability', 'clicked'],
      rows: bins.map(({ low, high, count, meanConfidence, accuracy }) => [
        `${low.toFixed(1)}–${high.toFixed(1)}`,
        count,
        Number(meanConfidence.toFixed(3)),
        Number(accuracy.toFixed(3)),
      ]),
    },
  ];
}
