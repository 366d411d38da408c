import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { trainTokenizer } from '../tokenizer/train-tokenizer.js';
import { infillPrompt } from './infill-prompt.js';

const TEXT = 'the quick brown fox jumps over the lazy dog. '.repeat(5);

test('a gap is written as the model saw it in training; without the signs there is one line', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-infill-'));
  const specialTokens = ['<|fim_prefix|>', '<|fim_suffix|>', '<|fim_middle|>'];
  try {
    const tokenizer = await trainTokenizer(folder, [TEXT], { vocabularySize: 280, specialTokens });
    const [prefix, suffix, middle] = specialTokens.map((name) => tokenizer.special.get(name));
    const [before, after] = ['the quick', ' fox'].map((text) => tokenizer.encode(text)) as [number[], number[]];
    expect(infillPrompt(tokenizer, 'the quick', ' fox')).toEqual([prefix, ...before, suffix, ...after, middle]);
    // a text that spells the sign is text
    expect(tokenizer.encode('<|fim_middle|>')).not.toContain(middle);
    const plain = await trainTokenizer(folder, [TEXT], { vocabularySize: 280 });
    expect(() => infillPrompt(plain, 'a', 'b')).toThrow('this model has not learned to fill in what stands between');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
