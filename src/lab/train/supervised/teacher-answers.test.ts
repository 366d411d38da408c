/** A teacher on loopback: retries, limits, tokens counted, answers never asked for twice. */
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createChatApi } from '../../../base/chat-api.js';
import type { Conversation } from './read-conversations.js';
import { answersOfTeacher, teacherCostMicros } from './teacher-answers.js';

interface Asked {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
}

let folder: string;
let server: Server;
let asked: Asked[];
let keys: (string | undefined)[];
/** The status of the request so numbered. */
let statusOf: (request: number) => number;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-teacher-'));
  [asked, keys, statusOf] = [[], [], () => 200];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      keys.push(request.headers.authorization);
      asked.push(JSON.parse(body) as Asked);
      const question = asked.at(-1)?.messages.at(-1)?.content ?? '';
      const message = { role: 'assistant', content: question === 'mute' ? '' : `about ${question}` };
      response.statusCode = statusOf(asked.length);
      response.end(JSON.stringify({ choices: [{ message }], usage: { prompt_tokens: 10, completion_tokens: 3 } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

function options(further: object = {}) {
  const { port } = server.address() as AddressInfo;
  const baseUrl = `http://127.0.0.1:${port}/v1`;
  const ask = createChatApi({ baseUrl, model: 'large', apiKey: 'secret', sleep: () => Promise.resolve() });
  const answersFile = path.join(folder, 'answers.jsonl');
  return {
    ask,
    model: 'large',
    answersFile,
    maxRequests: 10,
    maxTokens: 50,
    temperature: 0,
    concurrency: 2,
    ...further,
  };
}

const record = (question: string): Conversation => ({
  id: question,
  origin: 'x:1',
  messages: [
    { role: 'system', content: 'S' },
    { role: 'user', content: question },
    { role: 'assistant', content: 'as the data has it' },
  ],
});

test('the last answer becomes the teacher’s, tokens are counted, nothing is asked twice', async () => {
  const records = ['a', 'b', 'a', 'mute'].map(record);
  const first = await answersOfTeacher(records, options());
  expect(first).toMatchObject({ requests: 3, inputTokens: 30, outputTokens: 9, empty: 1 });
  expect(first.conversations.map(({ messages }) => messages.map(({ content }) => content))).toEqual([
    ['S', 'a', 'about a'],
    ['S', 'b', 'about b'],
    ['S', 'a', 'about a'],
  ]);
  expect(keys).toEqual(['Bearer secret', 'Bearer secret', 'Bearer secret']);
  expect(await readFile(path.join(folder, 'answers.jsonl'), 'utf8')).not.toContain('secret');
  await appendFile(path.join(folder, 'answers.jsonl'), '{"question":"torn');
  const again = await answersOfTeacher([...records, record('c')], options());
  expect(again).toMatchObject({ requests: 1, inputTokens: 10, outputTokens: 3 });
  expect(await answersOfTeacher([record('c')], options())).toMatchObject({ requests: 0 });
});

test('a busy server is asked again; a failing one stops the run, and what came is kept', async () => {
  statusOf = (request) => (request === 1 ? 429 : 200);
  expect((await answersOfTeacher([record('a')], options())).requests).toBe(1);
  expect(asked).toHaveLength(2);
  statusOf = (request) => (request <= 3 ? 200 : 401);
  await expect(answersOfTeacher(['b', 'c', 'd', 'e'].map(record), options({ concurrency: 1 }))).rejects.toMatchObject({
    code: 'chat-api-failed',
  });
  expect(asked).toHaveLength(4);
  expect((await readFile(path.join(folder, 'answers.jsonl'), 'utf8')).trim().split('\n')).toHaveLength(2);
});

test('more questions than allowed are refused before the first', async () => {
  const records = Array.from({ length: 11 }, (_, i) => record(String(i)));
  await expect(answersOfTeacher(records, options())).rejects.toThrow('11 questions for the teacher, the limit is 10');
  expect(asked).toHaveLength(0);
});

test('costs are whole millionths, rounded up', () => {
  const prices = { inputMicros: 150_000n, outputMicros: 600_000n };
  expect(teacherCostMicros({ inputTokens: 1_000_000, outputTokens: 1_000_000 }, prices)).toBe(750_000n);
  expect(teacherCostMicros({ inputTokens: 1, outputTokens: 0 }, prices)).toBe(1n);
});
