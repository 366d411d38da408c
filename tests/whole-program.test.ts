/** The built `moat` as a founder runs it: the way from text to a paid answer, kills in the middle, and bad input. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkpointDirectory } from '../src/lab/checkpoint/run-checkpoints.js';
import { readEvents } from '../src/lab/train/run-directory.js';

const MOAT = fileURLToPath(new URL('../bin/moat.js', import.meta.url));
const CONFIG = {
  schemaVersion: 1,
  name: 'shop',
  model: { layers: 1, hiddenSize: 32, heads: 2, headSize: 16, intermediateSize: 64, contextLength: 128 },
  tokenizer: { vocabularySize: 320 },
  train: { steps: 40, batchSize: 2, sequenceLength: 32, checkpointEvery: 5, evalEvery: 20, warmupSteps: 4 },
  serve: { threads: 1, port: 0, modelId: 'shop' },
};

const WORDS = 'returns are free within thirty days of delivery when goods come back unused in their box'.split(' ');
const sentence = (i: number): string =>
  `${Array.from({ length: 12 }, (_, k) => WORDS[(i * 7 + k * (1 + (i % 5))) % WORDS.length]).join(' ')} (rule ${i}).`;

const children = new Set<ChildProcess>();
let root: string;
let shop: string;

function start(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): ChildProcess {
  const { DATABASE_URL: _none, ...rest } = process.env;
  const child = spawn(process.execPath, [MOAT, ...args], {
    cwd,
    env: { ...rest, NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function finish(child: ChildProcess): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr?.on('data', (data: Buffer) => (stderr += data.toString()));
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout, stderr };
}

const moat = (args: readonly string[], cwd = shop, env: NodeJS.ProcessEnv = {}): Promise<Finished> =>
  finish(start(args, cwd, env));

async function json(args: readonly string[], cwd = shop): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await moat([...args, '--json'], cwd);
  if (code !== 0) throw new Error(`moat ${args.join(' ')}: ${code}\n${stdout}\n${stderr}`);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Serves and resolves when it is ready. */
async function serve(cwd = shop): Promise<{ child: ChildProcess; url: string }> {
  const child = start(['serve', '--json'], cwd);
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    const ready = JSON.parse(line) as { url: string };
    child.stdout?.resume();
    child.stderr?.resume();
    return { child, url: ready.url };
  }
  throw new Error('moat serve ended before it was ready');
}

/** Waits until a run has taken `step` steps. */
async function reached(run: string, step: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const events = await readEvents(path.join(shop, 'runs', run));
    if (
      events.some((event) => event.type === 'checkpoint') &&
      events.some((event) => event.type === 'step' && event.step >= step)
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${run} never reached step ${step}`);
}

const weightsOf = (run: string, step: number): Promise<Buffer> =>
  readFile(path.join(checkpointDirectory(path.join(shop, 'runs', run), step), 'model.safetensors'));

beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-whole-'));
  shop = path.join(root, 'shop');
  await mkdir(path.join(shop, 'data'), { recursive: true });
  await writeFile(path.join(shop, 'moat.config.json'), JSON.stringify(CONFIG));
  const documents = Array.from({ length: 240 }, (_, i) => `${sentence(i)} ${sentence(i + 3)} ${sentence(i + 11)}`);
  await writeFile(path.join(shop, 'data', 'rules.jsonl'), documents.map((text) => JSON.stringify({ text })).join('\n'));
  await writeFile(path.join(shop, 'data', 'notes.md'), `# Notes\n\n${sentence(500)}\n\n${sentence(501)}\n`);
  await json(['data']);
  await json(['tokenizer']);
  await json(['train', '--name', 'whole']);
});

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(root, { recursive: true, force: true });
});

describe('the way from text to a paid answer', () => {
  test('evaluation and generation', async () => {
    const { model, baselines } = await json(['eval']);
    expect(model).toMatchObject({ bitsPerByte: expect.any(Number), low: expect.any(Number), high: expect.any(Number) });
    expect(baselines).toHaveProperty('brotliPrimed.bitsPerByte');
    const first = await json(['generate', 'returns are', '--max-tokens', '8', '--temperature', '0']);
    expect(first).toMatchObject({
      outputTokens: expect.any(Number),
      finishReasons: [expect.stringMatching(/stop|length/)],
    });
    expect((await json(['generate', 'returns are', '--max-tokens', '8', '--temperature', '0']))['text']).toBe(
      first['text'],
    );
  });

  test('a sale, a kill in the middle of answers, and books that balance afterwards', async () => {
    const first = await serve();
    const { secretKey } = await json(['keys', 'create', 'Acme', '--credit', '5.00']);
    const clientOf = (url: string): OpenAI =>
      new OpenAI({ baseURL: `${url}/v1`, apiKey: String(secretKey), maxRetries: 0 });
    const client = clientOf(first.url);
    const ask = { model: 'shop', messages: [{ role: 'user' as const, content: 'returns' }], max_tokens: 8 };
    await client.chat.completions.create(ask);
    expect(await client.models.retrieve('shop')).toMatchObject({
      id: 'shop',
      data_passport: {
        files: expect.any(Number),
        outputs: { train: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } },
      },
    });
    await expect(client.completions.create({ model: 'none', prompt: 'x' })).rejects.toMatchObject({ status: 404 });
    await expect(client.completions.create({ model: 'shop', prompt: 'x', max_tokens: 5000 })).rejects.toMatchObject({
      status: 400,
    });
    const open = Array.from({ length: 4 }, () =>
      client.chat.completions.create({ ...ask, max_tokens: 90 }).catch(() => undefined),
    );
    setTimeout(() => first.child.kill('SIGKILL'), 15);
    await Promise.all(open);

    const second = await serve();
    await clientOf(second.url).chat.completions.create({ ...ask, max_tokens: 3 });
    const shared = await json(['keys', 'list']);
    expect(shared['customers']).toMatchObject([{ name: 'Acme', keyCount: 1 }]);
    const exit = finish(second.child);
    second.child.kill('SIGINT');
    expect((await exit).code).toBe(0);
    const { audit, facts } = (await json(['business'])) as {
      audit: Record<string, unknown>;
      facts: { total: { requests: number } };
    };
    expect(audit).toMatchObject({ balanced: true, findings: [], journalSumMicros: '0' });
    expect(facts.total.requests).toBeGreaterThanOrEqual(2);
    expect(facts.total.requests).toBeLessThanOrEqual(6);
  });
});

