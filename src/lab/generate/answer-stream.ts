/** The answers to one request, as one stream: each is a request to the scheduler, and the last to leave closes the books. */
import { randomInt } from 'node:crypto';
import { type Answer, type AnswerPart, createAnswer } from './answer.js';
import { createChannel } from './channel.js';
import type { CompiledConstraint } from './constraint/constraint.js';
import type { FinishReason, GenerateRequest } from './engine.js';
import type { LoadedModel } from './load-model.js';
import { samplerSettings } from './sampler-settings.js';
import type { Scheduler, SchedulerRequest } from './scheduler.js';
import { createTokenSampler } from './token-sampler.js';

export interface AnswerStreamOptions extends Pick<LoadedModel, 'tokenizer' | 'endTokens'> {
  readonly scheduler: Scheduler;
  readonly constraint: CompiledConstraint | undefined;
  readonly signal: AbortSignal | undefined;
}

export function answerStream(request: GenerateRequest, options: AnswerStreamOptions): AsyncIterable<AnswerPart> {
  const { scheduler, signal, tokenizer, endTokens } = options;
  const { choices = 1, promptTokens, cacheScope = '' } = request;
  const channel = createChannel<AnswerPart>();
  let abandoned = false;
  let failure: unknown;
  const isAborted = (): boolean => abandoned || failure !== undefined || signal?.aborted === true;
  const reasons: FinishReason[] = [];
  const account = { computeMs: 0, cachedTokens: 0, outputTokens: 0 };
  let open = choices;

  const finish = (answer: Answer, choice: number): void => {
    const { rest, reason } = answer.finish(isAborted());
    if (rest !== undefined) channel.push(rest);
    reasons[choice] = reason;
    account.outputTokens += answer.tokenCount;
  };
  const close = (): void => {
    if (failure === undefined)
      channel.push({ type: 'done', finishReasons: reasons, inputTokens: promptTokens.length, ...account });
    channel.end(failure);
  };
  const seed = request.seed ?? randomInt(2 ** 32);
  for (let choice = 0; choice < choices; choice++) {
    const answer = createAnswer(request, { tokenizer, endTokens, choice });
    scheduler.submit({
      promptTokens,
      how: howOf(request, options, seed + choice),
      cacheScope,
      isAborted,
      onToken(sampled) {
        const { chunk, goOn } = answer.push(sampled);
        channel.push(chunk);
        return goOn;
      },
      onLeave({ computeMs, cachedTokens }, error) {
        account.computeMs += computeMs;
        // the other answers share the first one's prompt: that is no cache
        if (choice === 0) account.cachedTokens = cachedTokens;
        if (error === undefined) finish(answer, choice);
        else failure ??= error;
        if (--open === 0) close();
      },
    });
  }
  return channel.values(() => {
    abandoned = true;
  });
}

function howOf(
  request: GenerateRequest,
  { constraint, endTokens }: AnswerStreamOptions,
  seed: number,
): SchedulerRequest['how'] {
  const { beams = 1, lengthPenalty = 1, maxTokens, promptTokens } = request;
  if (beams > 1) return { beams: { beams, lengthPenalty, maxTokens, endTokens } };
  const settings = samplerSettings(request);
  return {
    sampler: createTokenSampler({ settings, promptTokens, seed: seed % 2 ** 32, constraint: constraint?.start() }),
  };
}
