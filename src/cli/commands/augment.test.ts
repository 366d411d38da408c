import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './augment.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const RECORDS = [
  { id: 'r1', text: 'The parcel came late and the box was broken.', label: 'neg' },
  { text: '这家公司的退货政策非常清楚，客户服务也很好。', label: 'pos' },
];

let cwd: string;
const write = (name: string, records: readonly object[]): Promise<void> =>
  writeFile(path.join(cwd, name), records.map((record) => `${JSON.stringify(record)}\n`).join(''));
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-augment-'));
  await write('reviews.jsonl', RECORDS);
  await write('heldout.jsonl', RECORDS);
  await write('marked.jsonl', [{ text: 'A text.', split: 'test' }]);
  await write('again.jsonl', [{ text: 'A text.', augmented: 'swap' }]);
  await write('other.jsonl', [{ body: 'A text.' }]);
  await writeFile(path.join(cwd, 'synonyms.tsv'), 'late\ttardily\n清楚\t明确\n');
  await writeFile(path.join(cwd, 'bad.tsv'), 'late\n');
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function augment(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['augment', ...argv],
    cwd,
    env: {},
    stdout,
    stderr,
    clock: manualClock(),
    interruption: createInterruption(),
    commands: [{ name: command.name, summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

async function readRecords(name: string): Promise<Record<string, unknown>[]> {
  const lines = (await readFile(path.join(cwd, name), 'utf8')).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('records come with copies that keep labels and say where they are from', async () => {
  const argv = ['reviews.jsonl', '--times', '3', '--deletion', '0.3', '--swap', '0.1', '--synonyms', 'synonyms.tsv'];
  expect(await augment(...argv)).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('2 records and') });
  const all = await readRecords('reviews.augmented.jsonl');
  expect(all.filter(({ augmented }) => augmented === undefined)).toEqual(RECORDS);
  const copies = all.filter(({ augmented }) => augmented !== undefined);
  expect(new Set(copies.map(({ augmented }) => augmented))).toEqual(new Set(['deletion', 'swap', 'synonyms']));
  expect(new Set(copies.map(({ augmentedFrom, label }) => `${String(augmentedFrom)} ${String(label)}`))).toEqual(
    new Set(['r1 neg', 'reviews.jsonl#2 pos']),
  );
  expect(copies.find(({ augmented, label }) => augmented === 'synonyms' && label === 'neg')?.['text']).toBe(
    'The parcel came tardily and the box was broken.',
  );
  await augment(...argv, '--out', 'again-the-same.jsonl');
  expect(await readRecords('again-the-same.jsonl')).toEqual(all);
});

test.each([
  [['heldout.jsonl', '--swap', '0.1'], /heldout\.jsonl is data to measure with/],
  [['marked.jsonl', '--swap', '0.1'], /marked\.jsonl:1 is data to measure with/],
  [['again.jsonl', '--swap', '0.1'], /again\.jsonl:1 is a changed copy already/],
  [['other.jsonl', '--swap', '0.1'], /other\.jsonl:1: no string field "text"/],
  [['none.jsonl', '--swap', '0.1'], /none\.jsonl: no such file/],
  [['reviews.jsonl'], /no way of changing records/],
  [['reviews.jsonl', '--synonyms', 'bad.tsv'], /bad\.tsv:1: a word without synonyms/],
  [['reviews.jsonl', '--back-translate', 'model'], /is not MODEL@URL/],
])('%s is refused in one line, and nothing is written', async (argv, message) => {
  const { exitCode, stderr } = await augment(...argv, '--out', 'refused.jsonl');
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect((await readdir(cwd)).filter((name) => name.startsWith('refused'))).toEqual([]);
});
