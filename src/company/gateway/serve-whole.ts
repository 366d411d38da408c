import { newId } from '../billing/identifiers.js';
import type { Usage } from '../billing/settlement.js';
import { type AnswerTarget, endWithJson, whileWanted } from './answer-target.js';
import { draining, toApiProblem } from './api-problem.js';
import { type Ask, admitRequest } from './metered.js';
import { type CompletionContext, isRefusal, tooSlow } from './serve-completion.js';

/** What the work used, and its answer. */
export interface Worked {
  readonly usage: Usage;
  readonly body: object;
}

/**
 * Admit, work, settle, answer: for what is answered at once by something that writes no text. Ends in exactly one settlement, or in
 * a released reservation where the work was not taken.
 * @param work ends early when the signal does, with the status `aborted`
 * @throws ApiProblem
 */
export async function serveWhole(
  context: CompletionContext,
  ask: Omit<Ask, 'requestId' | 'maxOutputTokens'>,
  work: (requestId: string, signal: AbortSignal) => Promise<Worked>,
  target: AnswerTarget,
  requestId = newId('req', context.clock.now()),
): Promise<void> {
  const admitted = await admitRequest(context, { ...ask, requestId, maxOutputTokens: 0 });
  const { usage, body } = await whileWanted(context, target, (signal) => work(requestId, signal)).catch(
    async (error: unknown) => {
      if (isRefusal(error)) await admitted.release();
      else await admitted.settle({ ...NOTHING, inputTokens: ask.inputTokens, status: 'failed' });
      throw toApiProblem(error);
    },
  );
  await admitted.settle(usage);
  if (target.destroyed) return;
  if (usage.status === 'aborted') throw context.shutdown.aborted ? draining() : tooSlow();
  endWithJson(target, { 'x-request-id': requestId, ...admitted.headers }, body);
}

const NOTHING = { inputTokens: 0, cachedTokens: 0, outputTokens: 0, reasoningTokens: 0, computeMs: 0 } as const;

/** The usage of work that only reads. */
export const inputUsage = (inputTokens: number, computeMs: number, status: Usage['status']): Usage => ({
  ...NOTHING,
  inputTokens,
  computeMs,
  status,
});
