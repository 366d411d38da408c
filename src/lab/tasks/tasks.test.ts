import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { Rng } from '../../base/rng.js';
import { classification } from './classification/task.js';
import { runTask } from './run-task.js';
import { compareOutputs, drawRows, scoreOutputs } from './score.js';
import { clustersOf, splitExamples, withoutTestCopies } from './split-examples.js';
import { readSeen, readTaskCard, saveTaskModel } from './task-folder.js';
import type { TaskReport } from './task-report.js';
import type { Metric } from './task.js';
import { tabular } from './tabular/task.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-tasks-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const options = { seed: 1, threads: 1, clock: manualClock(), resamples: 50 };

const GOOD = '很好 满意 喜欢 超值 精美'.split(' ');
const BAD = '太差 失望 退货 破损 难用'.split(' ');
const THINGS = '包装 物流 客服 屏幕 电池 键盘 声音 颜色 价格 手感 质量 外观'.split(' ');

/** Reviews whose words tell the label nine times of ten. */
function reviews(count: number): { text: string; label: string }[] {
  const rng = Rng.fromSeed(5);
  const pick = (words: readonly string[]): string => words[rng.below(words.length)] as string;
  return Array.from({ length: count }, () => {
    const isGood = rng.below(2) === 0;
    const words = rng.below(10) === 0 ? !isGood : isGood;
    const clauses = Array.from(
      { length: 3 + rng.below(3) },
      () => pick(THINGS) + pick(THINGS) + pick(words ? GOOD : BAD),
    );
    return { text: clauses.join('，'), label: isGood ? 'pos' : 'neg' };
  });
}

async function fileOf(name: string, records: readonly object[]): Promise<string> {
  const file = path.join(root, name);
  await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return file;
}

describe('learning in one language, measuring in another', () => {
  const rng = Rng.fromSeed(8);
  const word = (): string => Array.from({ length: 7 }, () => String.fromCodePoint(97 + rng.below(26))).join('');
  const english = (label: string) => ({
    text: `The ${word()} ${word()} ${label === 'pos' ? 'good' : 'bad'} ${word()} ${word()}`,
    label,
  });
  it('keeps each side to its language, and each test example to its place', async () => {
    const both = [...reviews(150), ...reviews(150).map(({ label }) => english(label))];
    const file = await fileOf('both.jsonl', both);
    const data = { file, trainLanguage: 'en', testLanguage: 'zh' } as const;
    const { sides } = await runTask(classification, { ...options, data });
    expect(sides.train.every(({ text }) => text.startsWith('The '))).toBe(true);
    expect(sides.validation.every(({ text }) => text.startsWith('The '))).toBe(true);
    expect(sides.test.some(({ text }) => text.startsWith('The '))).toBe(false);
    expect(sides.facts).toMatchObject({ train: sides.train.length, test: sides.test.length });
    for (const [row, place] of sides.testPlaces.entries()) {
      const line = Number(place.split(':')[1]);
      expect(sides.test[row]).toEqual(both[line - 1]);
    }
  });

  it('says when nothing of a language is left', async () => {
    const file = await fileOf('chinese.jsonl', reviews(60));
    await expect(runTask(classification, { ...options, data: { file, trainLanguage: 'en' } })).rejects.toThrow(
      'no example is left to train on',
    );
  });
});

