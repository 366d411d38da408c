/** The example's own functions at toy size: numbers from English to German, a language of ten words. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DEFAULTS, readPairs, splitPairs, train, translate } from '../../examples/translate.js';

const ENGLISH = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const GERMAN = ['eins', 'zwei', 'drei', 'vier', 'fünf', 'sechs', 'sieben', 'acht', 'neun', 'zehn'];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'translate-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function write(name: string, lines: readonly unknown[]): Promise<string> {
  const file = path.join(folder, name);
  await writeFile(file, lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n'));
  return file;
}

/** Moves a fixed time at every look, so that a run has as many steps on every machine. */
function tickingClock(stepMs: number): () => number {
  let time = 0;
  return () => (time += stepMs);
}

test('learns its pairs by heart, and reports on those it has not seen', async () => {
  const lines = ENGLISH.flatMap((en, i) => [
    { en, de: GERMAN[i] },
    { en: `the ${en}`, de: `die ${GERMAN[i]}` },
    { en: `no ${en}`, de: `keine ${GERMAN[i]}` },
  ]);
  const pairs = splitPairs(await readPairs(await write('numbers.jsonl', lines), 'en', 'de'), 3);
  expect(pairs.train).not.toContainEqual(pairs.heldOut[0]);
  const printed: string[] = [];
  const sizes = { vocabularySize: 290, width: 64, layers: 1, dropout: 0, tokensPerBatch: 128 };
  const settings = { ...DEFAULTS, ...sizes, evaluateEvery: 10, minutes: 1 };
  const print = (line: string): void => void printed.push(line);
  const translator = await train(pairs, settings, { folder, print, now: tickingClock(200) });
  expect(translator.steps).toBeGreaterThan(40);
  expect(printed.some((line) => /step 10, epoch \d+: loss [\d.]+, held out [\d.]+$/.test(line))).toBe(true);
  expect(translator.heldOutLoss).toBeLessThan(2);
  const translations = await translate(
    translator,
    pairs.train.map(({ source }) => source),
  );
  const right = translations.filter((translation, index) => translation === pairs.train[index]?.target);
  expect(right.length / translations.length).toBeGreaterThan(0.7);
});

test('refuses files it cannot use, naming the line', async () => {
  const good = Array.from({ length: 30 }, (_, i) => ({ en: `text ${i}`, zh: `文 ${i}` }));
  const noField = await write('a.jsonl', [...good, { en: 'x' }]);
  await expect(readPairs(noField, 'en', 'zh')).rejects.toMatchObject({
    message: expect.stringContaining('a.jsonl:31'),
  });
  const noJson = await write('b.jsonl', [...good.slice(0, 4), '{"en":']);
  await expect(readPairs(noJson, 'en', 'zh')).rejects.toMatchObject({ message: expect.stringContaining('b.jsonl:5') });
  const few = await write('c.jsonl', [good[0], good[0], { en: ' ', zh: 'x' }]);
  await expect(readPairs(few, 'en', 'zh')).rejects.toMatchObject({ code: 'bad-pairs' });
});
