import { expect, test } from 'vitest';
import { TASKS } from '../../lab/tasks/registry.js';
import type { TaskReport } from '../../lab/tasks/task-report.js';
import { renderTaskPage } from './page.js';
import { taskTexts } from './texts.js';

const score = { metric: 'macro-F1', better: 'higher', value: 0.8591, low: 0.84, high: 0.87 } as const;
const report: TaskReport = {
  schemaVersion: 1,
  name: 'opinion <b>',
  task: { name: 'classification', title: 'Text classification' },
  data: {
    files: [{ file: 'a.jsonl', sizeBytes: 3, sha256: 'ab'.repeat(32) }],
    records: 12_000,
    leftOut: { count: 0, shown: [] },
    sameTwice: 0,
    removedCopies: 0,
    train: 9000,
    validation: 1000,
    test: 2000,
  },
  model: { base: undefined, settings: { c: 16 }, seed: 1, facts: { parameters: 5 } },
  versions: {},
  time: { fitSeconds: 1.5, predictSeconds: 0.1 },
  trainedTokens: undefined,
  cost: { micros: '45', currency: 'USD', hourlyMicros: '100000' },
  scores: [score, { ...score, metric: 'ROC AUC', value: Number.NaN }],
  peers: [
    {
      name: 'always the most frequent label',
      kind: 'baseline',
      seconds: 0,
      scores: [{ ...score, value: 0.3 }],
      comparison: {
        against: 'always the most frequent label',
        metric: 'macro-F1',
        value: 0.3,
        difference: 0.55,
        low: 0.5,
        high: 0.6,
        pValue: 0.002,
        verdict: 'better',
      },
    },
  ],
  slices: [{ name: 'label: pos', count: 900, score }],
  worst: [{ input: '<script>alert(1)</script>', expected: 'neg', given: 'pos', badness: 1, place: 'a.jsonl:7' }],
  tables: [{ title: 'confusion', columns: ['', 'neg'], rows: [['neg', 3]] }],
};

test('the page tells everything, in both languages, and runs nothing of what was read', () => {
  const english = renderTaskPage(report, 'en');
  expect(english).toContain('0.859<small>(0.840–0.870)</small>');
  expect(english).toContain('opinion &lt;b&gt;');
  expect(english).not.toContain('<script>');
  expect(english).toContain('9,000');
  // a figure that is undefined has no row
  expect(english).not.toContain('ROC AUC');
  const chinese = renderTaskPage(report, 'zh-CN');
  for (const words of ['文本分类', '永远猜最常见的标签', '更好', '训练样本']) expect(chinese).toContain(words);
});

test('every task and every baseline has a Chinese name', () => {
  const { words } = taskTexts['zh-CN'];
  for (const task of TASKS) {
    expect(words[task.title], task.title).toBeDefined();
    for (const { name } of task.use(({ baselines }) => baselines.map((each) => ({ name: each.name })))) {
      expect(words[name], name).toBeDefined();
    }
  }
});
