import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Program } from '../runtime/program.js';
import { documentNats } from './held-out-loss.js';

/** A program whose nats are the target token's id, so that sums show which predictions were counted. */
const echo: Program = {
  inputNames: [],
  outputNames: ['nats'],
  run: async (feeds) => {
    const targets = feeds['targets']?.data ?? new Float32Array();
    const data = Float32Array.from({ length: targets.length }, (_, i) => Number(targets[i]));
    return { nats: { data, dims: [data.length], dtype: 'float32' } };
  },
  close: async () => {},
};

test('every token of every document is counted exactly once, whatever the lengths', async () => {
  const documents = fc.array(fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 30 }), {
    minLength: 1,
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(
      documents,
      fc.integer({ min: 2, max: 9 }),
      fc.integer({ min: 1, max: 4 }),
      async (texts, sequenceLength, batchSize) => {
        const documentStarts: number[] = [];
        const tokens: number[] = [];
        for (const text of texts) {
          documentStarts.push(tokens.length);
          tokens.push(...text, 100);
        }
        const nats = await documentNats(
          echo,
          { batchSize, sequenceLength },
          {},
          { tokens, documentStarts, endOfText: 100 },
        );
        expect(Array.from(nats)).toEqual(texts.map((text) => text.reduce((a, b) => a + b, 100)));
      },
    ),
  );
});
