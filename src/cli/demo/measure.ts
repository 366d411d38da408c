import type { TextEngine } from '../../lab/generate/engine.js';

export interface MeasuredThroughput {
  /** Output tokens a second of one answer alone. */
  readonly decodeTokensPerSecond: number;
  /** Output tokens a second of all answers together, `streamCount` at once. */
  readonly loadedTokensPerSecond: number;
  readonly streamCount: number;
  /** Input tokens a second. */
  readonly prefillTokensPerSecond: number;
}

const ROUNDS = 3;

/**
 * Runs the engine as customers do and counts: one answer alone, many at once, and prompts with a single token asked.
 * The best of three short rounds each, since a machine that is busy elsewhere only ever makes them slower.
 */
export async function measureThroughput(
  engine: TextEngine,
  prompt: readonly number[],
  streamCount: number,
): Promise<MeasuredThroughput> {
  const half = engine.contextLength >> 1;
  const short = prompt.slice(0, 8);
  const long = Array.from({ length: half }, (_, i) => prompt[i % prompt.length] as number);
  const answer = (promptTokens: readonly number[], maxTokens: number) => () =>
    countTokens(engine, promptTokens, maxTokens);
  const many = (work: () => Promise<number>) => async () => {
    const counts = await Promise.all(Array.from({ length: streamCount }, work));
    return counts.reduce((a, b) => a + b, 0);
  };
  return {
    decodeTokensPerSecond: await bestRate(answer(short, half - 8)),
    loadedTokensPerSecond: await bestRate(many(answer(short, half - 8))),
    prefillTokensPerSecond: await bestRate(async () => {
      await countTokens(engine, long, 1);
      return long.length;
    }),
    streamCount,
  };
}

async function bestRate(work: () => Promise<number>): Promise<number> {
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const started = performance.now();
    const count = await work();
    best = Math.max(best, (count * 1000) / (performance.now() - started));
  }
  return best;
}

/** Tokens really generated; an answer may end before `maxTokens`. */
async function countTokens(engine: TextEngine, promptTokens: readonly number[], maxTokens: number): Promise<number> {
  for await (const chunk of engine.generate({ promptTokens, maxTokens, temperature: 1, seed: 1 })) {
    if (chunk.type === 'done') return chunk.outputTokens;
  }
  throw new Error('the engine ended without saying so');
}
