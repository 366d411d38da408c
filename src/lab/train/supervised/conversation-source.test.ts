/** Batches of conversations: weights, packing, order, resuming; and what is dropped to fit. */
import { expect, test } from 'vitest';
import type { Message } from '../../data/conversations.js';
import { type MaskedTokens, createConversationSource, epochRows, packRows, rowFeeds } from './conversation-source.js';
import { fitConversations } from './fit-context.js';

const example = (...pairs: readonly (readonly [number, number])[]): MaskedTokens => ({
  tokens: Int32Array.from(pairs, ([token]) => token),
  mask: Uint8Array.from(pairs, ([, learned]) => learned),
});
const first = example([1, 0], [2, 0], [3, 1], [4, 1]);
const second = example([5, 0], [6, 1]);
const shape = { batchSize: 1, sequenceLength: 6, fillToken: 9 };
const numbers = (value: { data: ArrayLike<unknown> } | undefined): number[] => Array.from(value?.data ?? [], Number);

test('a packed row: only answers count, and nobody sees a neighbour', () => {
  const { feeds, counted } = rowFeeds([[0, 1]], [first, second], { ...shape, packed: true });
  expect(numbers(feeds['tokens'])).toEqual([1, 2, 3, 5, 9, 9]);
  expect(numbers(feeds['targets'])).toEqual([2, 3, 4, 6, 9, 9]);
  expect([...counted]).toEqual([0, 1, 1, 1, 0, 0]);
  expect(numbers(feeds['segments'])).toEqual([0, 0, 0, 1, 2, 2]);
  expect(numbers(feeds['positions'])).toEqual([0, 1, 2, 0, 0, 1]);
});

test('padded rows: one conversation each, missing rows are empty', () => {
  const options = { ...shape, batchSize: 2, packed: false };
  const { feeds, counted } = rowFeeds([[1]], [first, second], options);
  expect(numbers(feeds['tokens'])).toEqual([5, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9]);
  expect(counted.reduce((a, b) => a + b)).toBe(1);
  expect(Object.keys(feeds)).toEqual(['tokens', 'targets']);
});

test('packing loses nothing and never overfills', () => {
  const examples = Array.from({ length: 500 }, (_, i) => ({
    tokens: new Int32Array(2 + (i % 17)),
    mask: new Uint8Array(2 + (i % 17)),
  }));
  const rows = packRows(
    examples.map((_, i) => i),
    examples,
    20,
  );
  expect(rows.flat().sort((a, b) => a - b)).toEqual(examples.map((_, i) => i));
  const used = rows.map((row) => row.reduce((sum, i) => sum + (examples[i]?.tokens.length ?? 0) - 1, 0));
  expect(Math.max(...used)).toBeLessThanOrEqual(20);
  expect(used.reduce((a, b) => a + b) / (rows.length * 20)).toBeGreaterThan(0.94);
});

test('equal seeds give equal batches, and a resumed source goes on where it was', () => {
  const examples = Array.from({ length: 10 }, (_, i) => example([i, 0], [i + 100, 1], [i + 200, 1]));
  const make = (seed: number) => createConversationSource(examples, { ...shape, batchSize: 2, packed: true, seed });
  const draw = (source: ReturnType<typeof make>, count: number): number[][] =>
    Array.from({ length: count }, () => numbers(source.next().feeds['tokens']));
  const whole = draw(make(1), 8);
  const begun = make(1);
  draw(begun, 3);
  const resumed = make(1);
  resumed.seek(begun.position);
  expect(draw(resumed, 5)).toEqual(whole.slice(3));
  expect(draw(make(2), 8)).not.toEqual(whole);
  expect(epochRows(examples, { ...shape, packed: true }, 1, 0).flat()).not.toEqual(
    epochRows(examples, { ...shape, packed: true }, 1, 1).flat(),
  );
});

/** One token a character; `<` ends a turn. */
const renderer = {
  renderConversation: (messages: readonly Message[], { beginsAnswer }: { beginsAnswer: boolean }) => {
    const text =
      messages.map(({ role, content }) => `${role[0] ?? ''}${content}<`).join('') + (beginsAnswer ? 'a' : '');
    return { text, ids: Array.from(text, (character) => character.charCodeAt(0)) };
  },
  tokenBytes: (id: number) => (id === 60 ? new Uint8Array(0) : Uint8Array.of(id)),
  decode: (ids: readonly number[]) => String.fromCharCode(...ids.filter((id) => id !== 60)),
};
const record = (...said: readonly string[]) => ({
  id: 'r',
  origin: 'x:1',
  messages: said.map((each): Message => ({
    role: each[0] === 's' ? 'system' : each[0] === 'u' ? 'user' : 'assistant',
    content: each.slice(1),
  })),
});

test('the earliest turns go first, the system and the last question stay', () => {
  const long = record('sS', 'uone', 'aONE', 'utwo', 'aTWO', 'uthree', 'aTHREE');
  const { conversations, shortened, turnsDropped, cut, leftOut } = fitConversations(renderer, [long], 28);
  expect(conversations[0]?.text).toBe('sS<utwo<aTWO<uthree<aTHREE<');
  expect({ shortened, turnsDropped, cut, leftOut }).toEqual({ shortened: 1, turnsDropped: 2, cut: 0, leftOut: 0 });
});

test('an answer too long by itself is cut, a question too long is left out, and both are counted', () => {
  const { conversations, longest, ...counts } = fitConversations(
    renderer,
    [record('uq', 'aANSWER'), record('uquestion', 'ax')],
    6,
  );
  expect(counts).toEqual({ shortened: 0, turnsDropped: 0, cut: 1, leftOut: 1 });
  expect(longest).toBe(13);
  expect([...(conversations[0]?.mask ?? [])]).toEqual([0, 0, 0, 0, 1, 1]);
  expect(() => fitConversations(renderer, [record('uquestion', 'ax')], 6)).toThrow(
    /no answer of 1 conversations fits in 6 tokens/,
  );
});
