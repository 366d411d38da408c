import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { makeTinyModel } from '../../../../tests/tiny-model.js';
import { manualClock } from '../../../base/clock.js';
import { measureModel } from '../measure-model.js';
import { runTask } from '../run-task.js';
import { instructions } from './task.js';

test('what a folder answers is measured beside another, by conversations of any shape', async () => {
  const tiny = await makeTinyModel();
  const root = await mkdtemp(path.join(tmpdir(), 'moat-instructions-'));
  try {
    const file = path.join(root, 'faq.jsonl');
    const records = [
      { question: 'the quick brown fox?', answer: 'jumps over the lazy dog' },
      {
        messages: [
          { role: 'user', content: '敏捷的狐狸？' },
          { role: 'assistant', content: '跳过懒狗' },
        ],
      },
      { instruction: 'the lazy dog', output: 'sleeps' },
      { messages: [{ role: 'user', content: 'no answer' }] },
    ];
    await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    const context = {
      settings: instructions.settings.parse({ maxTokens: 12 }),
      seed: 1,
      threads: 1,
      clock: manualClock(),
    };
    const said: string[] = [];
    const told = {
      name: 'one who knows',
      open: async () => ({
        predict: async (questions: readonly { readonly answer: string }[]) =>
          questions.map(({ answer }) => ({ text: answer, ended: true })),
      }),
    };
    const report = await measureModel(instructions, {
      file,
      model: () => instructions.load(tiny.directory, context),
      peers: [told],
      seed: 1,
      clock: manualClock(),
      resamples: 60,
      onProgress: (_, text) => said.push(text),
    });
    expect(report.data).toMatchObject({
      test: 3,
      leftOut: { count: 1, shown: [expect.stringMatching(/faq\.jsonl:4: .+/)] },
    });
    expect(report.scores.map(({ metric }) => metric)).toEqual([
      'token F1',
      'chrF',
      'exact match',
      'ends by itself',
      'repeated 4-grams',
    ]);
    expect(report.scores[0]?.value).toBeLessThan(0.5);
    expect(report.peers[0]?.scores[2]?.value).toBe(1);
    expect(report.peers[0]?.comparison.verdict).toBe('worse');
    expect(said).toEqual(['one who knows']);
    // random weights say the same again: greedy answers are the model's own
    const predictor = await instructions.load(tiny.directory, context);
    const question = instructions.question.parse({ question: 'the quick brown fox?', answer: '?' });
    const [one, other] = await predictor.predict([question, question]);
    await predictor.close?.();
    expect(one).toEqual(other);
    expect(one?.text.length).toBeGreaterThan(0);
    const fitting = runTask(instructions, { ...context, data: { file }, settings: {} });
    await expect(fitting).rejects.toMatchObject({ code: 'not-fitted' });
  } finally {
    await tiny.remove();
    await rm(root, { recursive: true });
  }
});
