/** Planted faults are found, each by its check; a sound table raises nothing. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { openTable } from './open-table.js';
import { checkTable, type TableRow } from './tabular-checks.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-tabular-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** Two classes that two measures tell apart in part. */
function soundRows(count = 400): Record<string, string>[] {
  const rng = Rng.fromSeed(5);
  return Array.from({ length: count }, () => {
    const isYes = rng.uniform() < 0.4;
    return {
      income: (rng.normal() + (isYes ? 1 : 0)).toFixed(3),
      age: String(20 + rng.below(50)),
      region: ['north', 'south', 'east'][rng.below(3)] as string,
      answer: isYes ? 'yes' : 'no',
    };
  });
}
const withColumn = (make: (row: TableRow, index: number) => string): TableRow[] =>
  soundRows().map((row, index) => ({ ...row, extra: make(row, index) }));
const checksOf = (rows: readonly TableRow[]): string[] =>
  checkTable(rows, 'answer').findings.map(({ check, severity, column }) => `${severity} ${check} ${column ?? '-'}`);

test('a sound table raises nothing', () => {
  const report = checkTable(soundRows(), 'answer');
  expect(report).toMatchObject({ rows: 400, findings: [], target: 'answer' });
  const counts = Object.values(report.classes);
  expect(report.majorityShare).toBe(Math.max(...counts) / 400);
});

test.each([
  ['notice missing extra', () => withColumn((_, index) => (index % 2 === 0 ? '' : String(index % 7)))],
  ['notice constant extra', () => withColumn((_, index) => (index === 3 ? 'other' : 'same'))],
  ['notice identifier extra', () => withColumn((_, index) => `customer-${index}`)],
  ['notice same-column extra', () => withColumn((row) => row['age'] as string)],
  [
    'serious leak extra',
    () => withColumn((row, index) => (row['answer'] === 'yes' ? `${90 + (index % 9)}.5` : `${index % 60}.5`)),
  ],
  ['serious leak extra', () => withColumn((row) => (row['answer'] === 'yes' ? 'refunded' : 'open'))],
  ['serious duplicate-rows -', () => [...soundRows(), ...soundRows().slice(0, 40)]],
  ['notice imbalance -', () => soundRows().filter((row, index) => row['answer'] === 'no' || index % 20 === 0)],
  ['serious missing answer', () => soundRows().map((row, index) => (index === 0 ? { ...row, answer: '' } : row))],
] as const)('finds %s', (expected, make) => {
  expect(checksOf(make())).toContain(expected);
});

test('rows that are alike but for the target are named', () => {
  const [first = {}, ...rest] = soundRows();
  const { findings } = checkTable(
    [first, ...rest, { ...first, answer: first['answer'] === 'yes' ? 'no' : 'yes' }],
    'answer',
  );
  expect(findings).toEqual([
    {
      check: 'contradicting-rows',
      severity: 'notice',
      column: 'answer',
      detail: '1 rows are alike but for the target, such as 1 and 401',
    },
  ]);
});

test('tables and records are opened, other files refused', async () => {
  const write = async (name: string, content: string): Promise<string> => {
    const file = path.join(root, name);
    await writeFile(file, content);
    return file;
  };
  const expected = [
    { a: '1', b: 'x' },
    { a: '2', b: 'y' },
  ];
  expect((await openTable(await write('a.csv', 'a;b\n1;x\n2;y\n'))).rows).toEqual(expected);
  const records = '{"a":1,"b":"x","c":[1]}\nbroken\n{"a":2,"b":"y"}\n';
  expect((await openTable(await write('a.jsonl', records))).rows).toEqual(expected);
  await expect(openTable(await write('a.md', '# text'))).rejects.toMatchObject({ code: 'bad-table' });
  await expect(openTable(await write('b.csv', 'a,b\n'))).rejects.toMatchObject({ code: 'bad-table' });
  await expect(openTable(path.join(root, 'none.csv'))).rejects.toMatchObject({ code: 'data-missing' });
});
