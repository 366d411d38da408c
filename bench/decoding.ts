/** The engine's decoding as the benchmarks run it: the scheduler over real programs, random weights, greedy. */
import { Rng } from '../src/base/rng.js';
import { createScheduler } from '../src/lab/generate/scheduler.js';
import { compileStepPrograms } from '../src/lab/generate/step-programs.js';
import { samplerSettings } from '../src/lab/generate/sampler-settings.js';
import { createTokenSampler } from '../src/lab/generate/token-sampler.js';
import type { Quantization } from '../src/lab/generate/weight-quantization.js';
import type { CausalModel } from '../src/lab/models/model.js';
import { type Value, floats } from '../src/lab/runtime/program.js';
import { THREADS } from './training.js';

export interface DecodingBench {
  /** Tokens a second over `streamCount` answers at once, prompts included, as a caller sees it. */
  tokensPerSecond(streamCount: number): Promise<number>;
  /** Tokens a second while all answers are under way: from when the last has its first token until the first ends. */
  decodedPerSecond(streamCount: number): Promise<number>;
  close(): Promise<void>;
}

export interface DecodingLoad {
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly maxConcurrent: number;
}

interface Moment {
  readonly timeMs: number;
  readonly tokens: number;
}

export async function prepareDecoding(
  model: CausalModel,
  load: DecodingLoad,
  quantization: Quantization = 'none',
): Promise<DecodingBench> {
  const rng = Rng.fromSeed(1);
  const weights = new Map<string, Value>();
  for (const { name, shape } of model.parameters) {
    const length = shape.reduce((product, size) => product * size, 1);
    const isGain = shape.length === 1;
    weights.set(
      name,
      floats(
        Float32Array.from({ length }, () => (isGain ? 1 : rng.normal() * 0.05)),
        shape,
      ),
    );
  }
  const programs = await compileStepPrograms(model, weights, { threads: THREADS, quantization });
  const scheduler = createScheduler({
    programs,
    cacheShape: model.cacheShape,
    vocabularySize: model.config.vocab_size,
    tokenCount: model.config.vocab_size,
    prefixCacheBytes: 0,
    contextLength: model.config.max_position_embeddings,
    maxConcurrent: load.maxConcurrent,
    now: () => performance.now(),
  });
  const prompt = Array.from({ length: load.promptTokens }, () => rng.below(model.config.vocab_size));
  let scope = 0;
  const answer = (onToken: (count: number) => void = () => {}): Promise<void> =>
    new Promise((resolve, reject) => {
      let count = 0;
      scheduler.submit({
        promptTokens: prompt,
        how: {
          sampler: createTokenSampler({ settings: samplerSettings({ temperature: 0 }), promptTokens: prompt, seed: 1 }),
        },
        // a scope of its own: what is measured is not found in the cache
        cacheScope: String(scope++),
        isAborted: () => false,
        onToken() {
          onToken(++count);
          return count < load.newTokens;
        },
        onLeave: (_account, error) => (error === undefined ? resolve() : reject(error)),
      });
    });
  return {
    async tokensPerSecond(streamCount) {
      const started = performance.now();
      await Promise.all(Array.from({ length: streamCount }, () => answer()));
      return (streamCount * load.newTokens * 1000) / (performance.now() - started);
    },
    async decodedPerSecond(streamCount) {
      const counts = Array.from({ length: streamCount }, () => 0);
      const total = (): number => counts.reduce((sum, count) => sum + count, 0);
      let first: Moment | undefined;
      let last: Moment | undefined;
      const onToken = (stream: number, count: number): void => {
        counts[stream] = count;
        const moment = { timeMs: performance.now(), tokens: total() };
        if (counts.every((other) => other > 0)) first ??= moment;
        if (count === load.newTokens) last ??= moment;
      };
      await Promise.all(counts.map((_, stream) => answer((count) => onToken(stream, count))));
      if (first === undefined || last === undefined) throw new Error('no time in which all answers were under way');
      return ((last.tokens - first.tokens) * 1000) / (last.timeMs - first.timeMs);
    },
    close: () => programs.close(),
  };
}
