import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type TextOrPair, encodeBatch, paddingSchema, truncationSchema } from './encode-batch.js';
import { type Frame, frameOf } from './post-processor.js';
import { loadTokenizer } from './tokenizer.js';

/** By Hugging Face tokenizers 0.23.3: tests/golden/tokenizers/batches.py. */
const golden = z
  .object({
    post_processors: z.record(z.string(), z.unknown()),
    tokenizer: z.looseObject({ model: z.looseObject({ vocab: z.record(z.string(), z.number()) }) }),
    cases: z.array(
      z.object({
        post_processor: z.string(),
        inputs: z.array(z.union([z.string(), z.tuple([z.string(), z.string()])])),
        truncation: truncationSchema.nullable(),
        padding: paddingSchema.nullable(),
        rows: z.array(
          z.object({
            ids: z.array(z.number()),
            types: z.array(z.number()),
            mask: z.array(z.number()),
            overflowing: z.array(z.array(z.number())).optional(),
          }),
        ),
      }),
    ),
  })
  .parse(JSON.parse(await readFile(new URL('../../../tests/golden/tokenizers/batches.json', import.meta.url), 'utf8')));
const { vocab } = golden.tokenizer.model;
const encode = (text: string): number[] =>
  text.split(' ').flatMap((word) => (word === '' ? [] : [vocab[word] as number]));

describe('batches are those of the reference', () => {
  it.each(Object.keys(golden.post_processors))('%s', (name) => {
    const frame = frameOf(golden.post_processors[name]) as Frame;
    const cases = golden.cases.filter((each) => each.post_processor === name);
    expect(cases.length).toBeGreaterThan(40);
    for (const { inputs, truncation, padding, rows } of cases) {
      const encoded = encodeBatch(encode, inputs, { frame, truncation, padding });
      for (const [index, row] of rows.entries()) expect(encoded[index]).toMatchObject(row);
    }
  });
});

it("a folder's rules are followed, and can be overruled", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-batches-'));
  try {
    const [, case1] = golden.cases.filter((each) => each.post_processor === 'template' && each.padding !== null);
    const { inputs, truncation, padding, rows } = case1 as (typeof golden.cases)[number];
    await writeFile(path.join(folder, 'tokenizer.json'), JSON.stringify({ ...golden.tokenizer, truncation, padding }));
    await writeFile(path.join(folder, 'tokenizer_config.json'), '{"eos_token":"[SEP]","pad_token":"[PAD]"}');
    const tokenizer = await loadTokenizer(folder);
    for (const [index, row] of tokenizer.encodeBatch(inputs).entries()) expect(row).toMatchObject(rows[index] ?? {});
    const [plain] = tokenizer.encodeBatch(['the cat'], { truncation: null, padding: null });
    expect(plain).toEqual({ ids: [2, 5, 7, 3], types: [0, 0, 0, 0], mask: [1, 1, 1, 1], overflowing: [] });
  } finally {
    await rm(folder, { recursive: true });
  }
});

it('what cannot be cut so is refused in one line', () => {
  const frame = frameOf(null) as Frame;
  const cut = (rules: object, input: TextOrPair): unknown =>
    encodeBatch(encode, [input], { frame, truncation: truncationSchema.parse(rules) });
  expect(() => cut({ max_length: 2, stride: 2 }, 'the cat runs')).toThrow(/a stride of 2 is not less/);
  expect(() => cut({ max_length: 2, strategy: 'OnlySecond' }, ['the cat runs', 'me'])).toThrow(/second text alone/);
  expect(frameOf({ type: 'Unheard' })).toBeUndefined();
});
