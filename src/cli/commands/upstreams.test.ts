/** What moat upstreams check says of engines, and how it ends. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScriptedUpstream, openScriptedUpstream } from '../../../tests/scripted-upstream.js';
import { manualClock } from '../../base/clock.js';
import { createInterruption } from '../interruption.js';
import { runProgram } from '../program.js';
import { command } from './upstreams.js';

class Sink extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

let cwd: string;
let engine: ScriptedUpstream;
beforeAll(async () => {
  cwd = await mkdtemp(path.join(tmpdir(), 'moat-upstreams-'));
  engine = await openScriptedUpstream(undefined, (route) =>
    route === '/v1/models' ? { data: [{ id: 'there', max_model_len: 4096 }] } : route === '/health' ? {} : undefined,
  );
});
afterAll(async () => {
  await engine.close();
  await rm(cwd, { recursive: true });
});

async function check(targets: readonly object[], ...more: string[]) {
  await writeFile(
    path.join(cwd, 'upstreams.json'),
    JSON.stringify({ models: { ours: { contextLength: 4096, targets } } }),
  );
  const [stdout, stderr] = [new Sink(), new Sink()];
  const exitCode = await runProgram({
    argv: ['upstreams', 'check', ...more],
    cwd,
    env: { ENGINE_KEY: 'sk-private-1' },
    stdout,
    stderr,
    clock: manualClock(),
    interruption: createInterruption(),
    commands: [{ name: 'upstreams', summary: command.summary, load: () => Promise.resolve({ command }) }],
    facts: () => ({ version: '9.9.9', nodeRange: '>=20.19', bugsUrl: undefined }),
  });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}
const target = (more: object = {}): object => ({
  engine: 'vllm',
  url: engine.url,
  model: 'there',
  allowPrivate: true,
  ...more,
});

test('all right: a table, and 0', async () => {
  const { exitCode, stdout } = await check([target({ apiKeyEnvironment: 'ENGINE_KEY' })]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/^ours +127\.0\.0\.1:\S+ +vllm +there +4096 +not compared +right$/m);
  expect(stdout).not.toContain('private-1');
  expect(engine.seen.at(-1)?.headers.authorization).toBe('Bearer sk-private-1');
});

test('one wrong, one away, one of which nobody asks: a line each, and 1', async () => {
  const unknown = { url: engine.url, model: 'any', allowPrivate: true };
  const targets = [target({ model: 'other' }), target({ url: 'http://127.0.0.1:1' }), unknown];
  const { exitCode, stdout } = await check(targets);
  expect(exitCode).toBe(1);
  expect(stdout).toContain(`ours at ${engine.url}: it serves "there", not "other"`);
  expect(stdout).toContain('ours at http://127.0.0.1:1/v1: it does not answer (ECONNREFUSED)');
  const { stdout: json } = await check(targets, '--json');
  expect(JSON.parse(json)).toMatchObject({
    isRight: false,
    targets: [{ verdict: 'wrong' }, { verdict: 'away' }, { verdict: 'right', engine: null, tokens: 'not compared' }],
  });
});

test('a file that names none is said', async () => {
  const { exitCode, stderr } = await check([]);
  expect(exitCode).not.toBe(0);
  expect(stderr).toMatch(/upstreams\.json: models\.ours\.targets: /);
});
