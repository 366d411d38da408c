/** Beam search over the golden models, against the answers of Hugging Face's (tests/golden/sampling/make.py). */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readCausalModel } from '../models/registry.js';
import { floats } from '../runtime/program.js';
import { type BeamOptions, createBeamSearch } from './beam-search.js';
import { compileStepPrograms } from './step-programs.js';

interface GoldenModel {
  readonly config: unknown;
  readonly parameters: Readonly<Record<string, { readonly shape: number[]; readonly base64: string }>>;
}
interface GoldenBeams extends Omit<BeamOptions, 'endTokens'> {
  readonly model: string;
  readonly prompt: readonly number[];
  readonly endTokens: readonly number[];
  readonly tokens: readonly number[];
}

const goldens = new URL('../../../tests/golden/', import.meta.url);
const readJson = (name: string): unknown => JSON.parse(readFileSync(new URL(name, goldens), 'utf8'));
const { cases } = readJson('sampling/beams.json') as { cases: GoldenBeams[] };

test.each([...new Set(cases.map(({ model }) => model))])('%s: the answers of transformers', async (name) => {
  const golden = readJson(`models/${name}.json`) as GoldenModel;
  const { model } = readCausalModel(golden.config, name);
  const weights = Object.entries(golden.parameters).map(
    ([parameter, { shape, base64 }]) =>
      [parameter, floats(new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer), shape)] as const,
  );
  const programs = await compileStepPrograms(model, new Map(weights), { threads: 1 });
  const vocabularySize = model.config.vocab_size;
  const stepModel = { programs, vocabularySize, tokenCount: vocabularySize, cacheShape: model.cacheShape };
  for (const { prompt, tokens, endTokens, ...options } of cases.filter(({ model: its }) => its === name)) {
    const search = createBeamSearch(stepModel, prompt, { ...options, endTokens: new Set(endTokens) });
    let answer: readonly number[] | undefined;
    let steps = 0;
    while (answer === undefined) {
      answer = await search.step();
      expect(++steps).toBeLessThanOrEqual(options.maxTokens);
    }
    expect(answer, JSON.stringify({ prompt, ...options })).toEqual(tokens);
  }
  await programs.close();
});