describe('training that is interrupted', () => {
  test('kill -9 and resume give the bytes of an uninterrupted run', async () => {
    const child = start(['train', '--name', 'killed'], shop);
    const ended = finish(child);
    await reached('killed', 12);
    child.kill('SIGKILL');
    await ended;
    await json(['train', '--resume', '--name', 'killed']);
    expect(await weightsOf('killed', 40)).toEqual(await weightsOf('whole', 40));
    const starts = (await readEvents(path.join(shop, 'runs', 'killed'))).filter((event) => event.type === 'start');
    expect(starts).toHaveLength(2);
    expect(starts[1]).toMatchObject({ resumedFromStep: expect.any(Number) });
  });

  test('Ctrl-C saves, says how to go on, and exits with 130', async () => {
    const child = start(['train', '--name', 'stopped', '--steps', '4000'], shop);
    const ended = finish(child);
    await reached('stopped', 8);
    child.kill('SIGINT');
    const { code, stdout } = await ended;
    expect(code).toBe(130);
    expect(stdout).toContain('moat train --resume --name stopped');
    const events = await readEvents(path.join(shop, 'runs', 'stopped'));
    expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'stopped' });
  });
});

describe('bad input is one clear line, and nothing is half-written', () => {
  /** @returns the line, after checking that it is one and that the exit code is 1 */
  async function complaint(args: readonly string[], cwd = shop, env: NodeJS.ProcessEnv = {}): Promise<string> {
    const { code, stderr, stdout } = await moat(args, cwd, env);
    const lines = stderr.split('\n').filter((line) => line.startsWith('moat:'));
    expect(code, `${stdout}\n${stderr}`).toBe(1);
    expect(lines).toHaveLength(1);
    expect(stderr).not.toContain('    at ');
    return lines[0] as string;
  }

  async function project(name: string, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
    const folder = path.join(root, name);
    await mkdir(path.join(folder, 'data'), { recursive: true });
    await writeFile(path.join(folder, 'moat.config.json'), JSON.stringify({ ...CONFIG, name }));
    for (const [file, content] of Object.entries(files)) await writeFile(path.join(folder, 'data', file), content);
    return folder;
  }

  const cases: readonly [string, Readonly<Record<string, string | Uint8Array>>, RegExp][] = [
    ['an empty folder', {}, /data.*(empty|no |nothing)/i],
    ['a binary file', { 'a.txt': Uint8Array.from({ length: 400 }, (_, i) => i % 7) }, /binary/],
    [
      'invalid UTF-8',
      { 'a.txt': Uint8Array.from([...Buffer.from('good text '.repeat(20)), 0xff, 0xc3, 0x28]) },
      /utf-?8/i,
    ],
    ['lines that are not JSON', { 'a.jsonl': '{"text": "fine"}\n{broken\n' }, /a\.jsonl:2/],
  ];
  test.each(cases)('%s', async (name, files, expected) => {
    const folder = await project(name.replaceAll(' ', '-'), files);
    expect(await complaint(['data'], folder)).toMatch(expected);
    expect(await readdir(path.join(folder, '.moat')).catch(() => [])).toEqual([]);
  });

  test('a corpus too small for the vocabulary says how large it may be', async () => {
    const folder = await project('small', { 'a.md': sentence(1), 'b.md': sentence(2), 'c.md': sentence(3) });
    await json(['data'], folder);
    expect(await complaint(['tokenizer', '--vocabulary-size', '5000'], folder)).toMatch(/vocabular/i);
    expect(await complaint(['train'], folder)).toMatch(/moat tokenizer/);
  });

  test('a truncated checkpoint is refused by name; the one before still works', async () => {
    await json(['train', '--name', 'cut', '--steps', '20']);
    const run = path.join(shop, 'runs', 'cut');
    await truncate(path.join(checkpointDirectory(run, 20), 'model.safetensors'), 1000);
    expect(await complaint(['generate', 'x', '--run', 'cut'])).toMatch(/step-00000020.*step-00000015/);
    expect(await complaint(['train', '--resume', '--name', 'cut'])).toMatch(/step-00000020.*step-00000015/);
    await json(['train', '--resume', '--from-step', '15', '--name', 'cut']);
    await json(['generate', 'x', '--run', 'cut']);
  });

  test('a port that is taken, a database that is not there, a run that does not exist', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    expect(await complaint(['serve', '--port', String(port)])).toContain(`port ${port}`);
    await new Promise((resolve) => server.close(resolve));
    expect(
      await complaint(['keys', 'list'], shop, { DATABASE_URL: `postgres://nobody:secret@127.0.0.1:${port}/none` }),
    ).not.toContain('secret');
    expect(await complaint(['generate', 'x', '--run', 'nothing'])).toContain('moat train');
    expect(await complaint(['train', '--resume', '--name', 'nothing'])).toContain('no run');
  });
});
