import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { entityScores, entitySpans, spanScores } from './entities.js';

const scores = z.tuple([z.number(), z.number(), z.number()]);
/** By seqeval 1.2.2 in its default mode: tests/golden/metrics/make.py. */
const golden = z
  .object({
    entities: z.array(
      z.object({
        expected: z.array(z.array(z.string())),
        named: z.array(z.array(z.string())),
        spans: z.array(z.array(z.tuple([z.string(), z.number(), z.number()]))),
        averages: z.object({ micro: scores, macro: scores, weighted: scores }),
        byType: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])),
      }),
    ),
  })
  .parse(JSON.parse(await readFile(new URL('../../../../tests/golden/metrics/make.json', import.meta.url), 'utf8')));

describe('entities are those of seqeval', () => {
  it.each(golden.entities)('in $expected.length texts', ({ expected, named, spans, averages, byType }) => {
    expect(expected.map((tags) => entitySpans(tags).map(({ type, start, end }) => [type, start, end]))).toEqual(spans);
    const ours = entityScores(expected, named);
    for (const average of ['micro', 'macro', 'weighted'] as const) {
      const { precision, recall, f1 } = ours[average];
      for (const [index, figure] of [precision, recall, f1].entries())
        expect(figure).toBeCloseTo(averages[average][index] ?? 0, 12);
    }
    expect(ours.byType.size).toBe(byType.length);
    for (const [index, each] of [...ours.byType.values()].entries()) {
      const { precision, recall, f1, support } = each;
      for (const [column, figure] of [precision, recall, f1, support].entries())
        expect(figure).toBeCloseTo(byType[index]?.[column] ?? Number.NaN, 12);
    }
  });
});

it('reads a tag after another as conlleval does', () => {
  const shape = (...tags: string[]) => entitySpans(tags).map(({ start, end }) => [start, end]);
  expect(shape('I-A', 'I-A', 'O', 'I-A')).toEqual([
    [0, 2],
    [3, 4],
  ]);
  expect(shape('B-A', 'I-B')).toEqual([
    [0, 1],
    [1, 2],
  ]);
  expect(shape('S-A', 'I-A', 'E-A', 'E-A')).toEqual([
    [0, 1],
    [1, 3],
    [3, 4],
  ]);
});

it('scores spans; one that is named twice counts once', () => {
  const person = { type: 'PER', start: 0, end: 2 };
  const { micro, support } = spanScores([[person], []], [[person, person, { ...person, end: 3 }], []]);
  expect(micro).toEqual({ precision: 1 / 2, recall: 1, f1: 2 / 3 });
  expect(support).toBe(1);
});

it('nothing named where nothing was there scores 0, as in seqeval', () => {
  const { micro, byType } = entityScores([['O', 'O']], [['O', 'O']]);
  expect(micro).toEqual({ precision: 0, recall: 0, f1: 0 });
  expect(byType.size).toBe(0);
});

it('refuses what is no tag, and texts of different lengths', () => {
  expect(() => entitySpans(['O', 'L-PER'])).toThrow(/tag 1 is "L-PER"/);
  expect(() => entityScores([['O', 'O']], [['O']])).toThrow(/text 0 has 2 tags, and 1/);
  expect(() => entityScores([['O']], [['O'], ['O']])).toThrow(/belong together/);
});
