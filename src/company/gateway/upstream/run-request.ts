/** One request for text: asks until a target begins, then passes its answer on. */
import { type AnswerDone, type AnswerPart, BackendFailure } from '../backend.js';
import { type Serving, askTargets, reportFailure } from './ask-targets.js';
import { type Attempt, createAttempt } from './attempt.js';
import { type AttemptFailure, toFailure } from './attempt-failure.js';
import { finalCounts } from './final-counts.js';
import { type UpstreamRequest, knowsFields } from './upstream-request.js';

/** As `PreparedAnswer.run`. @throws ApiProblem 400, 429, 503; BackendFailure where an answer had begun */
export async function* runRequest(
  serving: Serving,
  request: UpstreamRequest,
  signal: AbortSignal,
): AsyncGenerator<AnswerPart | AnswerDone, void> {
  const startedAt = serving.clock.monotonic();
  const begun = await askTargets<AnswerPart, Attempt>(serving, signal, {
    understands: (target) => (target.tokens || !request.hasTokenPrompt) && knowsFields(target, request),
    attemptOn: (pooled) => createAttempt(pooled, serving.model, request, signal),
  });
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
