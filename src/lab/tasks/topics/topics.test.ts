import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { manualClock } from '../../../base/clock.js';
import { Rng } from '../../../base/rng.js';
import { runTask } from '../run-task.js';
import { topics } from './task.js';

const WORDS: Readonly<Record<string, string>> = {
  'sport/football': 'goal striker penalty keeper corner',
  'sport/tennis': 'serve racket ace volley baseline',
  'money/markets': 'shares index bonds yields traders',
  health: 'vaccine clinic nurses patients dose',
};

test('a text gets all its topics and what stands above them, from a file to an answer', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-topics-'));
  try {
    const rng = Rng.fromSeed(2);
    const names = Object.keys(WORDS);
    const pick = <T>(items: readonly T[]): T => items[rng.below(items.length)] as T;
    const records = Array.from({ length: 300 }, () => {
      const labels = [...new Set([pick(names), pick(names)])];
      const words = labels.flatMap((label) => Array.from({ length: 6 }, () => pick((WORDS[label] ?? '').split(' '))));
      return { text: rng.shuffle(words).join(' '), topics: labels.join(';') };
    });
    const file = path.join(root, 'news.jsonl');
    await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const options = { seed: 1, threads: 1, clock: manualClock(), resamples: 60, data: { file } };
    const { report, model, sides, outputs } = await runTask(topics, options);
    expect(sides.train.find(({ labels }) => labels.includes('sport/tennis'))?.labels).toContain('sport');
    expect(report.scores.map(({ metric }) => metric)).toEqual([
      'macro-F1',
      'micro-F1',
      'all labels right',
      'Hamming loss',
    ]);
    expect(report.scores[0]?.value).toBeGreaterThan(0.95);
    expect(report.peers[1]?.comparison.verdict).toBe('better');
    const folder = await mkdtemp(path.join(root, 'model-'));
    await model.save(folder);
    const loaded = await topics.load(folder, { ...options, settings: topics.settings.parse({}) });
    expect(await loaded.predict(sides.test)).toEqual(outputs);
    const [answer] = await loaded.predict([topics.question.parse({ text: 'striker penalty keeper goal' })]);
    expect(answer?.labels).toEqual(['sport', 'sport/football']);
  } finally {
    await rm(root, { recursive: true });
  }
});
