import { setTimeout as sleep } from 'node:timers/promises';
import { MoatError } from '../src/base/errors.js';
import type { FinishReason, TextEngine } from '../src/lab/generate/engine.js';

export interface ScriptedEngineOptions {
  readonly modelId?: string;
  readonly contextLength?: number;
  /** Milliseconds between two tokens; 0 never waits. */
  readonly tokenMs?: number;
  /** Throws this at the given token (0: before the first). */
  readonly failAt?: { readonly token: number; readonly error: Error };
}

/** A deterministic stand-in for a model: a byte a token; it answers "0 1 2 …", one number a token, until `maxTokens`. */
export function scriptedEngine(
  options: ScriptedEngineOptions = {},
): TextEngine & { generatedTokens: number; aborted: number } {
  const { modelId = 'scripted', contextLength = 256, tokenMs = 0, failAt } = options;
  const encode = (text: string): number[] => [...Buffer.from(text)];
  const engine = {
    modelId,
    contextLength,
    generatedTokens: 0,
    aborted: 0,
    encode,
    encodeInfill: (before: string, after: string) => [...Buffer.from(before + after)],
    encodeChat: (messages: readonly { role: string; content: string }[]) =>
      encode(messages.map((message) => message.content).join('\n')),
    tokenBytes: (id: number) => Uint8Array.of(id),
    async *generate(request: Parameters<TextEngine['generate']>[0], signal?: AbortSignal) {
      const { promptTokens, choices = 1 } = request;
      const account = { inputTokens: promptTokens.length, cachedTokens: 0, outputTokens: 0 };
      const finishReasons: FinishReason[] = [];
      for (let choice = 0; choice < choices; choice++) {
        for (let count = 0; count < request.maxTokens && finishReasons[choice] === undefined; count++) {
          if (tokenMs > 0)
            await sleep(tokenMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
          if (signal?.aborted === true) {
            finishReasons[choice] = 'aborted';
            engine.aborted++;
            break;
          }
          if (failAt?.token === account.outputTokens) throw failAt.error;
          account.outputTokens++;
          engine.generatedTokens++;
          if (request.stop?.includes(String(count)) === true) finishReasons[choice] = 'stop';
          else
            yield {
              type: 'text' as const,
              text: `${count} `,
              choice,
              tokenCount: 1,
              ...scored(count, request.logprobs),
            };
        }
        finishReasons[choice] ??= 'length';
      }
      yield { type: 'done' as const, finishReasons, ...account, computeMs: account.outputTokens * 2 };
    },
    async close() {},
  };
  return engine;
}

/** Its nth token is the digit n, with a probability of one half; all others share the rest. */
function scored(count: number, wanted: number | undefined) {
  if (wanted === undefined) return {};
  const at = (token: number) => ({ token, logprob: Math.log(0.5) });
  return { logprobs: [{ ...at(48 + count), top: Array.from({ length: wanted }, (_, i) => at(48 + count + i)) }] };
}

/** What a full engine throws. */
export const queueFull = (): MoatError => new MoatError('queue-full', 'the queue is full');
