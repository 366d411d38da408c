import { expect, test } from 'vitest';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { measureWriting } from './writing.js';

const options = { samples: 3, maxTokens: 40, temperature: 1, seed: 1 };

test('what is written is measured beside the documents it was to continue', async () => {
  const counting = Array.from({ length: 80 }, (_, n) => `${n} `).join('');
  const test = [
    'one two three four five six seven eight',
    'short',
    '春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。',
    'a b c d e f g h',
  ];
  const report = await measureWriting(scriptedEngine(), { ...options, test, training: [`before ${counting}`] });
  // one that is too short has no beginning and is passed over
  expect(report.shown.map(({ prompt }) => prompt)).toEqual([
    'one two three four five six',
    '春眠不觉晓，处处闻啼鸟。',
    'a b c d e f',
  ]);
  expect(report.model).toMatchObject({
    texts: 3,
    repetition: 0,
    distinct: [expect.closeTo(1 / 3, 9), expect.closeTo(1 / 3, 9), expect.closeTo(1 / 3, 9)],
  });
  // the script counts from 0, as the training text does
  expect(report.model.recited).toBeGreaterThan(0.95);
  expect(report.model.longestRecited).toContain('0 1 2 3');
  expect(report.people.recited).toBe(0);
  expect(report.ended).toMatchObject({ share: 0, low: expect.closeTo(0, 9) });
  expect(report.outputTokens).toBe(120);
});
