/**
 * Golden values of tests/golden/objectives/decoder.json, made by decoder.py there: the layouts of a gap to be filled and of
 * sentences to be put right are reached by our own rewriting, and their loss and gradients are PyTorch's.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { readCausalModel } from '../../models/registry.js';
import { type Value, floats, integers } from '../../runtime/program.js';
import { languageObjective } from '../language-objective.js';
import { compileObjective, gradientName } from '../objective.js';
import { createInfill } from './infill.js';
import { createSentencePermutation } from './sentence-permutation.js';
import type { WindowRewrite } from './window-rewrite.js';

interface Golden {
  readonly special: Record<
    'prefix' | 'suffix' | 'middle' | 'shuffled' | 'restored' | 'sentenceEnd' | 'endOfText',
    number
  >;
  readonly text: number[];
  readonly cases: {
    readonly name: string;
    readonly tokens: number[];
    readonly counted: number[];
    readonly loss: number;
    readonly gradientNorms: Record<string, number>;
  }[];
}

const folder = new URL('../../../../tests/golden/', import.meta.url);
const { special, text, cases } = JSON.parse(readFileSync(new URL('objectives/decoder.json', folder), 'utf8')) as Golden;
const weights = JSON.parse(readFileSync(new URL('models/qwen3-gqa-head-dim.json', folder), 'utf8')) as {
  readonly config: unknown;
  readonly parameters: Record<string, { readonly shape: number[]; readonly base64: string }>;
};
const { model } = readCausalModel(weights.config, 'golden');

const rewrites: Record<string, WindowRewrite> = {
  PSM: createInfill(special),
  SPM: createInfill(special),
  order: createSentencePermutation({ ...special, endsSentence: (token) => token === special.sentenceEnd }),
};

test.each(cases)('$name: the layout is one of ours, loss and gradients are the reference’s', async (expected) => {
  const { name, tokens, counted, loss, gradientNorms } = expected;
  // one document that fills the window: what the signs need is left empty behind its end
  const window = [...text, ...Array.from({ length: tokens.length - text.length }, () => special.endOfText)];
  const found = Array.from({ length: 3000 }, (_, seed) => rewrites[name]?.(window, Rng.fromSeed(seed))).find(
    (rewritten) => rewritten?.tokens.join() === tokens.join(),
  );
  expect([...(found?.counted ?? [])]).toEqual(counted);

  const time = tokens.length - 1;
  const build = languageObjective(model, { batchSize: 1, sequenceLength: time });
  const { program } = await compileObjective(model.parameters, model.parameters, build);
  const sum = counted.reduce((a, b) => a + b);
  const parameters = model.parameters.map(({ name: parameter, shape }): [string, Value] => {
    const bytes = Buffer.from(weights.parameters[parameter]?.base64 ?? '', 'base64');
    return [parameter, floats(new Float32Array(new Uint8Array(bytes).buffer), shape)];
  });
  const result = await program.run({
    ...Object.fromEntries(parameters),
    tokens: integers(tokens.slice(0, -1), [1, time]),
    targets: integers(tokens.slice(1), [time]),
    weights: floats(
      Float32Array.from(counted, (count) => count / sum),
      [time],
    ),
  });
  expect(result['loss']?.data[0]).toBeCloseTo(loss, 5);
  for (const [parameter, norm] of Object.entries(gradientNorms)) {
    const gradient = Array.from(result[gradientName(parameter)]?.data ?? [], Number);
    expect(Math.hypot(...gradient) / norm, parameter).toBeCloseTo(1, 5);
  }
  await program.close();
});
