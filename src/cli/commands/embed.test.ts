import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readSentenceGolden, writeSentenceModel } from '../../../tests/golden/encoders/sentence-model.js';
import { manualClock } from '../../base/clock.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './embed.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const golden = await readSentenceGolden();
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'embed-'));
  await writeSentenceModel(folder, golden);
});
afterAll(() => rm(folder, { recursive: true }));

async function run(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['embed', ...argv],
    cwd: path.dirname(folder),
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

const texts = golden.texts.slice(0, 2);

test.each([[[]], [['--json']]])('prints a line with text and vector for each text %j', async (flags) => {
  const { exitCode, stdout } = await run('--model', path.basename(folder), ...texts, ...flags);
  expect(exitCode).toBe(0);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { text: string; vector: number[] });
  expect(lines.map(({ text }) => text)).toEqual(texts);
  for (const [index, { vector }] of lines.entries())
    for (const [place, value] of vector.entries()) expect(value).toBeCloseTo(golden.mean[index]?.[place] as number, 5);
});

test('--similarity prints how alike the texts are', async () => {
  const { stdout } = await run('--model', folder, texts[0] as string, ...texts, '--similarity');
  const [heads, first, second] = stdout.split('\n');
  expect(heads?.trim().split(/\s+/)).toEqual(['1', '2', '3']);
  expect(first).toMatch(/^1 hello world +1\.000 +1\.000 +-?0\.\d{3}$/);
  expect(second).toMatch(/^2 hello world/);
  const { stdout: json } = await run('--model', folder, ...texts, '--similarity', '--json');
  expect(JSON.parse(json)).toMatchObject({
    texts,
    cosines: [[expect.closeTo(1, 5), expect.any(Number)], expect.any(Array)],
  });
});

test('says what is missing', async () => {
  expect(await run('a')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('--model FOLDER') });
  expect(await run('a', '--model', 'nowhere')).toMatchObject({
    exitCode: 1,
    stderr: expect.stringContaining('config.json'),
  });
});