describe('a task from a file to a report', () => {
  it('fits, scores beside its baselines, tells groups apart, and comes back from its folder', async () => {
    const records = reviews(600);
    const file = await fileOf('reviews.jsonl', [...records, records[0] as object, { text: '' }, { label: 'pos' }]);
    const { report, model, sides, outputs } = await runTask(classification, { ...options, data: { file } });
    const [f1] = report.scores;
    expect(f1).toMatchObject({ metric: 'macro-F1', better: 'higher' });
    expect(f1?.value).toBeGreaterThan(0.8);
    expect(f1?.low).toBeLessThan(f1?.value as number);
    expect(report.data.leftOut).toEqual({
      count: 2,
      shown: [
        expect.stringMatching(/^reviews\.jsonl:602: text: the text is empty/),
        expect.stringMatching(/:603: text: .*\(seen: label\)$/),
      ],
    });
    expect(report.data.sameTwice).toBeGreaterThanOrEqual(1);
    const majority = report.peers.at(-1);
    expect(majority?.comparison.verdict).toBe('better');
    expect(report.slices.map(({ name }) => name)).toContain('label: pos');
    expect(report.worst).toHaveLength(10);
    expect(report.worst[0]?.place).toMatch(/^reviews\.jsonl:\d+$/);
    const folder = path.join(root, 'models', 'opinion');
    const whole: TaskReport = {
      ...report,
      name: 'opinion',
      versions: {},
      cost: { micros: '0', currency: 'USD', hourlyMicros: '0' },
    };
    const card = {
      schemaVersion: 1 as const,
      task: 'classification',
      settings: report.model.settings,
      seed: 1,
      fields: {},
    };
    const trainedOn = sides.train.map(({ text }) => text);
    await saveTaskModel(folder, card, model, whole, { trainedOn });
    const isSeen = await readSeen(folder);
    expect([isSeen(trainedOn[3] as string), isSeen(sides.test[3]?.text as string)]).toEqual([true, false]);
    expect(await readTaskCard(folder)).toEqual(card);
    const loaded = await classification.load(path.join(folder, 'model'), {
      ...options,
      settings: classification.settings.parse({}),
    });
    expect(await loaded.predict(sides.test)).toEqual(outputs);
  });

  it('keeps rows of a table that are alike together, and beats guessing', async () => {
    const rng = Rng.fromSeed(3);
    const rows = Array.from({ length: 300 }, () => {
      const [income, age] = [rng.below(100), 20 + rng.below(50)];
      const paid = income + rng.below(40) > 60 ? 'yes' : 'no';
      return {
        income: income === 7 ? '' : String(income),
        age: String(age),
        job: ['a', 'b'][rng.below(2)],
        id: `${rng.below(1e9)}`,
        paid,
      };
    });
    const file = await fileOf('rows.jsonl', rows);
    const data = { file, fields: { label: 'paid' } };
    const { report, model, sides } = await runTask(tabular, { ...options, data, settings: { epochs: '5' } });
    expect(report.scores[0]).toMatchObject({ metric: 'ROC AUC' });
    expect(report.scores[0]?.value).toBeGreaterThan(0.85);
    expect(sides.train[0]?.features).not.toHaveProperty('paid');
    const folder = await mkdtemp(path.join(root, 'table-'));
    await model.save(folder);
    const loaded = await tabular.load(folder, { ...options, settings: tabular.settings.parse({}) });
    const [before, after] = [await model.predict(sides.test), await loaded.predict(sides.test)];
    for (const [row, { probabilities }] of after.entries()) {
      expect(probabilities['yes']).toBeCloseTo(before[row]?.probabilities['yes'] as number, 6);
    }
  });
});

