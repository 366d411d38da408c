/**
 * Chooses among the stretches of a text, and that none of them answers, by one log-linear model (Rajpurkar et al. 2016, §5):
 * p(span) = e^(w·f(span)) / Σ e^(w·f), loss = −Σ log Σ_{right} p(span) + |w|² / (2c).
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { minimize } from '../../eval/baselines/l-bfgs.js';
import { candidatesOf } from './span-features.js';

export interface AskedContext {
  readonly question: string;
  readonly context: string;
}

export interface RankedContext extends AskedContext {
  /** Where right answers stand; none where the context does not answer. */
  readonly answers: readonly { readonly start: number; readonly end: number }[];
}

export interface RankedSpan {
  readonly start: number;
  readonly end: number;
  /** Of this span among all spans and no answer, 0 … 1. */
  readonly probability: number;
  /** How much likelier than no answer: log p(span) − log p(none). */
  readonly margin: number;
}

export interface SpanRanker {
  readonly parameterCount: number;
  /** @returns undefined where the context has no stretch that could be an answer */
  best(asked: AskedContext): RankedSpan | undefined;
  /** @param leastMargin below which no answer is given; kept beside the weights */
  save(folder: string, leastMargin: number): Promise<void>;
}

export interface SpanRankerOptions {
  /** The inverse of the penalty. */
  readonly c: number;
  readonly maxIterations: number;
  readonly onPass?: () => void;
}

type Weights = ReadonlyMap<string, number>;

interface Row {
  /** Of its features: their numbers, and their values. */
  readonly numbers: Int32Array;
  readonly values: Float64Array;
  readonly isRight: boolean;
}

/** Features of fewer contexts are left out. */
const LEAST_CONTEXTS = 2;

/** @returns with it, how many contexts had a right answer that no candidate is */
export function fitSpanRanker(
  contexts: readonly RankedContext[],
  { c, maxIterations, onPass }: SpanRankerOptions,
): { readonly ranker: SpanRanker; readonly unreachable: number } {
  const read = contexts.map((each) => ({ ...candidatesOf(each.question, each.context), answers: each.answers }));
  const numberOf = numberFeatures(
    read.map(({ spans, none }) => new Set([...spans.flatMap(({ features }) => [...features.keys()]), ...none.keys()])),
  );
  const rowOf = (features: ReadonlyMap<string, number>, isRight: boolean): Row => {
    const kept = [...features].filter(([name]) => numberOf.has(name));
    return {
      numbers: Int32Array.from(kept, ([name]) => numberOf.get(name) as number),
      values: Float64Array.from(kept, ([, value]) => value),
      isRight,
    };
  };
  const all = read.map(({ spans, none, answers }): Row[] => [
    rowOf(none, answers.length === 0),
    ...spans.map(({ start, end, features }) =>
      rowOf(
        features,
        answers.some((answer) => answer.start === start && answer.end === end),
      ),
    ),
  ]);
  const learned = all.filter((rows) => rows.some(({ isRight }) => isRight));
  const values = minimize(
    new Float64Array(numberOf.size),
    (point, gradient) => {
      onPass?.();
      return lossOf(learned, point, gradient, c);
    },
    { maxIterations, tolerance: 1e-3 },
  );
  const weights = new Map([...numberOf].map(([name, number]) => [name, values[number] as number]));
  return { ranker: createRanker(weights), unreachable: all.length - learned.length };
}

function numberFeatures(contexts: readonly ReadonlySet<string>[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const names of contexts) for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  const kept = [...counts].filter(([, count]) => count >= Math.min(LEAST_CONTEXTS, contexts.length));
  return new Map(kept.map(([name], index) => [name, index]));
}

function lossOf(contexts: readonly (readonly Row[])[], point: Float64Array, gradient: Float64Array, c: number): number {
  let loss = 0;
  for (let index = 0; index < point.length; index++) {
    gradient[index] = (point[index] as number) / c;
    loss += (point[index] as number) ** 2 / (2 * c);
  }
  for (const rows of contexts) {
    const scores = rows.map((row) => scoreOfRow(row, point));
    const shares = softmax(scores);
    const right = rows.reduce((sum, { isRight }, row) => sum + (isRight ? (shares[row] as number) : 0), 0);
    loss -= Math.log(Math.max(right, Number.MIN_VALUE));
    for (const [row, { numbers, values, isRight }] of rows.entries()) {
      const share = shares[row] as number;
      const slope = share - (isRight ? share / Math.max(right, Number.MIN_VALUE) : 0);
      for (let at = 0; at < numbers.length; at++) {
        const number = numbers[at] as number;
        gradient[number] = (gradient[number] as number) + slope * (values[at] as number);
      }
    }
  }
  return loss;
}

function scoreOfRow({ numbers, values }: Row, point: Float64Array): number {
  let score = 0;
  for (let at = 0; at < numbers.length; at++)
    score += (values[at] as number) * (point[numbers[at] as number] as number);
  return score;
}

function softmax(scores: readonly number[]): number[] {
  const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  const powers = scores.map((score) => Math.exp(score - most));
  const total = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / total);
}

function createRanker(weights: Weights): SpanRanker {
  const scoreOf = (features: ReadonlyMap<string, number>): number => {
    let score = 0;
    for (const [name, value] of features) score += value * (weights.get(name) ?? 0);
    return score;
  };
  return {
    parameterCount: weights.size,
    best({ question, context }) {
      const { spans, none } = candidatesOf(question, context);
      if (spans.length === 0) return undefined;
      const scores = [scoreOf(none), ...spans.map(({ features }) => scoreOf(features))];
      const shares = softmax(scores);
      const best = scores.slice(1).reduce((most, score, at, of) => (score > (of[most] as number) ? at : most), 0);
      const { start, end } = spans[best] as (typeof spans)[number];
      return {
        start,
        end,
        probability: shares[best + 1] as number,
        margin: (scores[best + 1] as number) - (scores[0] as number),
      };
    },
    save: (folder, leastMargin) =>
      writeFile(path.join(folder, FILE), JSON.stringify({ leastMargin, weights: [...weights] }), { flag: 'wx' }),
  };
}

const FILE = 'span-ranker.json';
const fileSchema = z.object({ leastMargin: z.number(), weights: z.array(z.tuple([z.string(), z.number()])) });

/** @throws MoatError `bad-task-model` */
export async function loadSpanRanker(
  folder: string,
): Promise<{ readonly ranker: SpanRanker; readonly leastMargin: number }> {
  const file = path.join(folder, FILE);
  try {
    const { leastMargin, weights } = fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
    return { ranker: createRanker(new Map(weights)), leastMargin };
  } catch (error) {
    throw new MoatError('bad-task-model', `${file}: not of a model as Moat writes it`, {
      fix: 'Fit it again.',
      cause: error,
    });
  }
}
