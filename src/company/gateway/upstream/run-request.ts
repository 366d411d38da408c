/** One request: asks one target after the other until one begins, then passes its answer on. */
import type { Clock } from '../../../base/clock.js';
import type { Rng } from '../../../base/rng.js';
import { type AnswerDone, type AnswerPart, BackendFailure } from '../backend.js';
import { type AnswerReader, createAnswerReader } from './answer-reader.js';
import { AttemptFailure, failureOf, isRecord, problemOf, toFailure } from './attempt-failure.js';
import { type CountProblem, type InputEstimate, finalCounts } from './final-counts.js';
import { type RetryBudget, pauseMs } from './retry-budget.js';
import type { PooledTarget, TargetPool } from './target-pool.js';
import { hiddenOf } from './upstream-connection.js';
import type { UpstreamModel } from './upstream-file.js';
import { type UpstreamRequest, bodyFor } from './upstream-request.js';

/** For the owner's log and metrics; holds neither texts of customers nor keys. */
export interface UpstreamProblem {
  readonly kind: CountProblem['kind'] | 'attempt-failed' | 'key-refused' | 'target-opened';
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
  const { pool, budget, report, clock } = serving;
  const { modelId } = serving.model;
  const startedAt = clock.monotonic();
  let last: AttemptFailure | undefined;
  budget.earn();
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0 && !(await mayRepeat(serving, last, round, signal))) break;
    for (const [at, pooled] of pool.order().entries()) {
      if (signal.aborted) return yield nothingDone(request);
      if (request.hasTokenPrompt && !pooled.target.tokens) continue;
      if (round > 0 && at > 0 && !budget.take()) break;
      const tell = pooled.enter();
      if (tell === undefined) continue;
      const reader = readerFor(serving.model, request, pooled);
      let failure: AttemptFailure | undefined;
      let isAnswered = false;
      try {
        yield* answerOf(pooled, request, reader, signal);
        isAnswered = true;
      } catch (error) {
        failure = toFailure(error);
      } finally {
        // also where whoever reads the answer stops in the middle
        tell(isAnswered ? 'success' : failure?.isOfTarget === true ? 'failure' : 'neither', failure);
      }
      if (failure === undefined || failure.kind === 'left') {
        const wasCut = failure !== undefined;
        return yield doneWith(serving, request, reader, { label: pooled.label, wasCut, startedAt });
      }
      if (failure.kind === 'refused' && !reader.tally.hasBegun) throw problemOf(failure, modelId, 0);
      const kind = failure.kind === 'unauthorized' ? 'key-refused' : 'attempt-failed';
      report(kind, pooled.label, `${failure.kind}: ${failure.message}`);
      if (reader.tally.hasBegun) throw brokenOff(modelId, reader, failure);
      last = failure;
    }
  }
  if (signal.aborted) return yield nothingDone(request);
  const { waitMs, isLimited } = pool.rest();
  throw problemOf(last ?? (isLimited ? new AttemptFailure('limited', 'all targets rest') : undefined), modelId, waitMs);
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

/** One target's answer. @throws AttemptFailure */
async function* answerOf(
  { connection, target }: PooledTarget,
  request: UpstreamRequest,
  { read, tally }: AnswerReader,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart, void> {
  const stream = await connection.open(request.route, bodyFor(request, target), signal);
  try {
    for await (const data of stream.events()) {
      for (const part of read(data)) {
        stream.progressed();
        yield part;
      }
      if (tally.isEnded) break;
      if (signal.aborted) throw new AttemptFailure('left', 'the customer went away');
    }
    if (tally.ends.includes(undefined)) throw new AttemptFailure('broken', 'its answer ended too early');
  } finally {
    stream.close(tally.isEnded && !tally.isOver);
  }
}

function readerFor({ tokenizer }: UpstreamModel, request: UpstreamRequest, { target }: PooledTarget): AnswerReader {
  return createAnswerReader({
    form: request.form,
    choices: request.choices,
    maxOutputTokens: request.maxTokens * request.choices,
    encode: tokenizer?.encode,
    failureIn: (error) => {
      const status = isRecord(error) ? Number(error['code'] ?? error['status']) : NaN;
      const body = JSON.stringify({ error });
      return failureOf({ status: status >= 400 ? status : 500, retryAfter: undefined, body, hidden: hiddenOf(target) });
    },
  });
}

function doneWith(
  { model, estimate, report, clock }: Serving,
  request: UpstreamRequest,
  { tally }: AnswerReader,
  { label, wasCut, startedAt }: { label: string; wasCut: boolean; startedAt: number },
): AnswerDone {
  const settings = { knowsTokens: model.tokenizer !== undefined, wasCut, estimate };
  const { problems, ...counts } = finalCounts(request, tally, settings);
  for (const { kind, message } of problems) report(kind, label, message);
  const finishReasons = tally.ends.map((end) => end ?? 'aborted');
  return { type: 'done', finishReasons, ...counts, computeMs: clock.monotonic() - startedAt };
}

const brokenOff = (modelId: string, { tally }: AnswerReader, cause: AttemptFailure): BackendFailure =>
  new BackendFailure('upstream_unavailable', `${modelId}: the answer broke off.`, {
    wasStarted: true,
    outputTokens: tally.outputTokens,
    cause,
  });

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
