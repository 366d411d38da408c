import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Clock } from '../../../base/clock.js';
import { createNearestTexts } from '../../eval/retrieval/nearest-text.js';
import { runTask } from '../run-task.js';
import { fitTranslator, translateAll } from './fit-translator.js';
import { translation } from './task.js';

const ENGLISH = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
const GERMAN = ['eins', 'zwei', 'drei', 'vier', 'fünf', 'sechs', 'sieben', 'acht', 'neun', 'zehn'];
const pairs = ENGLISH.flatMap((en, i) => [
  { source: en, target: GERMAN[i] as string },
  { source: `the ${en}`, target: `die ${GERMAN[i]}` },
  { source: `no ${en}`, target: `keine ${GERMAN[i]}` },
]);

/** Moves a fixed time at every look, so that a run has as many steps on every machine. */
function tickingClock(stepMs: number): Clock {
  let time = 0;
  return { now: () => 0, monotonic: () => (time += stepMs) };
}

const sizes = { seconds: 60, vocabularySize: 300, width: 64, layers: 1, dropout: 0 };

test('learns its pairs by heart', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-translate-'));
  try {
    const said: string[] = [];
    const onProgress = (_: number, text: string): void => void said.push(text);
    const context = { folder, clock: tickingClock(120), seed: 3, threads: 1, onProgress };
    const translator = await fitTranslator(pairs, pairs.slice(0, 6), sizes, context);
    expect(translator.steps).toBeGreaterThan(40);
    expect(said.at(-1)).toMatch(/^step \d+, loss [\d.]+, validation [\d.]+$/);
    const made = await translateAll(
      translator,
      pairs.map(({ source }) => source),
    );
    expect(made.filter((text, row) => text === pairs[row]?.target).length / made.length).toBeGreaterThan(0.7);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('from a file to a report and back from its folder, sentences like known ones from memory', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-translation-'));
  try {
    const file = path.join(root, 'pairs.jsonl');
    const records = pairs.map(({ source, target }) => ({ en: source, de: target }));
    await writeFile(file, [...records, { en: 'x', de: '' }].map((record) => `${JSON.stringify(record)}\n`).join(''));
    const data = { file, fields: { target: 'de' } };
    const options = {
      seed: 2,
      threads: 1,
      clock: tickingClock(4000),
      resamples: 60,
      data,
      settings: { ...sizes, seconds: '60' },
    };
    const { report, model, sides, outputs } = await runTask(translation, options);
    expect(report.data.leftOut).toMatchObject({
      count: 1,
      shown: [expect.stringMatching(/pairs\.jsonl:31: target: the target is empty/)],
    });
    expect(report.scores.map(({ metric }) => metric)).toContain('BLEU into others');
    expect(report.scores[0]?.signature).toMatch(/nc:6\|nw:0/);
    expect(report.peers.map(({ name }) => name)).toEqual([
      'copy of the source',
      'translation of the nearest training sentence',
    ]);
    const folder = await mkdtemp(path.join(root, 'model-'));
    await model.save(folder);
    const loaded = await translation.load(folder, { ...options, settings: translation.settings.parse({}) });
    expect(await loaded.predict(sides.test)).toEqual(outputs);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('the nearest text is the one that shares most', () => {
  const nearest = createNearestTexts(['install a package', 'remove a package', 'read the manual']);
  expect(nearest.find('how to remove packages')).toMatchObject({ index: 1 });
  expect(nearest.find('install a package')).toEqual({ index: 0, similarity: expect.closeTo(1, 9) });
  expect(nearest.find('ß')).toBeUndefined();
});
