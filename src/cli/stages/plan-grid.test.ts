import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { type GridFacts, planGrid, readGrid, writeGrid } from './plan-grid.js';

/** As a model's work grows with its depth, about. */
const flopsPerStep = (depth: number): number => 4e9 * depth ** 2;
const facts = (more: Partial<GridFacts> = {}): GridFacts => ({
  kind: 'qwen3 abc 2048',
  seconds: 900,
  flopsPerSecond: 1e11,
  flopsPerStep,
  uniqueTokens: 204_800_000,
  tokensPerStep: 2048,
  ...more,
});
const workOf = ({ cells }: ReturnType<typeof planGrid>): number =>
  cells.reduce((sum, { depth, steps }) => sum + flopsPerStep(depth) * steps, 0);

test('fills the time and not more, the cheapest runs first', () => {
  const grid = planGrid(facts());
  expect(workOf(grid) / 1e11).toBeGreaterThan(500);
  expect(workOf(grid) / 1e11).toBeLessThan(900);
  const works = grid.cells.map(({ depth, steps }) => flopsPerStep(depth) * steps);
  expect(works).toEqual(works.toSorted((a, b) => a - b));
  expect(new Set(grid.cells.map(({ depth }) => depth)).size).toBe(4);
});

test('leaves large sizes out where the time is short, and never repeats the texts', () => {
  const short = planGrid(facts({ seconds: 500 }));
  expect(new Set(short.cells.map(({ depth }) => depth)).size).toBe(3);
  expect(short.cells.length).toBeGreaterThanOrEqual(5);
  const small = planGrid(facts({ uniqueTokens: 500 * 2048 }));
  expect(Math.max(...small.cells.map(({ steps }) => steps))).toBeLessThanOrEqual(500);
});

test('says how much is missing', () => {
  expect(() => planGrid(facts({ seconds: 10 }))).toThrow(/takes about .* for the smallest set/);
  expect(() => planGrid(facts({ uniqueTokens: 204_800 }))).toThrow('204,800 allow 426 a step');
  expect(planGrid(facts({ uniqueTokens: 204_800, tokensPerStep: 426 })).cells.length).toBeGreaterThan(0);
});

test('is found again, unless it is of another kind or broken', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-plan-'));
  try {
    const file = path.join(folder, 'plan', 'grid.json');
    expect(await readGrid(file, 'a')).toBeUndefined();
    const grid = planGrid(facts({ kind: 'a' }));
    await writeGrid(file, grid);
    expect(await readGrid(file, 'a')).toEqual(grid);
    expect(await readGrid(file, 'b')).toBeUndefined();
    await writeFile(file, '{"schemaVersion":1,');
    await expect(readGrid(file, 'a')).rejects.toThrow('not a grid of runs');
  } finally {
    await rm(folder, { recursive: true });
  }
});
