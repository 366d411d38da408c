import { expect, it } from 'vitest';
import type { DrawnToken } from '../api/ask-model.js';
import { wholeCharacters } from './whole-characters.js';

const token = (bytes: number[], probability = 0.5): DrawnToken => ({
  text: new TextDecoder().decode(Uint8Array.from(bytes)),
  bytes,
  probability,
  likeliest: [],
});
const shown = (tokens: readonly DrawnToken[]): [string, number][] =>
  wholeCharacters(tokens).map(({ text, probability }) => [text, probability]);

it('puts the parts of a character together, with the probability of all of them', () => {
  // 你 is E4 BD A0, 好 is E5 A5 BD
  expect(shown([token([0x61]), token([0xe4, 0xbd]), token([0xa0]), token([0xe5, 0xa5, 0xbd])])).toEqual([
    ['a', 0.5],
    ['你', 0.25],
    ['好', 0.5],
  ]);
});

it('leaves what is no text as it came, and goes on after it', () => {
  const broken = [0xff, 0xfe, 0xfd, 0xfc].map((byte) => token([byte]));
  expect(shown([...broken, token([0x62])]).map(([text]) => text)).toEqual(['�', '�', '�', '�', 'b']);
  expect(shown([token([0xe4])]).map(([text]) => text)).toEqual(['�']);
});

it('takes tokens without bytes at their word', () => {
  const plain: DrawnToken = { text: 'word', bytes: null, probability: 0.9, likeliest: [] };
  expect(wholeCharacters([plain])).toMatchObject([{ text: 'word', probability: 0.9 }]);
});
