import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { createInfill } from './infill.js';
import { readObjectives, tokensFor } from './objectives.js';
import { createSentencePermutation, cutSentences, sentenceEnds, shuffleSentences } from './sentence-permutation.js';
import { corruptSpans, textLengthFor } from './span-corruption.js';
import { asItIs, cutDocuments, drawRewrite } from './window-rewrite.js';

const END = 0;
const FIM = { prefix: 101, suffix: 102, middle: 103, endOfText: END };
const SENTINELS = Array.from({ length: 20 }, (_, index) => 200 + index);

/** Texts of 1 … 50 tokens between ends, and the window they fill. */
function windowOf(rng: Rng, length: number): number[] {
  const window: number[] = [];
  while (window.length < length) {
    for (let token = 1 + rng.below(50); token > 0; token--) window.push(1 + rng.below(90));
    window.push(END);
  }
  return window.slice(0, length);
}

/** Puts a document that was cut back together; undefined where it was left as it is. */
function mended(piece: readonly number[]): number[] | undefined {
  if (piece[0] !== FIM.prefix) return undefined;
  const suffix = piece.indexOf(FIM.suffix);
  const middle = piece.indexOf(FIM.middle);
  const [before, after, between] = [piece.slice(1, suffix), piece.slice(suffix + 1, middle), piece.slice(middle + 1)];
  // the suffix-first form has nothing before the suffix, and what comes before it in front of the middle
  return [...before, ...between, ...after];
}

test('filling in loses nothing but the end of the window, and every token counts', () => {
  const infill = createInfill(FIM);
  const forms = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const rng = Rng.fromSeed(seed);
    const window = windowOf(rng, 65);
    const { tokens, counted } = infill(window, rng);
    expect(tokens).toHaveLength(65);
    expect([...counted]).toEqual(Array.from({ length: 64 }, () => 1));
    const written = cutDocuments(tokens, END);
    const pieces = cutDocuments(window, END);
    for (const [index, piece] of written.slice(0, -1).entries()) {
      const original = (pieces[index] ?? []).filter((token) => token !== END);
      const text = piece.filter((token) => token !== END);
      const whole = mended(text);
      forms.add(whole === undefined ? 'as it is' : text[1] === FIM.suffix ? 'SPM' : 'PSM');
      expect(whole ?? text).toEqual(original);
    }
  }
  expect([...forms].sort()).toEqual(['PSM', 'SPM', 'as it is']);
});

test('spans that were taken out can be put back, and both sides fit', () => {
  const rules = { sentinels: SENTINELS, endOfText: END };
  const length = textLengthFor(64, rules);
  expect(length).toBeGreaterThan(64);
  for (let seed = 0; seed < 100; seed++) {
    const rng = Rng.fromSeed(seed);
    const text = Array.from({ length }, () => 1 + rng.below(90));
    const { source, target } = corruptSpans(text, rules, rng);
    expect(Math.max(source.length, target.length)).toBeLessThanOrEqual(64);
    const spans = new Map<number, number[]>();
    let open: number[] = [];
    for (const token of target.slice(0, -1)) {
      if (token >= 200) spans.set(token, (open = []));
      else open.push(token);
    }
    expect(source.slice(0, -1).flatMap((token) => spans.get(token) ?? [token])).toEqual(text);
    const taken = [...spans.values()].flat().length;
    expect(taken).toBe(Math.round(0.15 * length));
  }
});

test('a share of spans as long as asked, and never more than there are sentinels', () => {
  const rng = Rng.fromSeed(3);
  const text = Array.from({ length: 400 }, (_, index) => 1 + (index % 90));
  const { target } = corruptSpans(text, { sentinels: SENTINELS.slice(0, 4), endOfText: END, noiseDensity: 0.5 }, rng);
  expect(target.filter((token) => token >= 200)).toEqual([200, 201, 202, 203]);
  expect(target.filter((token) => token > 0 && token < 200)).toHaveLength(200);
});

const endsSentence = (token: number): boolean => token === 9;

test('sentences come back in their own order, never asked in it', () => {
  const permute = createSentencePermutation({ shuffled: 101, restored: 102, endOfText: END, endsSentence });
  for (let seed = 0; seed < 50; seed++) {
    const rng = Rng.fromSeed(seed);
    const window = [1, 2, 9, 3, 4, 5, 9, 6, 9, END, 7, 8, 9, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7].slice(0, 25);
    window[24] = END;
    const { tokens, counted } = permute(window, rng);
    expect(tokens).toHaveLength(window.length);
    const [start, middle] = [tokens.indexOf(101), tokens.indexOf(102)];
    const asked = tokens.slice(start + 1, middle);
    const answer = tokens.slice(middle + 1, middle + 1 + asked.length);
    expect(answer).not.toEqual(asked);
    expect([...answer].sort()).toEqual([...asked].sort());
    expect(window.join(',')).toContain(answer.join(','));
    // what is asked is not learned, the answer and its end are
    expect(counted.reduce((a, b) => a + b)).toBe(answer.length + 1);
    expect(counted[middle]).toBe(1);
    expect(counted[middle - 1]).toBe(0);
  }
});

test('one sentence cannot be shuffled and is learned as it is', () => {
  const permute = createSentencePermutation({ shuffled: 101, restored: 102, endOfText: END, endsSentence });
  const window = [1, 2, 3, 4, 5, 6, 7, 8];
  expect(permute(window, Rng.fromSeed(1))).toEqual(asItIs(window, Rng.fromSeed(1)));
  expect(shuffleSentences([[1], [2]], Rng.fromSeed(1))).toEqual([[2], [1]]);
});

test('sentences end where their last bytes say so', () => {
  const spelled = ['a', 'end.', '好。', '？', 'x\n', '。b', ''].map((text) => Buffer.from(text));
  const ends = sentenceEnds(spelled.length, (id) => spelled[id] as Buffer);
  expect(spelled.map((_, id) => ends(id))).toEqual([false, true, true, true, true, false, false]);
  expect(cutSentences([0, 1, 0, 0, 2, 0], ends)).toEqual([[0, 1], [0, 0, 2], [0]]);
});

test('shares decide how often each is drawn', () => {
  const mark = (token: number) => (window: readonly number[]) => ({
    ...asItIs(window, Rng.fromSeed(0)),
    tokens: [token],
  });
  const draw = drawRewrite([
    { rewrite: mark(1), share: 3 },
    { rewrite: mark(2), share: 1 },
  ]);
  const rng = Rng.fromSeed(5);
  const drawn = Array.from({ length: 4000 }, () => draw([1, 2], rng).tokens[0]);
  expect(drawn.filter((token) => token === 2).length / 4000).toBeCloseTo(0.25, 1);
});

test('objectives are read with their weights, and refused where they do not fit', () => {
  expect(readObjectives('causal')).toEqual({ causal: 1 });
  expect(readObjectives('causal=0.7, infill=0.3')).toEqual({ causal: 0.7, infill: 0.3 });
  expect(readObjectives('causl')).toMatch(/"causl" is not one of causal, masked/);
  expect(readObjectives('infill=0')).toMatch(/must be a number above 0/);
  expect(readObjectives('infill, infill=2')).toMatch(/named twice/);
  expect(tokensFor({ causal: 1, infill: 1 }, 'causal')).toContain('<|fim_middle|>');
  expect(() => tokensFor({ masked: 1 }, 'causal')).toThrow(
    'train.objective: "masked" is not for a model that predicts the next token',
  );
});
