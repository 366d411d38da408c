/** A program killed at any moment while it cleans leaves the corpus of before, or none; the next run makes it whole. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Rng } from '../src/base/rng.js';
import { readCorpus } from '../src/lab/data/corpus.js';
import { SIDES } from '../src/lab/data/split.js';

const MOAT = fileURLToPath(new URL('../bin/moat.js', import.meta.url));
/** Enough text that other threads are started. */
const DOCUMENTS = 3000;

let project: string;
let corpus: string;

beforeAll(async () => {
  project = await mkdtemp(path.join(tmpdir(), 'moat-kill-'));
  corpus = path.join(project, '.moat', 'corpus');
  await mkdir(path.join(project, 'texts'));
  await writeFile(path.join(project, 'moat.config.json'), JSON.stringify({ name: 'kill', data: { path: 'texts' } }));
  await writeTexts('first');
});
afterAll(() => rm(project, { recursive: true, force: true }));

async function writeTexts(tag: string): Promise<void> {
  const rng = Rng.fromSeed(3);
  // digits are all the same to the search for near duplicates
  const word = (): string =>
    `${tag}${rng
      .below(50_000)
      .toString(36)
      .replace(/\d/g, (digit) => 'klmnopqrst'.charAt(Number(digit)))}`;
  const words = (): string => Array.from({ length: 120 }, () => `the ${word()}`).join(' ');
  const lines = Array.from({ length: DOCUMENTS }, () => `${JSON.stringify({ text: words() })}\n`);
  await writeFile(path.join(project, 'texts', 'all.jsonl'), lines.join(''));
}

const start = () => spawn(process.execPath, [MOAT, 'data'], { cwd: project, stdio: ['ignore', 'ignore', 'inherit'] });

async function run(): Promise<number> {
  const startedMs = performance.now();
  const [code]: unknown[] = await once(start(), 'exit');
  expect(code).toBe(0);
  return performance.now() - startedMs;
}

async function documentsIn(folder: string): Promise<number> {
  let count = 0;
  for (const side of SIDES) for await (const { text } of readCorpus(folder, side)) count += text ? 1 : 0;
  return count;
}

async function killAfter(milliseconds: number): Promise<boolean> {
  const child = start();
  const ended = once(child, 'exit');
  await sleep(milliseconds);
  const wasRunning = child.kill('SIGKILL');
  await ended;
  return wasRunning;
}

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

test('kill -9 while cleaning leaves what was there, and a rerun works', { timeout: 90_000 }, async () => {
  expect(await killAfter(300)).toBe(true);
  expect(await exists(corpus)).toBe(false);
  const wholeMs = await run();
  const before = await readFile(path.join(corpus, 'passport.json'), 'utf8');
  expect(await documentsIn(corpus)).toBe(DOCUMENTS);

  await writeTexts('second');
  const passports = new Set<string>();
  for (const part of [0.3, 0.6, 0.8, 0.95]) {
    await killAfter(wholeMs * part);
    // readers take back what a kill between two renames moved aside
    expect(await documentsIn(corpus)).toBe(DOCUMENTS);
    passports.add(await readFile(path.join(corpus, 'passport.json'), 'utf8'));
  }
  expect(passports.has(before)).toBe(true);
  await run();
  expect(await documentsIn(corpus)).toBe(DOCUMENTS);
  const after = await readFile(path.join(corpus, 'passport.json'), 'utf8');
  expect(after).not.toBe(before);
  expect([...passports].every((each) => each === before || each === after)).toBe(true);
  expect(await readdir(corpus)).toContain('report.json');
});
