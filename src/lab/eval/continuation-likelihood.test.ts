import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TinyModel, makeTinyModel } from '../../../tests/tiny-model.js';
import { type LoadedModel, loadModel } from '../generate/load-model.js';
import { integers } from '../runtime/program.js';
import { compileEvaluation } from '../train/language-objective.js';
import { rowOf, scoreContinuations } from './continuation-likelihood.js';

let tiny: TinyModel;
let loaded: LoadedModel;
beforeAll(async () => {
  tiny = await makeTinyModel(64);
  loaded = await loadModel(tiny.directory);
});
afterAll(() => tiny.remove());

/** −ln P of each token after those before it, by a program of exactly that length. */
async function natsOf(tokens: readonly number[]): Promise<number[]> {
  const length = tokens.length - 1;
  const program = await compileEvaluation(loaded.model, { batchSize: 1, sequenceLength: length }, { threads: 1 });
  try {
    const feeds = {
      ...Object.fromEntries(loaded.weights),
      tokens: integers(tokens.slice(0, -1), [1, length]),
      targets: integers(tokens.slice(1), [length]),
    };
    return Array.from((await program.run(feeds))['nats']?.data as Float32Array);
  } finally {
    await program.close();
  }
}

it('is the sum over the continuation’s own tokens, whatever stands beside it in a batch', async () => {
  const requests = [
    { context: 'the quick brown ', continuation: 'fox jumps' },
    { context: '敏捷的', continuation: '狐狸跳过懒狗。' },
    { context: '', continuation: 'the lazy dog' },
    { context: 'the quick brown fox jumps over the lazy dog; '.repeat(2), continuation: 'the' },
  ];
  const progress: number[] = [];
  const scores = await scoreContinuations(loaded, requests, { threads: 1, onProgress: (n) => progress.push(n) });
  for (const [at, request] of requests.entries()) {
    const { tokens, countFrom } = rowOf(loaded.tokenizer, request, 64);
    const counted = (await natsOf(tokens)).slice(countFrom - 1);
    expect(scores[at]?.tokens).toBe(counted.length);
    expect(scores[at]?.logLikelihood).toBeCloseTo(-counted.reduce((a, b) => a + b, 0), 4);
  }
  expect(progress.at(-1)).toBe(4);
});

it('gives the blank at the seam to the continuation, and drops the beginning of what is too long', () => {
  const { tokenizer } = loaded;
  const text = ({ tokens, countFrom }: ReturnType<typeof rowOf>) => [
    tokenizer.decode(tokens.slice(0, countFrom)),
    tokenizer.decode(tokens.slice(countFrom)),
  ];
  expect(text(rowOf(tokenizer, { context: 'the quick ', continuation: 'fox' }, 64))).toEqual(['the quick', ' fox']);
  const alone = rowOf(tokenizer, { context: '', continuation: 'fox' }, 64);
  expect([alone.tokens[0], alone.countFrom]).toEqual([tokenizer.endOfText, 1]);
  const long = rowOf(tokenizer, { context: 'the lazy dog '.repeat(40), continuation: 'fox' }, 16);
  expect(long.tokens).toHaveLength(17);
  expect(text(long)[1]).toBe(' fox');
  const all = rowOf(tokenizer, { context: 'a', continuation: 'the lazy dog '.repeat(40) }, 16);
  expect([all.tokens.length, all.countFrom]).toEqual([17, 1]);
});

it('refuses an empty continuation, and stops when told to', async () => {
  await expect(scoreContinuations(loaded, [{ context: 'a', continuation: '' }])).rejects.toThrow(/0 is empty/);
  const signal = AbortSignal.abort(new Error('enough'));
  const asked = scoreContinuations(loaded, [{ context: 'a', continuation: 'b' }], { signal, threads: 1 });
  await expect(asked).rejects.toThrow('enough');
});
