import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, test } from 'vitest';
import { makeTinyModel } from '../../../../tests/tiny-model.js';
import { manualClock } from '../../../base/clock.js';
import { measureModel } from '../measure-model.js';
import { withTaskNames } from '../read-examples.js';
import { runTask } from '../run-task.js';
import { type GivenChoice, choiceBaselines, contextOf, multipleChoice } from './task.js';

const read = (record: Readonly<Record<string, unknown>>) =>
  multipleChoice.example.safeParse(withTaskNames(record, multipleChoice.fieldNames, {}));

it('reads the shapes that published sets have', () => {
  const expected = { question: 'q', choices: ['x', 'y', 'z'], answer: 1 };
  for (const record of [
    { question: 'q', choices: ['x', 'y', 'z'], answer: 1 },
    { question: 'q', choices: ['x', 'y ', 'z'], answer: 'b' },
    { question: 'q', options: ['x', 'y', 'z'], gold: '1' },
    { question: 'q', choices: { text: ['x', 'y', 'z'], label: ['1', '2', '3'] }, answerKey: '2' },
    { ctx: 'q', endings: ['x', 'y', 'z'], label: '1' },
    { question: 'q', A: 'x', B: 'y', C: 'z', answer: 'B' },
    { 题目: 'q', 选项: ['x', 'y', 'z'], 答案: 'y' },
  ])
    expect(read(record).data).toEqual(expected);
  // a number that is a choice is meant as one
  expect(read({ question: 'q', choices: ['2', '1', '0'], answer: '2' }).data?.answer).toBe(0);
});

it('says what is wrong with a record', () => {
  const problem = (record: Readonly<Record<string, unknown>>) => read(record).error?.issues[0]?.message;
  expect(problem({ question: ' ', choices: ['x', 'y'], answer: 0 })).toBe('no question');
  expect(problem({ question: 'q', answer: 0 })).toMatch(/no choices: a list, or columns/);
  expect(problem({ question: 'q', choices: ['x'], answer: 0 })).toBe('there are fewer than two choices');
  expect(problem({ question: 'q', choices: ['x', ' '], answer: 0 })).toBe('a choice is empty');
  for (const answer of [2, -1, 0.5, 'E', '', undefined])
    expect(problem({ question: 'q', choices: ['x', 'y'], answer })).toBe('the answer is none of the 2 choices');
});

test('a template has one question and ends with the choice', () => {
  expect(contextOf('Q: {question}\nA: {choice}', 'costs $& and {choice}?')).toBe('Q: costs $& and {choice}?\nA: ');
  const refuse = (template: string) => multipleChoice.settings.safeParse({ template }).error?.issues[0]?.message;
  expect(refuse('{choice}')).toMatch(/no \{question\}/);
  expect(refuse('{question} {choice}.')).toMatch(/does not end with \{choice\}/);
});

test('a model behind an API is read by its letter', () => {
  const chosen = (answer: string) => multipleChoice.asked?.read(answer, { train: [], validation: [] })?.acc;
  expect(['B', 'Answer: C.', '(A)', '答案是D'].map(chosen)).toEqual([1, 2, 0, 3]);
  expect(chosen('Berlin')).toBeUndefined();
});

test('chance and the longest choice stand beside a model’s folder; nothing is fitted', async () => {
  const tiny = await makeTinyModel();
  const root = await mkdtemp(path.join(tmpdir(), 'moat-choices-'));
  try {
    const file = path.join(root, 'choices.jsonl');
    const records = [
      { question: 'the quick brown', choices: ['fox', 'dog jumps', 'lazy'], answer: 1 },
      { question: '敏捷的', choices: ['狐狸', '懒狗跳过狐狸'], answer: 0 },
      { question: 'the lazy', choices: ['dog', 'brown', 'the', 'over'], answer: 'A' },
    ];
    await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const options = { seed: 1, threads: 1, clock: manualClock(), resamples: 40 };
    const context = { ...options, settings: multipleChoice.settings.parse({}) };
    let given: readonly GivenChoice[] = [];
    const report = await measureModel(multipleChoice, {
      ...options,
      file,
      model: async () => {
        const model = await multipleChoice.load(tiny.directory, context);
        return { predict: async (questions) => (given = await model.predict(questions)).slice() };
      },
      peers: choiceBaselines.map(({ name, predictor }) => ({ name, open: async () => predictor })),
    });
    expect(report.scores.map(({ metric }) => metric)).toEqual(['acc', 'acc_norm', 'acc_bytes', 'acc_mutual_info']);
    const right = given.filter(({ acc }, row) => acc === [1, 0, 0][row]).length;
    expect(report.scores[0]?.value).toBeCloseTo(right / 3, 12);
    expect(report.peers.map(({ scores }) => scores[0]?.value)).toEqual([
      expect.closeTo((1 / 3 + 1 / 2 + 1 / 4) / 3, 12),
      expect.closeTo(1 / 3, 12),
    ]);
    await expect(runTask(multipleChoice, { ...options, data: { file } })).rejects.toMatchObject({ code: 'not-fitted' });
  } finally {
    await rm(root, { recursive: true });
    await tiny.remove();
  }
});
