import { expect, test } from 'vitest';
import { buildTokenTrie, markReadable } from './token-trie.js';

test('marks exactly the tokens that can be read whole, past the first word, without end and special tokens', () => {
  const words = ['a', 'ab', 'a', 'ba', undefined, 'abb', ...Array<string>(30).fill('c'), 'aba'];
  const trie = buildTokenTrie({
    size: words.length,
    endTokens: new Set([2]),
    bytesOf: (id) => (words[id] === undefined ? undefined : new TextEncoder().encode(words[id])),
  });
  const mask = new Uint32Array(2);
  // The language: a and b in turn, a first; the state is the byte that must come.
  markReadable(trie, 97, (expected, byte) => (byte === expected ? 195 - expected : undefined), mask);
  expect([...mask]).toEqual([0b11, 1 << 4]);
});
