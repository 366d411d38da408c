import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeQuestions } from '../../../../examples/extraction.js';
import { systemClock } from '../../../base/clock.js';
import { Rng } from '../../../base/rng.js';
import { readExamples } from '../read-examples.js';
import { runTask } from '../run-task.js';
import { candidatesOf } from './span-features.js';
import { extraction } from './task.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'extraction-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

async function fileOf(records: readonly unknown[]): Promise<string> {
  const file = path.join(folder, 'records.jsonl');
  await writeFile(file, records.map((record) => JSON.stringify(record)).join('\n'));
  return file;
}

/** Little manuals: which tool does what, since when and where its settings are. */
function manual(rng: Rng, index: number): string {
  const name = (): string =>
    Array.from({ length: 2 + rng.below(2) }, () => 'ka lo mi ru te so ve dan pil gor'.split(' ')[rng.below(10)]).join(
      '',
    );
  const [tool, author, folderName] = [name(), name(), name()];
  const capital = author.slice(0, 1).toUpperCase() + author.slice(1);
  return [
    `This is chapter ${index} of the handbook for people who run machines.`,
    `The program was first written by ${capital} in the year ${1980 + rng.below(40)} and has been kept well.`,
    `Its settings are read from /etc/${folderName}/${tool}.conf when the machine starts.`,
    `软件的配置文件放在目录 ${folderName} 下面，可以随时修改。`,
  ].join(' ');
}

test('stretches are found in texts never seen, what is not there is refused, and the model is the same when loaded', async () => {
  const rng = Rng.fromSeed(2);
  const records = Array.from({ length: 60 }, (_, index) =>
    makeQuestions(manual(rng, index), `manual ${index}`, rng),
  ).flat();
  const run = await runTask(extraction, {
    data: { file: await fileOf(records) },
    seed: 1,
    threads: 1,
    clock: systemClock,
    settings: { maxIterations: 30 },
    resamples: 60,
  });
  const [f1, exact, , refusals] = run.report.scores.map(({ value }) => value) as [number, number, number, number];
  expect(f1).toBeGreaterThan(0.7);
  expect(exact).toBeGreaterThan(0.6);
  expect(refusals).toBeGreaterThan(0.5);
  expect(run.report.peers.map(({ comparison }) => comparison.verdict)).toEqual(['better', 'better']);
  for (const [index, { context }] of run.sides.test.entries()) {
    const { answer, start, end } = run.outputs[index] ?? { answer: 'missing', start: 0, end: 0 };
    expect(context.slice(start, end)).toBe(answer);
  }
  await run.model.save(folder);
  const loaded = await extraction.load(folder, {
    settings: extraction.settings.parse({}),
    seed: 1,
    threads: 1,
    clock: systemClock,
  });
  expect(await loaded.predict(run.sides.test)).toEqual(run.outputs);
});

test('the stretch that was asked for is among those that are looked at', () => {
  const context = 'Debian is free. Its settings are in /etc/apt/sources.list since 1998 (see “the manual”).';
  const spans = candidatesOf('what are the settings in', context).spans.map(({ start, end }) =>
    context.slice(start, end),
  );
  expect(spans).toEqual(expect.arrayContaining(['/etc/apt/sources.list', '1998', 'the manual', 'Debian']));
  expect(candidatesOf('what', '。。。').spans).toEqual([]);
});

test('SQuAD’s forms are read: lists, starts, no answer', async () => {
  const context = 'Ada wrote it in 1843.';
  const file = await fileOf([
    { question: 'who?', context, answers: { text: ['Ada', 'Ada wrote'], answer_start: [0, 0] } },
    { question: 'when?', context, answers: [{ text: '1843', answer_start: 16 }] },
    { question: 'who', context, answer: 'Ada' },
    { question: 'where?', context, answers: [] },
  ]);
  const { examples } = await readExamples(file, extraction);
  expect(examples.map(({ answers }) => answers)).toEqual([
    [
      { start: 0, end: 3 },
      { start: 0, end: 9 },
    ],
    [{ start: 16, end: 20 }],
    [{ start: 0, end: 3 }],
    [],
  ]);
});

test.each([
  [{ question: 'q', context: 'Ada', answers: ['Bob'] }, '"Bob" is nowhere in the context'],
  [{ question: 'q', context: 'Ada', answers: [{ text: 'Ada', start: 1 }] }, 'does not stand in the context at 1'],
  [{ question: 'q', context: ' ', answers: [] }, 'the context is empty'],
  [{ question: '', context: 'Ada', answers: [] }, 'the question is empty'],
])('%j is refused in one line', async (record, problem) => {
  await expect(readExamples(await fileOf([record]), extraction)).rejects.toThrow(problem);
});

test('nothing to learn from is said', () => {
  const none = { question: 'q', context: 'c', answers: [] };
  expect(extraction.problem?.({ train: [none], validation: [], test: [none] })).toContain('no training example');
});
