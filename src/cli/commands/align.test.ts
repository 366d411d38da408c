import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './align.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const ENGLISH = `# Returns

You can return an item within 30 days of delivery. Please keep the box and all parts.

Write to returns@shop.example before you send anything. We pay the money back within 14 days.
`;
const CHINESE = `# 退货

您可以在收货后 30 天内退货。请保留包装盒和所有配件。

寄回任何东西之前，请先写信到 returns@shop.example。我们会在 14 天内退款。
`;

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-align-'));
  await writeFile(path.join(cwd, 'en.md'), ENGLISH);
  await writeFile(path.join(cwd, 'zh.md'), CHINESE);
  await writeFile(path.join(cwd, 'empty.md'), ' \n\n');
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function align(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['align', ...argv],
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

test('a page and its translation become records for a translator', async () => {
  const done = await align('en.md', 'zh.md', '--out', 'pairs.jsonl');
  expect(done).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('paired    5 in pairs.jsonl: 5 1-1') });
  const lines = (await readFile(path.join(cwd, 'pairs.jsonl'), 'utf8')).trimEnd().split('\n');
  const pairs = lines.map((line) => JSON.parse(line) as { en: string; zh: string; score: number });
  expect(pairs[1]).toEqual({
    en: 'You can return an item within 30 days of delivery.',
    zh: '您可以在收货后 30 天内退货。',
    score: expect.any(Number),
  });
  expect(pairs.at(-1)).toMatchObject({ en: 'We pay the money back within 14 days.', zh: '我们会在 14 天内退款。' });
});

test.each([
  [['en.md', 'en.md'], /are both in en\. Give a text and its translation/],
  [['en.md', 'empty.md'], /empty\.md: there is no text in it/],
  [['en.md', 'none.md'], /none\.md/],
  [['en.md', 'zh.md', '--languages', 'en'], /are not two tags/],
  [['en.md', 'zh.md', '--least-score', '1'], /scores 1 or more/],
])('%s is refused in one line, and nothing is written', async (argv, message) => {
  const { exitCode, stderr } = await align(...argv, '--out', 'refused.jsonl');
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(message);
  expect(stderr.trimEnd()).not.toContain('\n');
  expect(await readdir(cwd)).not.toContain('refused.jsonl');
});
