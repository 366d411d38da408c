/** One request: asks one target after the other until one begins, then passes its answer on. */
import type { Clock } from '../../../base/clock.js';
import type { Rng } from '../../../base/rng.js';
import { type AnswerDone, type AnswerPart, BackendFailure } from '../backend.js';
import { type Attempt, createAttempt } from './attempt.js';
import { AttemptFailure, problemOf, toFailure } from './attempt-failure.js';
import { type CountProblem, type InputEstimate, finalCounts } from './final-counts.js';
import { type RetryBudget, pauseMs } from './retry-budget.js';
import type { TargetPool } from './target-pool.js';
import type { UpstreamModel } from './upstream-file.js';
import { type UpstreamRequest, knowsFields } from './upstream-request.js';

/** For the owner's log and metrics; holds neither texts of customers nor keys. */
export interface UpstreamProblem {
  readonly kind: CountProblem['kind'] | 'attempt-failed' | 'key-refused' | 'target-opened' | 'target-unfit';
  readonly model: string;
  /** Host and model. */
  readonly target: string;
  readonly message: string;
}

/** What all requests to one model share. */
export interface Serving {
  readonly model: UpstreamModel;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly pool: TargetPool;
  readonly budget: RetryBudget;
  readonly estimate: InputEstimate;
  /** Ends early, without an error, when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly report: (kind: UpstreamProblem['kind'], target: string, message: string) => void;
}

/** How often all targets are gone through: once as a matter of course, then as far as the budget goes. */
const ROUNDS = 3;
const LONGEST_PAUSE_MS = 10_000;

/** As `PreparedAnswer.run`. @throws ApiProblem 400, 429, 503; BackendFailure where an answer had begun */
export async function* runRequest(
  serving: Serving,
  request: UpstreamRequest,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart | AnswerDone, void> {
  const startedAt = serving.clock.monotonic();
  const begun = await begin(serving, request, signal);
  if (begun === undefined) return yield nothingDone(request);
  const { attempt, first } = begun;
  let wasCut = begun.wasCut;
  try {
    for (let part = first; part !== undefined; part = await attempt.next()) yield part;
  } catch (error) {
    const failure = toFailure(error);
    wasCut = failure.kind === 'left';
    if (!wasCut) throw brokenOff(serving, attempt, failure);
  } finally {
    // also where whoever reads the answer stops in the middle
    attempt.close();
  }
  yield doneWith(serving, request, attempt, { wasCut, startedAt });
}

interface Begun {
  readonly attempt: Attempt;
  /** Undefined where the answer is empty, or the customer left before it began. */
  readonly first: AnswerPart | undefined;
  readonly wasCut: boolean;
}

/** Nothing of an answer was seen until here, so another target may give it. @returns undefined where the customer left first */
async function begin(serving: Serving, request: UpstreamRequest, signal: AbortSignal): Promise<Begun | undefined> {
  const { model, pool, budget, report } = serving;
  let last: AttemptFailure | undefined;
  budget.earn();
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0 && !(await mayRepeat(serving, last, round, signal))) break;
    for (const [at, pooled] of pool.order().entries()) {
      if (signal.aborted) return undefined;
      if ((request.hasTokenPrompt && !pooled.target.tokens) || !knowsFields(pooled.target, request)) continue;
      if (round > 0 && at > 0 && !budget.take()) break;
      const attempt = createAttempt(pooled, model, request, signal);
      if (attempt === undefined) continue;
      try {
        return { attempt, first: await attempt.next(), wasCut: false };
      } catch (error) {
        last = toFailure(error);
      }
      if (last.kind === 'left') return { attempt, first: undefined, wasCut: true };
      attempt.close();
      if (last.kind === 'refused') throw problemOf(last, model.modelId, 0);
      reportFailure(report, pooled.label, last);
    }
  }
  if (signal.aborted) return undefined;
  const { waitMs, isLimited } = pool.rest();
  const why = last ?? (isLimited ? new AttemptFailure('limited', 'all targets rest') : undefined);
  throw problemOf(why, model.modelId, waitMs);
}

/** Pauses before a further round, where one may help and the budget has it. */
async function mayRepeat(
  { pool, rng, budget, pause }: Serving,
  last: AttemptFailure | undefined,
  round: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (last === undefined || !['limited', 'unavailable', 'broken'].includes(last.kind)) return false;
  const ms = Math.max(pauseMs(round, rng), pool.rest().waitMs);
  if (ms > LONGEST_PAUSE_MS || !budget.take()) return false;
  await pause(ms, signal);
  return true;
}

function doneWith(
  { model, estimate, report, clock }: Serving,
  request: UpstreamRequest,
  { tally, label, target }: Attempt,
  { wasCut, startedAt }: { wasCut: boolean; startedAt: number },
): AnswerDone {
  const countsOneChoice = target.usageOfOneChoice && request.choices > 1;
  const settings = { knowsTokens: model.tokenizer !== undefined, wasCut, countsOneChoice, estimate };
  const { problems, ...counts } = finalCounts(request, tally, settings);
  for (const { kind, message } of problems) report(kind, label, message);
  const finishReasons = tally.ends.map((end) => end ?? 'aborted');
  return { type: 'done', finishReasons, ...counts, computeMs: clock.monotonic() - startedAt };
}

function reportFailure(report: Serving['report'], label: string, failure: AttemptFailure): void {
  const kind = failure.kind === 'unauthorized' ? 'key-refused' : 'attempt-failed';
  report(kind, label, `${failure.kind}: ${failure.message}`);
}

function brokenOff({ model, report }: Serving, { label, tally }: Attempt, cause: AttemptFailure): BackendFailure {
  reportFailure(report, label, cause);
  const { outputTokens } = tally;
  return new BackendFailure('upstream_unavailable', `${model.modelId}: the answer broke off.`, {
    wasStarted: true,
    outputTokens,
    cause,
  });
}

/** The customer left before anything was sent. */
const nothingDone = ({ choices }: UpstreamRequest): AnswerDone => ({
  type: 'done',
  finishReasons: Array.from({ length: choices }, () => 'aborted' as const),
  inputTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  computeMs: 0,
});
