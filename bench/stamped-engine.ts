/** An engine whose tokens say when they were due, so that a reader knows how long each took to reach him. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TextEngine } from '../src/lab/generate/engine.js';
import { scriptedEngine } from '../tests/scripted-engine.js';

const now = (): number => performance.timeOrigin + performance.now();

/**
 * A token's text is the moment it was due, in milliseconds since the epoch: a timer that fires late because the event loop was
 * busy counts as delay too.
 */
export function stampedEngine(tokensPerSecond: number): TextEngine {
  const tokenMs = 1000 / tokensPerSecond;
  return {
    ...scriptedEngine({ modelId: 'mock', contextLength: 100_000 }),
    async *generate({ promptTokens, maxTokens }, signal) {
      const started = now();
      let outputTokens = 0;
      while (outputTokens < maxTokens && signal?.aborted !== true) {
        const due = started + (outputTokens + 1) * tokenMs;
        await sleep(Math.max(0, due - now()));
        outputTokens++;
        yield { type: 'text', text: `${due.toFixed(3)} `, choice: 0, tokenCount: 1 };
      }
      const finishReason = outputTokens < maxTokens ? 'aborted' : 'length';
      const counts = { inputTokens: promptTokens.length, cachedTokens: 0, outputTokens };
      yield { type: 'done', finishReasons: [finishReason], ...counts, computeMs: outputTokens };
    },
  };
}
