import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import type { EncoderModel } from '../../models/model.js';
import { readModelConfig } from '../../models/registry.js';
import { MEMBER_LIMIT, predictionCounts } from './encoder-objective.js';
import { encoderRows } from './encoder-rows.js';
import { MASK_TOKENS, type ObjectiveShares, type TokenKnowledge } from './objectives.js';
import { pairOfTexts } from './text-pairs.js';

const VOCABULARY = 60;
const [START, END, MASK, STOP, LAST] = [50, 51, 52, 9, 59];
const tokens: TokenKnowledge = {
  special: new Map(MASK_TOKENS.map((name, index) => [name, 50 + index])),
  endOfText: LAST,
  pad: 0,
  vocabSize: VOCABULARY,
  tokenBytes: (id) => Buffer.from(id === STOP ? '.' : ` w${id}`),
};
const model = readModelConfig(
  {
    model_type: 'bert',
    vocab_size: VOCABULARY,
    hidden_size: 8,
    intermediate_size: 8,
    num_hidden_layers: 1,
    num_attention_heads: 2,
    max_position_embeddings: 64,
  },
  'test',
).model as EncoderModel;
const shape = { batchSize: 4, sequenceLength: 40 };

/** Sentences of one row's own words, so that it shows where a text comes from: row r has 10 + 10 r … 19 + 10 r. */
const windowOf = (row: number, length: number): number[] =>
  Array.from({ length }, (_, index) => (index % 6 === 5 ? STOP : 10 + 10 * row + (index % 10)));

function batchOf(shares: ObjectiveShares, seed: number) {
  const { makeBatch, windowLength } = encoderRows(model, shape, shares, tokens);
  const windows = [0, 1, 2, 3].map((row) => windowOf(row, windowLength));
  const { feeds, counted } = makeBatch(windows, Rng.fromSeed(seed));
  const read = (name: string): number[] => Array.from(feeds[name]?.data ?? [], Number);
  const rowsOf = (name: string): number[][] =>
    windows.map((_, row) => read(name).slice(row * shape.sequenceLength, (row + 1) * shape.sequenceLength));
  return { windows, counted: [...counted], read, rowsOf };
}

test('pairs are framed, typed, and say whether the second text follows', () => {
  const seen = new Set<string>();
  for (let seed = 0; seed < 40; seed++) {
    const { windows, rowsOf, read, counted } = batchOf({ order: 1, 'next-sentence': 1 }, seed);
    expect(counted).toEqual([0.5, 0.5, 0.5, 0.5]);
    for (const [row, ids] of rowsOf('tokens').entries()) {
      const [first, second] = [ids.indexOf(END), ids.lastIndexOf(END)];
      const types = rowsOf('types')[row] as number[];
      expect(ids[0]).toBe(START);
      expect(types.indexOf(1)).toBe(first + 1);
      expect(types.lastIndexOf(1)).toBe(second);
      const [a, b] = [ids.slice(1, first), ids.slice(first + 1, second)];
      const text = (windows[row] as number[]).join();
      const isForeign = !text.includes(b.join());
      const joins = [...a, ...b].join() === text;
      expect(read('follows')[row]).toBe(joins ? 0 : 1);
      if (!joins && !isForeign) expect([...b, ...a].join()).toBe(text);
      seen.add(joins ? 'follows' : isForeign ? 'elsewhere' : 'swapped');
    }
  }
  expect([...seen].sort()).toEqual(['elsewhere', 'follows', 'swapped']);
});

test('a window of one sentence is read as one text, and counts for nothing', () => {
  const rules = { endOfText: LAST, endsSentence: (token: number) => token === STOP, swapped: 1 };
  expect(pairOfTexts([1, 2, 3], [4, 5, STOP, 6], rules, Rng.fromSeed(1))).toBeUndefined();
  const { makeBatch, windowLength } = encoderRows(model, shape, { order: 1 }, tokens);
  const windows = [windowOf(0, windowLength), ...[1, 2, 3].map((row) => windowOf(row, windowLength).fill(20 + row))];
  const { counted } = makeBatch(windows, Rng.fromSeed(1));
  expect([...counted]).toEqual([1, 0, 0, 0]);
});

test('members are the words hidden in the same row, its own first', () => {
  const shares = { masked: 1, membership: 1 };
  const { read, rowsOf, counted } = batchOf(shares, 3);
  const { masked } = predictionCounts(shape, shares);
  const [places, targets, members, memberMask] = ['places', 'targets', 'members', 'memberMask'].map(read) as number[][];
  const used = counted.slice(0, masked).filter((weight) => weight > 0).length;
  expect(counted.slice(masked)).toEqual(counted.slice(0, masked));
  expect(used).toBeGreaterThan(4);
  const rowOf = (index: number): number => Math.floor((places?.[index] as number) / shape.sequenceLength);
  for (let index = 0; index < used; index++) {
    const right = (members ?? [])
      .slice(index * MEMBER_LIMIT, (index + 1) * MEMBER_LIMIT)
      .filter((_, at) => memberMask?.[index * MEMBER_LIMIT + at] === 1)
      .map((at) => at - index * VOCABULARY);
    expect(right[0]).toBe(targets?.[index]);
    const sameRow = (targets ?? []).slice(0, used).filter((_, at) => rowOf(at) === rowOf(index));
    expect(new Set(right)).toEqual(new Set(sameRow));
  }
  expect(
    rowsOf('tokens')
      .flat()
      .filter((id) => id === MASK).length,
  ).toBeGreaterThan(0);
});

test('a sentence of each window for SimCSE, nothing of it hidden', () => {
  const { windows, rowsOf, counted, read } = batchOf({ contrastive: 0.5 }, 5);
  expect(counted).toEqual([0.125, 0.125, 0.125, 0.125]);
  expect(read('tokens')).toEqual([]);
  for (const [row, ids] of rowsOf('sentences').entries()) {
    const mask = rowsOf('sentenceMask')[row] as number[];
    const text = ids.filter((_, at) => mask[at] === 1);
    expect([text[0], text.at(-1)]).toEqual([START, END]);
    expect((windows[row] as number[]).join()).toContain(text.slice(1, -1).join());
  }
});
