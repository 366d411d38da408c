/** One request's answer while it grows: tokens in, text chunks and the final account out. */
import { createTextStream } from '../tokenizer/text-stream.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';
import type { FinishReason, GenerateDone, GenerateRequest, TextChunk } from './engine.js';
import { createStopFilter } from './stop-filter.js';

export type AnswerPart = TextChunk | GenerateDone;

export interface Answer {
  /** @returns the chunk to send, and whether to go on */
  push(token: number): { readonly chunk: TextChunk; readonly goOn: boolean };
  /** What is still held back, if anything, and the account. */
  finish(computeMs: number, aborted: boolean): AnswerPart[];
}

export function createAnswer(
  request: GenerateRequest,
  tokenizer: Pick<Tokenizer, 'tokenBytes'>,
  endTokens: ReadonlySet<number>,
): Answer {
  const stream = createTextStream(tokenizer);
  const filter = createStopFilter(request.stop ?? []);
  let outputTokens = 0;
  let reason: FinishReason | undefined;
  let metStopString = false;
  const heldBack = (): string => {
    const { text, stopped } = filter.push(stream.flush());
    return stopped ? text : text + filter.flush();
  };
  return {
    push(token) {
      outputTokens++;
      if (endTokens.has(token)) {
        reason = 'stop';
        return { chunk: { type: 'text', text: '', tokenCount: 1 }, goOn: false };
      }
      const { text, stopped } = filter.push(stream.push(token));
      metStopString = stopped;
      if (stopped) reason = 'stop';
      else if (outputTokens >= request.maxTokens) reason = 'length';
      return { chunk: { type: 'text', text, tokenCount: 1 }, goOn: reason === undefined };
    },
    finish(computeMs, aborted) {
      const finishReason = reason ?? (aborted ? 'aborted' : 'stop');
      const rest = metStopString ? '' : heldBack();
      const done: GenerateDone = {
        type: 'done',
        finishReason,
        inputTokens: request.promptTokens.length,
        cachedTokens: 0,
        outputTokens,
        computeMs,
      };
      return rest === '' ? [done] : [{ type: 'text', text: rest, tokenCount: 0 }, done];
    },
  };
}
