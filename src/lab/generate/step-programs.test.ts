/** The programs that serve, with every rewrite they go through, against the golden logits of Hugging Face's models. */
import { readFileSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readCausalModel } from '../models/registry.js';
import { type Value, floats, integers } from '../runtime/program.js';
import { createKeyValueCache } from './key-value-cache.js';
import { compileStepPrograms } from './step-programs.js';

interface Packed {
  shape: number[];
  base64: string;
}
interface Golden {
  config: unknown;
  tokens: number[][];
  logits: Packed;
  parameters: Record<string, Packed>;
}

const folder = new URL('../../../tests/golden/models/', import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith('.json'));

function unpack({ base64, shape }: Packed): Value {
  return floats(new Float32Array(new Uint8Array(Buffer.from(base64, 'base64')).buffer), shape);
}

test.each(names)('%s: a prompt, then one token at a time', async (name) => {
  const golden = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden;
  const { model } = readCausalModel(golden.config, name);
  const weights = new Map(Object.entries(golden.parameters).map(([parameter, packed]) => [parameter, unpack(packed)]));
  const programs = await compileStepPrograms(model, weights);
  const tokens = (golden.tokens[0] as number[]).slice(0, -1);
  const cache = createKeyValueCache(model.cacheShape, 1, tokens.length);
  cache.open();
  cache.reserve(tokens.length);
  const promptLength = 3;
  let at = 0;
  while (at < tokens.length) {
    const time = at === 0 ? promptLength : 1;
    const taken = tokens.slice(at, at + time);
    const places = taken.map((_, i) => at + i);
    const feeds = { ...cache.feeds(0, 1), tokens: integers(taken, [1, time]), positions: integers(places, [1, time]) };
    const mask = Float32Array.from({ length: time * time }, (_, i) => (i % time > Math.floor(i / time) ? -1e9 : 0));
    const prompt = { causalMask: floats(mask, [time, time]), lastRow: integers([time - 1], [1]) };
    const results = await (at === 0 ? programs.prefill.run({ ...feeds, ...prompt }) : programs.decode.run(feeds));
    cache.append(0, 1, time, results);
    at += time;
    expect(relativeError(results['logits'], unpack(golden.logits), at - 1)).toBeLessThan(1e-4);
  }
  await programs.close();
});

/** The largest difference from row `position` of the expected logits, relative to the largest value in it. */
function relativeError(actual: Value | undefined, { data }: Value, position: number): number {
  const logits = Array.from(actual?.data as Float32Array);
  const expected = Array.from(
    (data as Float32Array).subarray(position * logits.length, (position + 1) * logits.length),
  );
  const largest = Math.max(...expected.map(Math.abs));
  return Math.max(...logits.map((value, i) => Math.abs(value - (expected[i] as number)))) / largest;
}
