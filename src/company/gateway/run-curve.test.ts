import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evalEvent, exampleScript, stepEvent } from '../../../tests/studio/example-script.js';
import { readRunCurve } from './run-curve.js';

let runs: string;
beforeAll(async () => {
  runs = await mkdtemp(path.join(tmpdir(), 'moat-curve-'));
});
afterAll(() => rm(runs, { recursive: true }));

async function write(name: string, events: readonly unknown[], end = ''): Promise<void> {
  await mkdir(path.join(runs, name));
  await writeFile(
    path.join(runs, name, 'events.jsonl'),
    events.map((event) => `${JSON.stringify(event)}\n`).join('') + end,
  );
}

test('the steps that a resumed run repeats count once, as they were done last; a torn line is no step', async () => {
  const [start] = exampleScript().events;
  await write(
    'resumed',
    [
      start,
      stepEvent(1),
      stepEvent(2),
      evalEvent(2),
      stepEvent(3),
      { ...start, resumedFromStep: 1 },
      { ...stepEvent(2), loss: 9 },
    ],
    '{"type":"step","step":3',
  );
  const curve = await readRunCurve(runs, 'resumed');
  expect(curve?.training.map(([step]) => step)).toEqual([1, 2]);
  expect(curve?.training[1]?.[1]).toBe(9);
  expect(curve?.validation).toEqual([]);
});

test('a long run comes in at most a thousand points, whose mean is the run’s', async () => {
  const losses = Array.from({ length: 4000 }, (_, index) => 8 - index / 1000);
  await write(
    'long',
    losses.map((loss, index) => ({ ...stepEvent(index + 1), loss })),
  );
  const points = (await readRunCurve(runs, 'long'))?.training ?? [];
  expect(points).toHaveLength(1000);
  // of 8, 7.999, 7.998 and 7.997
  expect(points[0]?.[0]).toBe(4);
  expect(points[0]?.[1]).toBeCloseTo(7.9985, 9);
  expect(points.at(-1)?.[0]).toBe(4000);
});

test.each(['none', '..', '../other', '.hidden', 'a/b', ''])('%s is no run', async (name) => {
  expect(await readRunCurve(runs, name)).toBeUndefined();
});
