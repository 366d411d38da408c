import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeModelFolder } from '../../../tests/model-folder.js';
import { manualClock } from '../../base/clock.js';
import { writeAdapterFolder } from '../../lab/checkpoint/adapter-folder.js';
import { loadModel } from '../../lab/generate/load-model.js';
import { adaptModel } from '../../lab/train/adapters/adapt-model.js';
import { adapterContents, initialAdapter } from '../../lab/train/adapters/adapter-weights.js';
import { floatsOf } from '../../lab/train/adapters/model-values.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './adapter.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

const GOLDEN = path.resolve('tests/golden/adapters');
let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-adapter-'));
  const base = path.join(cwd, 'base');
  await writeModelFolder(base, { model_type: 'llama', intermediate_size: 80 });
  const { model, weights } = await loadModel(base);
  const adapted = adaptModel(model, { rank: 2, alpha: 4, targetModules: ['q_proj'] });
  const values = initialAdapter(adapted, (name) => floatsOf(weights, name), 1);
  const contents = adapterContents(adapted, (name) => values.get(name) as Float32Array, { baseModel: 'base' });
  await writeAdapterFolder(path.join(cwd, 'adapter'), contents);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function run(...argv: string[]) {
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['adapter', ...argv],
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

test('info shows what an adapter of PEFT holds', async () => {
  const shown = await run('info', path.join(GOLDEN, 'dora'));
  expect(shown).toMatchObject({ exitCode: 0 });
  expect(shown.stdout).toMatch(/DoRA, rank 4, alpha 8, dropout 0\n/);
  expect(shown.stdout).toMatch(/modules {2}4: (o_proj, down_proj|down_proj, o_proj)\n/);
  expect(shown.stdout).toMatch(/llama, no hash of its weights/);
  const { stdout } = await run('info', path.join(GOLDEN, 'lora'), '--json');
  expect(JSON.parse(stdout)).toMatchObject({ rank: 4, alpha: 8, useDora: false, parameterCount: 448 });
});

test('merge leaves a model that loads; a fresh adapter changes nothing', async () => {
  const { exitCode, stdout } = await run('merge', 'adapter', 'base', 'merged');
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/only the shapes/);
  const [before, after] = [await loadModel(path.join(cwd, 'base')), await loadModel(path.join(cwd, 'merged'))];
  expect(after.weights).toEqual(before.weights);
});

test('what cannot be done is said in one line, and nothing is left behind', async () => {
  const refused = async (what: RegExp, ...argv: string[]): Promise<void> => {
    const { exitCode, stderr } = await run(...argv);
    expect(exitCode).not.toBe(0);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(what);
  };
  await refused(/"weigh" is not an action/, 'weigh', 'adapter');
  await refused(/the base or the folder to make is missing/, 'merge', 'adapter', 'base');
  await refused(/belongs to another base: tensor "base_model/, 'merge', path.join(GOLDEN, 'lora'), 'base', 'none');
  await refused(/adapter_config.json: it cannot be read/, 'info', 'base');
  expect((await readdir(cwd)).filter((name) => name.startsWith('none'))).toEqual([]);
});
