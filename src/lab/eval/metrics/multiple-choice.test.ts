import { expect, it } from 'vitest';
import { type Choice, corpusPerplexities, multipleChoice, scoreChoices } from './multiple-choice.js';

const choice = (text: string, logLikelihood: number, unconditional?: number): Choice => ({
  text,
  logLikelihood,
  ...(unconditional === undefined ? {} : { unconditional }),
});

it("the harness's own vector: two choices tie in mutual information, and the first is taken", () => {
  const choices = [choice('A', -1, -0.5), choice('B', -2, -2), choice('C', -3, -3)];
  expect(scoreChoices({ choices, gold: 1 })).toMatchObject({ acc: 0, accMutualInfo: 1 });
  expect(scoreChoices({ choices, gold: 0 })).toMatchObject({ acc: 1, accMutualInfo: 0 });
  expect(scoreChoices({ choices, gold: [1, 0] })).toMatchObject({ acc: 1, accMutualInfo: 1 });
});

it('characters and bytes are different lengths', () => {
  // -4 ÷ 2 code points is less than -6 ÷ 4, and -4 ÷ 8 bytes is more than -6 ÷ 4
  const choices = [choice('𠮷𠮷', -4), choice('four', -6)];
  expect(scoreChoices({ choices, gold: 1 })).toEqual({ acc: 0, accNorm: 1, accBytes: 0 });
});

it('means with standard errors', () => {
  const item = (gold: number) => ({ choices: [choice('yes', -1), choice('no', -2)], gold });
  const { count, acc, accMutualInfo } = multipleChoice([item(0), item(0), item(1), item(0)]);
  expect([count, acc.mean, accMutualInfo]).toEqual([4, 0.75, undefined]);
  expect(acc.standardError).toBeCloseTo(0.25, 12);
});

it('perplexities are those of the harness', () => {
  const { perText, perWord, perByte, bitsPerByte } = corpusPerplexities([
    { logLikelihood: -10, words: 4, bytes: 20 },
    { logLikelihood: -20, words: 6, bytes: 35 },
  ]);
  expect(perText).toBeCloseTo(Math.exp(15), 6);
  expect(perWord).toBeCloseTo(20.085537, 6);
  expect(perByte).toBeCloseTo(1.725392, 6);
  expect(bitsPerByte).toBeCloseTo(0.786925, 6);
});

it('refuses items that cannot be scored', () => {
  const one = [choice('a', -1)];
  expect(() => scoreChoices({ choices: [], gold: 0 })).toThrow(/no choices/);
  expect(() => scoreChoices({ choices: one, gold: 1 })).toThrow(/right choice 1 is not among 0 to 0/);
  expect(() => scoreChoices({ choices: one, gold: [] })).toThrow(/not among/);
  expect(() => scoreChoices({ choices: [choice('a', Number.NaN)], gold: 0 })).toThrow(/choice 0 has no log-likelihood/);
  expect(() => scoreChoices({ choices: [choice('', -1)], gold: 0 })).toThrow(/choice 0 is empty/);
  expect(() => multipleChoice([])).toThrow(/no multiple-choice items/);
  expect(() => corpusPerplexities([])).toThrow(/no texts/);
});
