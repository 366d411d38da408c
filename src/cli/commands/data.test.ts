import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './data.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const ENGLISH = 'Orders are sent within two days, and what does not fit may be returned within a month.';
const CHINESE = '订单会在两天内发出，不合适的商品可以在一个月之内退回，运费由我们承担，请保留好原来的包装盒。';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-data-command-'));
  await writeFile(path.join(cwd, 'moat.config.ts'), 'export default { schemaVersion: 1 };');
  await mkdir(path.join(cwd, 'data'));
  const texts = [
    ENGLISH,
    CHINESE,
    'Quite another text: it says how the tea is picked, dried and packed.',
    `${ENGLISH} Yes.`,
  ];
  await writeFile(path.join(cwd, 'data', 'a.jsonl'), texts.map((text) => JSON.stringify({ text })).join('\n'));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['data', ...argv],
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

test('says what was kept and what was left out, and why', async () => {
  const { exitCode, stdout } = await run();
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/languages en .*, zh-Hans /);
  expect(stdout).toMatch(/dropped +1 near-duplicate \(.*of what was read\)/);
  expect((await run('why', 'a.jsonl#4')).stdout).toMatch(
    /#4 was dropped: near-duplicate, shares \d+ %.*a\.jsonl#1\nOrders/,
  );
  expect((await run('why', 'a.jsonl#2')).stdout).toMatch(/#2 was kept/);
  expect(await run('why', 'b.txt#1')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('no document') });
  expect((await run('--languages', 'zh-Hans, en', '--near-duplicates', '0')).stdout).not.toContain('near-duplicate');
  expect((await run('--languages', 'english')).stderr).toMatch(/tags of languages/);
});

test('a lock holds the data to what it was', async () => {
  expect(await run('--locked')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('moat data lock') });
  await run();
  expect((await run('lock')).stdout).toContain('data.lock.json');
  expect((await run('--locked')).exitCode).toBe(0);
  const before = await readFile(path.join(cwd, '.moat', 'corpus', 'passport.json'), 'utf8');
  await writeFile(path.join(cwd, 'data', 'b.txt'), 'One more text, which nobody had when the lock was written.');
  const refused = await run('--locked', '--data-seed', '2');
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toMatch(/b\.txt is new; seed was 1, is 2/);
  expect(await readFile(path.join(cwd, '.moat', 'corpus', 'passport.json'), 'utf8')).toBe(before);
});

test('tables and records of other names are read, and a broken line is left out or refused', async () => {
  await writeFile(path.join(cwd, 'reviews.csv'), `review,stars\n"${ENGLISH}",5\n"${CHINESE}",4\n`);
  const refused = await run(path.join(cwd, 'reviews.csv'));
  expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('--text-field') });
  expect((await run(path.join(cwd, 'reviews.csv'), '--text-field', 'review')).stdout).toMatch(/kept +2 documents/);
  await writeFile(
    path.join(cwd, 'b.jsonl'),
    `{"question":"${ENGLISH}","answer":"Yes."}\n{"text":\n{"text":"${CHINESE}"}\n`,
  );
  expect((await run(path.join(cwd, 'b.jsonl'))).stdout).toMatch(/dropped +1 bad-jsonl/);
  expect(await run(path.join(cwd, 'b.jsonl'), '--strict')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('b.jsonl:2'),
  });
});
