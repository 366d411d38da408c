import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../../base/clock.js';
import { makeTexts } from '../../../../examples/entities.js';
import { readExamples } from '../read-examples.js';
import { runTask } from '../run-task.js';
import { type EntityExample, type EntityOutput, entities } from './task.js';
import { textTokens } from '../text-tokens.js';
import { spansOf, tagsOf } from './labelled-spans.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'entities-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fileOf(records: readonly unknown[]): Promise<string> {
  const file = path.join(folder, 'records.jsonl');
  await writeFile(file, records.map((record) => JSON.stringify(record)).join('\n'));
  return file;
}

test('every span of the made texts becomes tags and comes back', () => {
  for (const { text, entities: spans } of makeTexts(2, 5)) {
    const tokens = textTokens(text);
    expect(tokens.map(({ text: token }) => token).join('')).toBe(text.replaceAll(/\s/gu, ''));
    const tags = tagsOf(tokens, spans);
    expect(tags && spansOf(tokens, tags)).toEqual(spans);
  }
});

test('tokens are cut where scripts, digits and signs change, and cost no more than their text is long', () => {
  const words = (text: string): string[] => textTokens(text).map(({ text: token }) => token);
  expect(words("王芳 paid ¥30.50, didn't she?")).toEqual([
    '王',
    '芳',
    'paid',
    '¥',
    '30',
    '.',
    '50',
    ',',
    'didn',
    "'",
    't',
    'she',
    '?',
  ]);
  expect(words('iPhone手机4G')).toEqual(['iPhone', '手', '机', '4', 'G']);
  expect(words('a'.repeat(100_000))).toHaveLength(1);
});

test('a tagger finds names it never saw in sentences it never saw, and is the same when loaded', async () => {
  const file = await fileOf(makeTexts(4, 1));
  const run = await runTask(entities, {
    data: { file },
    seed: 1,
    threads: 1,
    clock: systemClock,
    settings: { maxIterations: 30 },
    resamples: 60,
  });
  const groups = (examples: readonly EntityExample[]): Set<string | undefined> =>
    new Set(examples.map(({ group }) => group));
  const [known, asked] = [groups(run.sides.train), groups(run.sides.test)];
  expect([...asked].filter((group) => known.has(group))).toEqual([]);
  const [best] = run.report.scores;
  expect(best?.metric).toBe('entity F1');
  expect(best?.value).toBeGreaterThan(0.6);
  expect(run.report.peers.map(({ comparison }) => comparison.verdict)).toEqual(['better', 'better']);

  await run.model.save(folder);
  const context = { settings: entities.settings.parse({}), seed: 1, threads: 1, clock: systemClock };
  const loaded = await entities.load(folder, context);
  expect(await loaded.predict(run.sides.test)).toEqual(run.outputs);
  const [answer] = (await loaded.predict([
    { text: '请联系王秀英，电话 +1 555 0150。', entities: [] },
  ])) as EntityOutput[];
  expect(answer?.entities.map(({ text, label }) => [text, label])).toContainEqual(['王秀英', 'PERSON']);
});

test('tagged lists as CoNLL has them are texts with entities', async () => {
  const file = await fileOf([
    { tokens: ['Ada', 'Lovelace', 'wrote', 'it'], ner_tags: ['B-PER', 'I-PER', 'O', 'O'] },
    { tokens: ['王', '芳', '在', '杭', '州'], tags: ['B-PER', 'I-PER', 'O', 'B-LOC', 'I-LOC'] },
  ]);
  const { examples } = await readExamples(file, entities);
  expect(examples[0]).toMatchObject({ text: 'Ada Lovelace wrote it', entities: [{ start: 0, end: 12, label: 'PER' }] });
  expect(examples[1]).toMatchObject({
    text: '王芳在杭州',
    entities: [
      { start: 0, end: 2 },
      { start: 3, end: 5 },
    ],
  });
});

test.each([
  [{ text: 'Ada wrote', entities: [{ start: 0, end: 20, label: 'PER' }] }, 'outside the text of 9 characters'],
  [
    {
      text: 'Ada wrote',
      entities: [
        { start: 0, end: 3, label: 'PER' },
        { start: 2, end: 9, label: 'X' },
      ],
    },
    'overlaps the one before it',
  ],
  [{ text: 'Ada wrote', entities: [{ start: 0, end: 2, label: 'PER' }] }, '"Ad" (PER) begins or ends within a word'],
  [{ tokens: ['Ada'], tags: ['B-PER', 'O'] }, '1 tokens and 2 tags'],
  [{ tokens: ['Ada'], tags: ['X-PER'] }, 'neither O nor B-'],
])('%j is refused in one line', async (record, problem) => {
  await expect(readExamples(await fileOf([record]), entities)).rejects.toThrow(problem);
});

test('a label that training never saw, and examples without any, are refused', () => {
  const ada = { text: 'Ada', entities: [{ start: 0, end: 3, label: 'PER' }] };
  const oslo = { text: 'Oslo', entities: [{ start: 0, end: 4, label: 'LOC' }] };
  const problem = (train: EntityExample[], test: EntityExample[]) =>
    entities.problem?.({ train, validation: [], test });
  expect(problem([ada], [oslo])).toContain('the label "LOC" stands in the test');
  expect(problem([{ text: 'no', entities: [] }], [ada])).toContain('no training example has an entity');
  expect(problem([ada], [ada])).toBeUndefined();
});