describe('what cannot be learned or measured is refused in one line', () => {
  const run = async (records: readonly object[], further: object = {}) =>
    runTask(classification, { ...options, data: { file: await fileOf('bad.jsonl', records), ...further } });

  it.each([
    ['one class', reviews(40).map(({ text }) => ({ text, label: 'pos' })), /all training examples are "pos"/],
    ['no record of the task', [{ a: 1 }], /bad\.jsonl:1: text: .*\(seen: a\)/],
    ['too few', reviews(2), /2 examples are \d different ones/],
  ])('%s', async (_, records, message) => {
    await expect(run(records)).rejects.toThrow(message);
  });

  it('labels unseen in training, broken figures, unknown settings, strictness', async () => {
    const test = await fileOf('test.jsonl', [{ text: '电池很好用啊', label: 'new' }]);
    await expect(run(reviews(60), { testFile: test })).rejects.toThrow(/the label "new" stands in the test/);
    const broken = await fileOf(
      'inf.jsonl',
      [...Array(9).keys()].map((n) => ({ x: n === 3 ? 'Infinity' : String(n), label: String(n % 2) })),
    );
    await expect(runTask(tabular, { ...options, data: { file: broken } })).rejects.toThrow(
      /column "x": "Infinity" is no number/,
    );
    const good = await fileOf('good.jsonl', reviews(60));
    const wrong = runTask(classification, { ...options, data: { file: good }, settings: { depth: '3' } });
    await expect(wrong).rejects.toMatchObject({ code: 'bad-setting' });
    await expect(run([...reviews(30), { text: '' }], { strict: true })).rejects.toThrow(/bad\.jsonl:31/);
  });

  it('looks at the rows that tell when to stop, too', () => {
    const row = (x: string) => ({ features: { x }, label: x.length > 1 ? 'a' : 'b' });
    const sides = { train: [row('1'), row('22')], validation: [row('inf')], test: [row('3')] };
    expect(tabular.problem?.(sides)).toContain('"inf" is no number');
  });
});

describe('sides of a split', () => {
  const near = { textOf: (text: string) => text };
  const letter = (n: number): string =>
    String.fromCharCode(97 + (n % 26)) + String.fromCharCode(97 + Math.floor(n / 26));
  const base = Array.from({ length: 80 }, (_, n) =>
    Array.from({ length: 30 }, (__, k) => `w${letter(n)}x${letter(k)}`).join(' '),
  );

  it('have no near-copies on two sides, and about their shares', () => {
    const texts = base.flatMap((text) => [text, `${text} more`, text.replace('xda ', 'yda ')]);
    const clusters = clustersOf(texts, near);
    expect(new Set(clusters).size).toBe(80);
    const sides = splitExamples(texts, clusters, { validation: 0.1, test: 0.2, seed: 2 });
    const stems = (side: readonly string[]): Set<string> => new Set(side.map((text) => text.slice(0, 3)));
    for (const stem of stems(sides.test)) expect(stems(sides.train).has(stem)).toBe(false);
    expect(sides.test.length).toBeGreaterThanOrEqual(48);
    expect(sides.test.length).toBeLessThanOrEqual(51);
    expect(sides.train.length + sides.validation.length + sides.test.length).toBe(240);
  });

  it('lose training examples that the test has too', () => {
    const { train, removed } = withoutTestCopies([...base.slice(0, 40), `${base[50]} more`], base.slice(45), near);
    expect(train).toEqual(base.slice(0, 40));
    expect(removed).toBe(1);
  });
});

describe('figures and verdicts', () => {
  const share: Metric<number, number> = {
    name: 'share',
    better: 'higher',
    prepare: (examples, outputs) => (rows) =>
      Array.from(rows).filter((row) => examples[row] === outputs[row]).length / rows.length,
  };
  const truth = Array.from({ length: 400 }, (_, n) => n % 2);

  it('an interval has the width that theory gives a share', () => {
    const outputs = truth.map((label, n) => (n % 10 < 8 ? label : 1 - label));
    const [score] = scoreOutputs([share], truth, outputs, drawRows(400, { seed: 1, resamples: 2000 }));
    expect(score?.value).toBe(0.8);
    const half = 1.96 * Math.sqrt((0.8 * 0.2) / 400);
    expect(score?.low).toBeCloseTo(0.8 - half, 1);
    expect(score?.high).toBeCloseTo(0.8 + half, 1);
  });

  it('a difference of one example is not decisive, one of forty is', () => {
    const draws = drawRows(400, { seed: 1 });
    const wrong = (count: number): number[] => truth.map((label, n) => (n < count ? 1 - label : label));
    const compare = (ours: number, theirs: number) =>
      compareOutputs(share, truth, wrong(ours), { name: 'other', outputs: wrong(theirs) }, draws).verdict;
    expect(compare(40, 41)).toBe('not decisive');
    expect(compare(40, 80)).toBe('better');
    expect(compare(80, 40)).toBe('worse');
  });
});
