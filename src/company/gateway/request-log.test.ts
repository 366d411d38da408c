import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { newSecretKey } from '../billing/api-key.js';
import { ApiProblem } from './api-problem.js';
import type { AnsweredRequest } from './metered.js';
import { openRequestLog, type RequestLogOptions } from './request-log.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-log-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const clock = manualClock(Date.UTC(2026, 10, 30, 12));
let files = 0;

async function logged(
  write: (log: Awaited<ReturnType<typeof openRequestLog>>) => void,
  level: RequestLogOptions['level'] = 'info',
): Promise<{ text: string; lines: Record<string, unknown>[] }> {
  const file = path.join(folder, 'deep', `${files++}.jsonl`);
  const log = await openRequestLog({ level, file, clock });
  write(log);
  await log.close();
  await log.close();
  const text = await readFile(file, 'utf8');
  return {
    text,
    lines: text
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

const answer: AnsweredRequest = {
  requestId: 'req_1',
  traceId: 'a'.repeat(32),
  scope: 'chat',
  model: 'poems',
  kind: 'paying',
  customerId: 'cus_1',
  keyId: null,
  usage: { inputTokens: 12, cachedTokens: 4, outputTokens: 6, reasoningTokens: 2, computeMs: 3, status: 'finished' },
  settlement: { eventId: 'use_1', chargedMicros: 9_007_199_254_740_993n },
  admissionSeconds: 0.00123456,
  firstTextSeconds: undefined,
  seconds: 0.02,
};
const busyProblem = new ApiProblem(429, 'queue_full', 'later');
const problemOf = (code: string): ApiProblem => new ApiProblem(401, code, 'the customer wrote: my diary');

test('an answer is one line with disjoint tokens and exact money', async () => {
  const { lines } = await logged((log) => log.answered(answer));
  expect(lines).toEqual([
    {
      level: 'info',
      time: '2026-11-30T12:00:00.000Z',
      event: 'request',
      request_id: 'req_1',
      trace_id: 'a'.repeat(32),
      scope: 'chat',
      model: 'poems',
      customer_id: 'cus_1',
      outcome: 'finished',
      input_tokens: 8,
      cached_input_tokens: 4,
      output_tokens: 4,
      reasoning_tokens: 2,
      charged_micros: '9007199254740993',
      admission_ms: 1.235,
      total_ms: 21.235,
    },
  ]);
});

test('what a record has beside its fields is not written', async () => {
  const headers = { authorization: 'Bearer abc', cookie: 'session=abc' };
  const wider = { ...answer, headers, prompt: 'my diary' };
  const { text } = await logged((log) => {
    log.answered(wider);
    log.refused(problemOf('invalid_api_key'), '/v1/models');
  });
  expect(text.split('\n')).toHaveLength(3);
  expect(text).not.toMatch(/abc|diary/);
});

test('a problem has stack and causes, without keys and without properties that may hold values', async () => {
  const secretKey = newSecretKey();
  const cause = Object.assign(new Error(`bad value ${secretKey}`), {
    parameters: ['my diary'],
    headers: { cookie: 'c' },
  });
  const { lines, text } = await logged((log) => {
    log.problem(new TypeError('settling failed', { cause }));
    log.problem('thrown text');
  });
  expect(lines[0]).toMatchObject({
    level: 'error',
    event: 'problem',
    type: 'TypeError',
    message: 'settling failed',
    stack: expect.stringContaining('request-log.test'),
    causes: [{ type: 'Error', message: 'bad value moat_sk_…' }],
  });
  expect(lines[1]).toMatchObject({ type: 'string', message: 'thrown text', causes: [] });
  expect(text).not.toMatch(/diary|cookie/);
  expect(text).not.toContain(secretKey.slice(8, 20));
});

test('a level leaves out what is below it', async () => {
  const { lines } = await logged((log) => {
    log.answered(answer);
    log.answered({ ...answer, usage: { ...answer.usage, status: 'failed' } });
    log.refused(problemOf('invalid_api_key'), '/v1/models');
    log.refused(busyProblem, '/v1/models');
    log.problem(new Error('no'));
  }, 'warn');
  expect(lines.map(({ event, level }) => [event, level])).toEqual([
    ['request', 'warn'],
    ['refusal', 'warn'],
    ['problem', 'error'],
  ]);
});

test('ten thousand lines at once are all there after the close', async () => {
  const { lines } = await logged((log) => {
    for (let i = 0; i < 10_000; i++) log.refused(problemOf(String(i)), '/v1/models');
  });
  expect(lines.map(({ code }) => code)).toEqual(Array.from({ length: 10_000 }, (_, i) => String(i)));
});

test('lines that no one takes are dropped and counted, never kept without bound', async () => {
  const code = 'x'.repeat(100_000);
  const { lines } = await logged((log) => {
    for (let i = 0; i < 200; i++) log.refused(problemOf(code), '/v1/models');
  });
  const written = lines.filter(({ event }) => event === 'refusal').length;
  const told = lines
    .filter(({ event }) => event === 'lines_dropped')
    .reduce((sum, line) => sum + Number(line['lines']), 0);
  expect(written).toBeLessThan(200);
  expect(written + told).toBe(200);
});

test.runIf(existsSync('/dev/full'))('a full disk ends neither the server nor its close', async () => {
  const log = await openRequestLog({ level: 'info', file: '/dev/full', clock });
  log.answered(answer);
  await sleep(20);
  log.answered(answer);
  await expect(log.close()).resolves.toBeUndefined();
});

test('a file that cannot be opened is said before anything starts', async () => {
  const file = path.join(folder, 'plain');
  await writeFile(file, '');
  await expect(openRequestLog({ level: 'info', file: path.join(file, 'log'), clock })).rejects.toMatchObject({
    code: 'log-not-writable',
  });
});
