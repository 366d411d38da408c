/** Greedy targets of tests/golden/encoders (T5, made by make.py there with transformers' `generate`). */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { EncoderDecoderModel } from '../models/model.js';
import { readModelConfig } from '../models/registry.js';
import { floats } from '../runtime/program.js';
import { createTranslator } from './translate.js';

interface Golden {
  readonly config: unknown;
  readonly source: number[][];
  readonly mask: number[][];
  readonly greedy: number[][];
  readonly parameters: Record<string, { shape: number[]; base64: string }>;
}

const NO_END = -1;

function load(name: string) {
  const file = new URL(`../../../tests/golden/encoders/${name}.json`, import.meta.url);
  const golden = JSON.parse(readFileSync(file, 'utf8')) as Golden;
  const model = readModelConfig(golden.config, name).model as EncoderDecoderModel;
  const weights = new Map(
    Object.entries(golden.parameters).map(([parameter, { shape, base64 }]) => [
      parameter,
      floats(new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer), shape),
    ]),
  );
  const sources = golden.source.map((row, i) => row.filter((_, place) => golden.mask[i]?.[place] === 1));
  return { golden, model, weights, sources };
}

describe.each(['t5-relu-tied', 't5-gated-gelu-untied'])('%s', (name) => {
  const { golden, model, weights, sources } = load(name);

  test('writes what the reference writes, together, alone and in any order', async () => {
    const translator = await createTranslator(model, weights, { endToken: NO_END, padToken: 0 });
    expect(await translator.translate(sources, 24)).toEqual(golden.greedy);
    expect(await translator.translate([...sources].reverse(), 24)).toEqual([...golden.greedy].reverse());
    expect(await translator.translate(sources.slice(1), 24)).toEqual(golden.greedy.slice(1));
    await translator.close();
  });

  test('stops each target at its end token, and refuses what is too long', async () => {
    const endToken = golden.greedy[0]?.[4] as number;
    const translator = await createTranslator(model, weights, { endToken, padToken: 0 });
    const upToEnd = (target: number[]): number[] =>
      target.includes(endToken) ? target.slice(0, target.indexOf(endToken)) : target;
    expect(await translator.translate(sources, 24)).toEqual(golden.greedy.map(upToEnd));
    expect(await translator.translate([], 8)).toEqual([]);
    await expect(translator.translate([Array.from({ length: 600 }, () => 2)], 8)).rejects.toMatchObject({
      code: 'source-too-long',
    });
    await translator.close();
  });
});
