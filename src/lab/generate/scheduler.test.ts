/** Every architecture that predicts tokens, through the scheduler: the greedy answer is that of whole passes. */
import { expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { input } from '../graph/tensor.js';
import { type CausalModel, INFERENCE } from '../models/model.js';
import { architectures, readCausalModel } from '../models/registry.js';
import { type Value, compile, floats, integers } from '../runtime/program.js';
import { parameterInputs } from '../train/objective.js';
import { argMax } from './sampler.js';
import { samplerSettings } from './sampler-settings.js';
import { createScheduler } from './scheduler.js';
import { compileStepPrograms } from './step-programs.js';
import { createTokenSampler } from './token-sampler.js';

const SIZES = {
  vocabularySize: 40,
  layers: 2,
  hiddenSize: 16,
  intermediateSize: 24,
  heads: 2,
  keyValueHeads: 1,
  headSize: 8,
  contextLength: 32,
  tieWordEmbeddings: false,
  ropeTheta: 10_000,
  dropout: 0,
};
const NEW_TOKENS = 6;
const greedy = () => createTokenSampler({ settings: samplerSettings({ temperature: 0 }), promptTokens: [], seed: 1 });

/** Far from zero except for biases, so that the likeliest token hangs on what came before and not on the last bias. */
function randomWeights(model: CausalModel): Map<string, Value> {
  const rng = Rng.fromSeed(5);
  const draw = (name: string): number => {
    if (/norm|ln_/.test(name)) return 1 + rng.normal() * 0.1;
    return rng.normal() * (name.endsWith('bias') ? 0.1 : 1);
  };
  return new Map(
    model.parameters.map(({ name, shape }) => {
      const length = shape.reduce((a, b) => a * b, 1);
      return [
        name,
        floats(
          Float32Array.from({ length }, () => draw(name)),
          shape,
        ),
      ];
    }),
  );
}

/** Each token from a pass over everything before it. */
async function continuation(model: CausalModel, weights: ReadonlyMap<string, Value>, prompt: readonly number[]) {
  const text = [...prompt];
  for (let i = 0; i < NEW_TOKENS; i++) {
    const { lookUp, tensors } = parameterInputs(model.parameters);
    const tokens = input('tokens', [1, text.length], 'int64');
    const { logits } = model.forward(lookUp, { tokens }, INFERENCE);
    const program = await compile({ logits }, [tokens, ...tensors]);
    const results = await program.run({ ...Object.fromEntries(weights), tokens: integers(text, [1, text.length]) });
    await program.close();
    const data = results['logits']?.data as Float32Array;
    text.push(argMax(data.subarray(data.length - SIZES.vocabularySize)));
  }
  return text.slice(prompt.length);
}

const sized = architectures.flatMap(({ modelType, kind, sized: sizesOf }) =>
  sizesOf === undefined || kind !== 'causal' ? [] : [{ modelType, sizesOf }],
);

test.each(sized)(
  '$modelType: answers that come and go together are those given alone',
  async ({ modelType, sizesOf }) => {
    const { model } = readCausalModel({ model_type: modelType, ...sizesOf(SIZES) }, 'tiny');
    const weights = randomWeights(model);
    const programs = await compileStepPrograms(model, weights, { threads: 1 });
    const scheduler = createScheduler({
      programs,
      cacheShape: model.cacheShape,
      vocabularySize: SIZES.vocabularySize,
      tokenCount: SIZES.vocabularySize,
      prefixCacheBytes: 0,
      contextLength: SIZES.contextLength,
      maxConcurrent: 2,
      now: () => 0,
    });
    const prompts = [
      [3, 1, 4, 1, 5],
      [9, 2],
      [6, 5, 3, 5, 8, 9, 7],
    ];
    const answers = prompts.map(
      (promptTokens, index) =>
        new Promise<number[]>((resolve, reject) => {
          const tokens: number[] = [];
          scheduler.submit({
            promptTokens,
            how: { sampler: greedy() },
            cacheScope: '',
            isAborted: () => false,
            // the first leaves early, so that another moves into its slot
            onToken: ({ token }) => tokens.push(token) < (index === 0 ? 2 : NEW_TOKENS),
            onLeave: (_account, error) => (error === undefined ? resolve(tokens) : reject(error as Error)),
          });
        }),
    );
    const given = await Promise.all(answers);
    for (const [index, prompt] of prompts.entries()) {
      const expected = await continuation(model, weights, prompt);
      expect(given[index]).toEqual(expected.slice(0, given[index]?.length));
    }
    await scheduler.drain();
    await programs.close();
  },
);

/** Longer than one prefill chunk (256 tokens), and not a multiple of it. */
const LONG_PROMPT = Array.from({ length: 300 }, (_, i) => (i * i + 3 * i) % SIZES.vocabularySize);

// Rows alone, states alone, and both: what each chunk must hand to the next.
test.each(sized.filter(({ modelType }) => ['llama', 'text_generator', 'big_model'].includes(modelType)))(
  '$modelType: a prompt read in chunks is continued as one read at once',
  async ({ modelType, sizesOf }) => {
    const contextLength = LONG_PROMPT.length + NEW_TOKENS;
    const { model } = readCausalModel({ model_type: modelType, ...sizesOf({ ...SIZES, contextLength }) }, 'tiny');
    const weights = randomWeights(model);
    const programs = await compileStepPrograms(model, weights, { threads: 1 });
    const { cacheShape } = model;
    const { vocabularySize } = SIZES;
    const scheduler = createScheduler({
      programs,
      cacheShape,
      vocabularySize,
      tokenCount: vocabularySize,
      prefixCacheBytes: 0,
      contextLength,
      maxConcurrent: 1,
      now: () => 0,
    });
    const given = await new Promise<number[]>((resolve, reject) => {
      const tokens: number[] = [];
      scheduler.submit({
        promptTokens: LONG_PROMPT,
        how: { sampler: greedy() },
        cacheScope: '',
        isAborted: () => false,
        onToken: ({ token }) => tokens.push(token) < NEW_TOKENS,
        onLeave: (_account, error) => (error === undefined ? resolve(tokens) : reject(error as Error)),
      });
    });
    expect(given).toEqual(await continuation(model, weights, LONG_PROMPT));
    await scheduler.drain();
    await programs.close();
  },
);
