/** A bounded load at rising concurrency: prompts to read and answers to write, apart, some rounds of each. */
import { Rng } from '../../base/rng.js';
import type { LoadCurve, LoadRound } from '../../company/business/load-curve.js';
import { quantile } from '../../lab/eval/bootstrap.js';
import { type LoadTarget, type TimedAnswer, timedAnswer } from './timed-answer.js';

export interface LoadPlan {
  readonly concurrencies: readonly number[];
  readonly rounds: number;
  /** Words of a prompt; a word is about a token. */
  readonly inputWords: number;
  readonly outputTokens: number;
  readonly seed: number;
  /** No higher concurrency is begun after so long. */
  readonly maxSeconds: number;
  readonly onPoint: (concurrency: number, round: number) => void;
}

/** Common in texts of any kind; a prompt draws from them, so that no two begin alike and no cache has one. */
const WORDS =
  'time year people way day man thing woman life child world school state family student group country problem hand part'.split(
    ' ',
  );
const SHORT_PROMPT_WORDS = 4;

/**
 * @returns points up to the first concurrency at which nothing was answered any more
 * @throws MoatError `load-failed` when a single request at a time fails
 */
export async function measureLoad(target: LoadTarget, plan: LoadPlan): Promise<LoadCurve['points']> {
  const rng = Rng.fromSeed(plan.seed);
  const started = target.clock.monotonic();
  // Programs are compiled and caches filled by then; and what is wrong with the target is said at once.
  await timedAnswer(target, promptOf(rng, SHORT_PROMPT_WORDS), 1);
  const points: LoadCurve['points'] = [];
  for (const concurrency of plan.concurrencies) {
    if (points.length > 0 && target.clock.monotonic() - started > plan.maxSeconds * 1000) break;
    const rounds: LoadRound[] = [];
    for (let round = 0; round < plan.rounds; round++) {
      plan.onPoint(concurrency, round);
      rounds.push(await measureRound(target, plan, concurrency, rng));
    }
    points.push({ concurrency, rounds });
    if (rounds.every(({ requests, failed }) => failed === requests)) break;
  }
  return points;
}

async function measureRound(target: LoadTarget, plan: LoadPlan, concurrency: number, rng: Rng): Promise<LoadRound> {
  const prefill = await wave(target, concurrency, () => promptOf(rng, plan.inputWords), 1);
  const decode = await wave(target, concurrency, () => promptOf(rng, SHORT_PROMPT_WORDS), plan.outputTokens);
  const sum = (answers: readonly TimedAnswer[], count: (answer: TimedAnswer) => number): number =>
    answers.reduce((total, answer) => total + count(answer), 0);
  const perTokenMs = decode.answers
    .filter(({ outputTokens }) => outputTokens > 1)
    .map(({ writingMs, outputTokens }) => writingMs / (outputTokens - 1));
  return {
    prefillTokensPerSecond: sum(prefill.answers, ({ inputTokens }) => inputTokens) / prefill.seconds,
    decodeTokensPerSecond: sum(decode.answers, ({ outputTokens }) => outputTokens) / decode.seconds,
    firstTokenMs: spreadOf(prefill.answers.map(({ firstTokenMs }) => firstTokenMs)),
    perTokenMs: spreadOf(perTokenMs),
    requests: 2 * concurrency,
    failed: prefill.failed + decode.failed,
  };
}

/** So many requests at once; it lasts until the last is answered. */
async function wave(target: LoadTarget, concurrency: number, promptFor: () => string, maxTokens: number) {
  const started = target.clock.monotonic();
  const asked = Array.from({ length: concurrency }, () => timedAnswer(target, promptFor(), maxTokens));
  const settled = await Promise.allSettled(asked);
  target.signal.throwIfAborted();
  const answers = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
  const seconds = Math.max(1e-6, (target.clock.monotonic() - started) / 1000);
  return { answers, seconds, failed: concurrency - answers.length };
}

const promptOf = (rng: Rng, words: number): string =>
  Array.from({ length: words }, () => WORDS[rng.below(WORDS.length)]).join(' ');

function spreadOf(values: readonly number[]): { p50: number; p95: number } {
  if (values.length === 0) return { p50: 0, p95: 0 };
  const sorted = Float64Array.from(values).sort();
  return { p50: quantile(sorted, 0.5), p95: quantile(sorted, 0.95) };
}
