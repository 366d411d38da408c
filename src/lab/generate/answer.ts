/** One answer while it grows: tokens in, text chunks and the reason of its end out. */
import { createTextStream } from '../tokenizer/text-stream.js';
import type { Tokenizer } from '../tokenizer/tokenizer.js';
import type { FinishReason, GenerateDone, GenerateRequest, TextChunk } from './engine.js';
import { createStopFilter } from './stop-filter.js';
import type { Sampled } from './token-sampler.js';

export type AnswerPart = TextChunk | GenerateDone;

export interface Answer {
  /** Tokens so far. */
  readonly tokenCount: number;
  /** @returns the chunk to send, and whether to go on */
  push(sampled: Sampled): { readonly chunk: TextChunk; readonly goOn: boolean };
  /** @returns what was still held back, if anything, and why the answer ended */
  finish(aborted: boolean): { readonly rest: TextChunk | undefined; readonly reason: FinishReason };
}

export interface AnswerOptions {
  readonly tokenizer: Pick<Tokenizer, 'tokenBytes'>;
  readonly endTokens: ReadonlySet<number>;
  /** Its number among the answers of the request. */
  readonly choice: number;
}

export function createAnswer(
  request: Pick<GenerateRequest, 'stop' | 'maxTokens'>,
  { tokenizer, endTokens, choice }: AnswerOptions,
): Answer {
  const stream = createTextStream(tokenizer);
  const filter = createStopFilter(request.stop ?? []);
  let tokenCount = 0;
  let reason: FinishReason | undefined;
  let metStopString = false;
  const heldBack = (): string => {
    const { text, stopped } = filter.push(stream.flush());
    return stopped ? text : text + filter.flush();
  };
  const chunkOf = (text: string, { score }: Sampled): TextChunk => ({
    type: 'text',
    text,
    choice,
    tokenCount: 1,
    ...(score === undefined ? {} : { logprobs: [score] }),
  });
  return {
    get tokenCount() {
      return tokenCount;
    },
    push(sampled) {
      tokenCount++;
      if (endTokens.has(sampled.token)) {
        reason = 'stop';
        return { chunk: { type: 'text', text: '', choice, tokenCount: 1 }, goOn: false };
      }
      const { text, stopped } = filter.push(stream.push(sampled.token));
      metStopString = stopped;
      if (stopped) reason = 'stop';
      else if (tokenCount >= request.maxTokens) reason = 'length';
      return { chunk: chunkOf(text, sampled), goOn: reason === undefined };
    },
    finish(aborted) {
      const text = metStopString ? '' : heldBack();
      return {
        rest: text === '' ? undefined : { type: 'text', text, choice, tokenCount: 0 },
        reason: reason ?? (aborted ? 'aborted' : 'stop'),
      };
    },
  };
}
