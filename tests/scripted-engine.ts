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
    encodeChat: (messages: readonly { role: string; content: string }[]) =>
      encode(messages.map((message) => message.content).join('\n')),
    async *generate(request: Parameters<TextEngine['generate']>[0], signal?: AbortSignal) {
      let outputTokens = 0;
      let finishReason: FinishReason = 'length';
      while (outputTokens < request.maxTokens) {
        if (tokenMs > 0) await sleep(tokenMs, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
        if (signal?.aborted === true) {
          finishReason = 'aborted';
          engine.aborted++;
          break;
        }
        if (failAt?.token === outputTokens) throw failAt.error;
        const text = `${outputTokens} `;
        outputTokens++;
        engine.generatedTokens++;
        if (request.stop?.includes(text.trim()) === true) {
          finishReason = 'stop';
          break;
        }
        yield { type: 'text' as const, text, tokenCount: 1 };
      }
      const inputTokens = request.promptTokens.length;
      yield {
        type: 'done' as const,
        finishReason,
        inputTokens,
        cachedTokens: 0,
        outputTokens,
        computeMs: outputTokens * 2,
      };
    },
    async close() {},
  };
  return engine;
}

/** What a full engine throws. */
export const queueFull = (): MoatError => new MoatError('queue-full', 'the queue is full');
