import { expect, it } from 'vitest';
import { changedSettings, writtenSettings } from './run-settings.js';

const before = { 'train.minutes': 10, 'train.learningRate': 0.02, 'train.optimizer': 'muon', 'train.seed': 1 } as const;

it('sends what was changed, numbers as numbers, and what is none as it stands', () => {
  const written = { ...writtenSettings(before), 'train.learningRate': ' 0.01 ', 'train.batchSize': 'many' };
  expect(changedSettings(before, written)).toEqual({ 'train.learningRate': 0.01, 'train.batchSize': 'many' });
  expect(changedSettings(before, writtenSettings(before))).toEqual({});
});

it('a text of digits stays a text, and an emptied field is left to the defaults', () => {
  const written = { ...writtenSettings(before), 'train.samplePrompt': '42', 'train.seed': '' };
  expect(changedSettings(before, written)).toEqual({ 'train.samplePrompt': '42' });
});

it('the budget goes whole: a limit that stays beside a new one, or falls away', () => {
  const both = { ...writtenSettings(before), 'train.steps': '300' };
  expect(changedSettings(before, both)).toEqual({ 'train.steps': 300, 'train.minutes': 10 });
  expect(changedSettings(before, { ...both, 'train.minutes': '' })).toEqual({ 'train.steps': 300 });
});
