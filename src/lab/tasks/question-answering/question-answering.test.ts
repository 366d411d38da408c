import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { manualClock } from '../../../base/clock.js';
import { exactMatch, tokenF1 } from '../../eval/metrics/answers.js';
import { createBm25, fuseRankings } from '../../eval/retrieval/bm25.js';
import { searchTerms } from '../../eval/retrieval/search-terms.js';
import { runTask } from '../run-task.js';
import { questionAnswering } from './task.js';

const options = { seed: 1, threads: 1, clock: manualClock(), resamples: 20 };

test('questions find their documents, cite them, and are refused where there is none', async () => {
  const root = await mkdtemp(path.join(tmpdir(), 'moat-questions-'));
  try {
    const subjects =
      'printer invoice password delivery battery refund account camera speaker router keyboard monitor charger wallet ticket'.split(
        ' ',
      );
    const verbs = ['change', 'return', 'repair', 'cancel'];
    const entries = subjects.flatMap((subject, s) =>
      verbs.map((verb, v) => ({
        id: `${subject}-${verb}`,
        question: `How can I ${verb} the ${subject} from page ${String.fromCharCode(97 + s)}${String.fromCharCode(97 + v)}?`,
        answer: `To ${verb} a ${subject}, open the page about it.\nThere you ${verb} it in three steps. Version 1.2.3 or later is needed.`,
      })),
    );
    const file = path.join(root, 'faq.jsonl');
    await writeFile(file, entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
    const { report, model, sides, outputs } = await runTask(questionAnswering, { ...options, data: { file } });
    const scoreOf = (name: string): number => report.scores.find(({ metric }) => metric === name)?.value as number;
    expect(scoreOf('recall@5')).toBeGreaterThan(0.9);
    expect(scoreOf('refused though answerable')).toBeLessThan(0.5);
    const answered = outputs.findIndex(
      ({ refused, cited }, row) => !refused && cited[0] === `${sides.test[row]?.id}@en`,
    );
    const document = sides.test[answered]?.answer as string;
    for (const sentence of outputs[answered]?.answer.split('. ') ?? [])
      expect(document).toContain(sentence.replace(/\.$/, ''));
    // what is asked again without its document never cites it
    for (const [row, example] of sides.test.entries()) {
      if (example.isUnanswerable === true) expect(outputs[row]?.cited).not.toContain(`${example.id}@en`);
    }
    const folder = await mkdtemp(path.join(root, 'model-'));
    await model.save(folder);
    const loaded = await questionAnswering.load(folder, { ...options, settings: questionAnswering.settings.parse({}) });
    const question = questionAnswering.question.parse({ question: 'How can I return the camera?' });
    expect(await loaded.predict([question])).toMatchObject([{ cited: expect.arrayContaining(['camera-return@en']) }]);
    const other = questionAnswering.question.parse({ question: 'Who wrote the ninth symphony?' });
    expect(await loaded.predict([other])).toMatchObject([{ refused: true, answer: '' }]);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('terms of a search: stems, compounds, and pairs of Chinese characters', () => {
  expect(searchTerms('How are the Packages upgraded with dpkg-reconfigure?')).toEqual(
    'package upgrad dpkg-reconfigure dpkg reconfigure'.split(' '),
  );
  expect(searchTerms('软件包的更新')).toEqual(['软', '软件', '件', '件包', '包', '包的', '的更', '更', '更新', '新']);
});

test('BM25 by hand, and rankings of different kinds as one', () => {
  const index = createBm25(['cat dog', 'cat cat cat', 'bird fish horse'], { k1: 1, b: 0 });
  const rare = (having: number): number => Math.log(1 + (3 - having + 0.5) / (having + 0.5));
  expect(index.search('cat dog', 3)).toEqual([
    { passage: 0, score: expect.closeTo(rare(2) + rare(1), 12) },
    { passage: 1, score: expect.closeTo((rare(2) * 3 * 2) / 4, 12) },
  ]);
  expect(index.search('zebra', 3)).toEqual([]);
  const [first, second] = fuseRankings(
    [
      [
        { passage: 4, score: 9 },
        { passage: 2, score: 1 },
      ],
      [{ passage: 2, score: 0.3 }],
    ],
    2,
  );
  expect([first?.passage, second?.passage]).toEqual([2, 4]);
  expect(first?.score).toBeCloseTo(1 / 62 + 1 / 61, 12);
});

test('answers are compared as SQuAD and CMRC do', () => {
  expect(exactMatch('The Eiffel Tower!', 'eiffel tower')).toBe(true);
  expect(tokenF1('in the city of Paris', 'Paris')).toBeCloseTo(2 / 5, 12);
  expect(tokenF1('北京市', '北京')).toBeCloseTo(4 / 5, 12);
  expect([tokenF1('', ''), tokenF1('x', '')]).toEqual([1, 0]);
});
