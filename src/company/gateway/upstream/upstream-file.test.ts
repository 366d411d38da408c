import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readUpstreams } from './upstream-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'upstreams-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function reading(content: unknown, environment: Record<string, string> = {}) {
  const file = path.join(folder, 'upstreams.json');
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content));
  return readUpstreams(file, environment);
}
const withTarget = (target: object, model: object = {}): object => ({
  models: { ours: { ...model, targets: [target] } },
});
const good = { url: 'https://api.example.com/v1', model: 'there' };

test('what a file may say, and what is meant where it says nothing', async () => {
  const tokenizer = path.resolve('tests/golden/chat');
  const content = withTarget({ ...good, apiKeyEnvironment: 'ENGINE_KEY' }, { contextLength: 8192, tokenizer });
  const [model] = await reading(content, { ENGINE_KEY: ' sk-private-1 \n' });
  expect(model).toMatchObject({ modelId: 'ours', contextLength: 8192, maxOutputTokens: 4096 });
  expect(model?.tokenizer?.encode('a')).toHaveLength(1);
  const [target] = model?.targets ?? [];
  expect(target).toMatchObject({ ...good, weight: 1, priority: 0, allowPrivate: false, timeoutMs: 600_000 });
  expect(target?.apiKey?.reveal()).toBe('sk-private-1');
  expect(
    `${String(target?.apiKey)} ${inspect(target, { showHidden: true, depth: 9 })} ${JSON.stringify(target)}`,
  ).not.toContain('private-1');
  expect(await readUpstreams(path.join(folder, 'none.json'), {})).toEqual([]);
});

test.each([
  [undefined, 'vllm', 'http://127.0.0.1:8000/v1', true],
  [undefined, 'ollama', 'http://127.0.0.1:11434/v1', true],
  ['http://gpu-1.example.com', 'sglang', 'http://gpu-1.example.com:30000/v1', false],
  ['http://gpu-1.example.com:9000/', 'llama.cpp', 'http://gpu-1.example.com:9000/v1', false],
  ['https://gpu-1.example.com', 'ray-serve', 'https://gpu-1.example.com/v1', false],
  ['http://gpu-1.example.com/other/v1', 'transformers', 'http://gpu-1.example.com/other/v1', false],
])('where %s of %s is', async (url, engine, expected, allowPrivate) => {
  const [model] = await reading(withTarget({ ...(url !== undefined && { url }), engine, model: 'there' }));
  expect(model?.targets[0]).toMatchObject({ url: expected, engine, allowPrivate });
});

test('what an engine is known for is filled in, and what the file says stands above it', async () => {
  const targets = [
    { engine: 'vllm', model: 'there' },
    { engine: 'transformers', model: 'there' },
    { engine: 'vllm', model: 'there', tokens: false, lacks: ['n'], url: 'http://10.0.0.1', allowPrivate: true },
    good,
  ];
  const [model] = await reading({ models: { ours: { targets } } });
  expect(model?.targets).toMatchObject([
    { tokens: true, usageInEveryChunk: true, lacks: ['completions.suffix'], usageOfOneChoice: false },
    { tokens: false, usageInEveryChunk: false, lacks: expect.arrayContaining(['n', 'stream_options']) as string[] },
    { tokens: false, usageInEveryChunk: true, lacks: ['n'], url: 'http://10.0.0.1:8000/v1' },
    { engine: undefined, tokens: false, usageInEveryChunk: false, lacks: [], allowPrivate: false },
  ]);
  const digest = `sha256:${'a'.repeat(64)}`;
  const [ollama] = await reading(withTarget({ engine: 'ollama', model: 'there', digest }));
  expect(ollama?.targets[0]?.digest).toBe('a'.repeat(64));
});

test.each([
  ['{"models": sk-secret', /is no JSON/],
  [{}, /models: /],
  [{ models: {}, more: 1 }, /the file: .*more/],
  [{ models: { ours: { targets: [] } } }, /models\.ours\.targets: /],
  [withTarget({ ...good, wieght: 2 }), /models\.ours\.targets\[0\]: .*wieght/],
  [withTarget({ model: 'there' }), /targets\[0\]\.url: is missing/],
  [withTarget({ ...good, engine: 'lmstudio' }), /targets\[0\]\.engine: /],
  [withTarget({ engine: 'vllm', model: 'there', url: 'http://10.0.0.5' }), /url: 10\.0\.0\.5 is in a private network/],
  [withTarget({ ...good, engine: 'vllm', digest: 'a'.repeat(12) }), /digest: is told by "engine": "ollama" alone/],
  [withTarget({ ...good, engine: 'ollama', digest: 'xyz' }), /digest: is the beginning of a SHA-256/],
  [withTarget({ ...good, weight: 0 }), /models\.ours\.targets\[0\]\.weight: /],
  [withTarget({ ...good, url: 'http://10.0.0.5:8000/v1' }), /targets\[0\]\.url: 10\.0\.0\.5 is in a private network/],
  [withTarget({ ...good, url: 'http://169.254.169.254/v1', allowPrivate: true }), /targets\[0\]\.url: .*never asked/],
  [withTarget({ ...good, apiKeyEnvironment: 'sk-abc' }), /apiKeyEnvironment: is the name/],
  [withTarget({ ...good, apiKeyEnvironment: 'NOT_SET' }), /NOT_SET, which is not set/],
  [withTarget({ ...good, apiKeyEnvironment: 'SPLIT' }), /SPLIT holds no key/],
  [withTarget(good, { tokenizer: 'nowhere' }), /nowhere/],
])('%j is refused by name', async (content, message) => {
  const failure = await reading(content, { SPLIT: 'a\r\nx: y' }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ name: 'MoatError', message: expect.stringMatching(message) as string });
  expect(String(failure)).not.toContain('sk-secret');
});
