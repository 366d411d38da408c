import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { makeTinyModel } from '../../../tests/tiny-model.js';
import { manualClock } from '../../base/clock.js';
import { loadModel } from '../../lab/generate/load-model.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { findModel } from '../stages/find-run.js';
import { command as exportCommand } from './export.js';
import { command as importCommand } from './import.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-import-'));
  await writeModelFolder(path.join(cwd, 'llama'), { model_type: 'llama', intermediate_size: 80 });
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const entry = (command: typeof importCommand | typeof exportCommand) => ({
    name: command.name,
    summary: command.summary,
    load: () => Promise.resolve({ command }),
  });
  const exitCode = await runProgram({
    argv,
    cwd,
    env: {},
    stdout,
    stderr,
    clock: manualClock(),
    interruption: createInterruption(),
    commands: [entry(importCommand), entry(exportCommand)],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: 'https://bugs.example' }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

test('a model goes out as GGUF and comes back, and a run of that name has it', async () => {
  const out = await run('export', 'llama', 'm.gguf', '--type', 'f16');
  expect(out).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/export +llama, 21 tensors as F16, .* in m\.gguf/),
  });
  expect(out.stdout).not.toContain('!');
  const back = await run('import', 'm.gguf', 'runs/back');
  expect(back).toMatchObject({ exitCode: 0, stdout: expect.stringMatching(/import +llama, .* parameters from .* in/) });
  const folder = await findModel(path.join(cwd, 'runs'), 'back');
  expect((await loadModel(folder)).model.parameters).toHaveLength(21);
  expect(await run('export', 'back', 'again.gguf', '--type', 'f16', '--json')).toMatchObject({ exitCode: 0 });
  const [once, twice] = await Promise.all(['m.gguf', 'again.gguf'].map((name) => readFile(path.join(cwd, name))));
  expect(twice?.length).toBe(once?.length);
});

test('rows that 4 bits do not fit are named, and --json has everything', async () => {
  const { stdout, stderr } = await run('export', 'llama', 'small.gguf', '--type', 'q4_0', '--json');
  const { notes, ...result } = JSON.parse(stdout) as Record<string, unknown>;
  expect(result).toMatchObject({ type: 'Q4_0', architecture: 'llama', tensorCount: 21, sizeBytes: expect.any(Number) });
  expect(notes).toEqual([expect.stringContaining('2 of 21 tensors are F16')]);
  expect(stderr).toContain('! 2 of 21 tensors are F16');
});

test('a checkpoint of ours is exported by the folder of its run, and a folder is imported as it is', async () => {
  const tiny = await makeTinyModel(32);
  const runFolder = path.dirname(path.dirname(tiny.directory));
  expect(await run('export', runFolder, 'tiny.gguf')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('qwen3'),
  });
  expect(await run('import', 'llama', 'copy', '--json')).toMatchObject({ exitCode: 0 });
  expect(await readdir(path.join(cwd, 'copy'))).toContain('model.safetensors');
  await tiny.remove();
});

test.each([
  [['import', 'nowhere.gguf', 'x'], 'nowhere.gguf: no such file or folder'],
  [['import', 'llama/config.json', 'x'], 'it does not begin with "GGUF"'],
  [['import', 'llama', 'llama'], 'there is something already'],
  [['import', 'runs', 'x'], 'tokenizer.json: no such file'],
  [['export', 'llama', 'llama'], 'this is no name for a GGUF file'],
  [['export', 'absent', 'x.gguf'], 'there is no trained model'],
])('%j ends with one line', async (argv, problem) => {
  const { exitCode, stderr } = await run(...argv);
  expect(exitCode).toBe(1);
  expect(stderr).toContain(problem);
  expect(await readdir(cwd)).not.toContain('x');
});
