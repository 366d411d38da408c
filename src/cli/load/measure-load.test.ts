import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../base/clock.js';
import { measureLoad } from './measure-load.js';
import type { LoadTarget } from './timed-answer.js';

/** Answers a token each 2 ms; beyond `refuseAfter` requests, refuses every second one. */
let server: Server;
let refuseAfter = Number.POSITIVE_INFINITY;
const prompts: string[] = [];
beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    const asked = JSON.parse(body) as { max_tokens: number; model: string; messages: { content: string }[] };
    prompts.push(asked.messages[0]?.content ?? '');
    const isRefused = prompts.length > refuseAfter && prompts.length % 2 === 0;
    if (isRefused || asked.model !== 'shop' || request.headers.authorization !== 'Bearer key') {
      response.writeHead(isRefused ? 429 : 401).end('{"error":{"message":"no"}}');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (let token = 0; token < asked.max_tokens; token++) {
      await sleep(2);
      response.write(`data: {"choices":[{"delta":{"content":"${token} "}}]}\n\n`);
    }
    response.write(`data: {"choices":[],"usage":{"prompt_tokens":10,"completion_tokens":${asked.max_tokens}}}\n\n`);
    response.end('data: [DONE]\n\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

const target = (more: Partial<LoadTarget> = {}): LoadTarget => ({
  endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`,
  apiKey: 'key',
  model: 'shop',
  clock: systemClock,
  signal: new AbortController().signal,
  ...more,
});
const plan = {
  concurrencies: [1, 2, 4],
  rounds: 2,
  inputWords: 20,
  outputTokens: 5,
  seed: 1,
  maxSeconds: 60,
  onPoint: () => {},
};

test('measures each point so often, counts what was refused, and never asks the same twice', async () => {
  // One to warm up, then two rounds of two waves with one request, and with two.
  refuseAfter = 1 + 4 * 1 + 4 * 2;
  const points = await measureLoad(target(), plan);
  refuseAfter = Number.POSITIVE_INFINITY;
  expect(points.map(({ concurrency, rounds }) => [concurrency, rounds.length])).toEqual([
    [1, 2],
    [2, 2],
    [4, 2],
  ]);
  const failures = points.map(({ rounds }) => rounds.map(({ failed }) => failed));
  expect(failures).toEqual([
    [0, 0],
    [0, 0],
    [4, 4],
  ]);
  for (const { rounds } of points.slice(0, 2)) {
    for (const round of rounds) {
      expect(round.decodeTokensPerSecond).toBeGreaterThan(0);
      // Five tokens of at least 2 ms each: never more than 500 a second and request.
      expect(round.decodeTokensPerSecond).toBeLessThan(1100);
      expect(round.prefillTokensPerSecond).toBeGreaterThan(0);
      expect(round.firstTokenMs.p95).toBeGreaterThanOrEqual(round.firstTokenMs.p50);
      expect(round.perTokenMs.p50).toBeGreaterThan(0.5);
    }
  }
  const long = prompts.filter((prompt) => prompt.split(' ').length === 20);
  expect(new Set(long).size).toBe(long.length);
});

test('says what is wrong with the target before it measures, and stops when it is told to', async () => {
  await expect(measureLoad(target({ apiKey: 'other' }), plan)).rejects.toThrow('status 401');
  await expect(measureLoad(target({ signal: AbortSignal.abort(new Error('stop')) }), plan)).rejects.toThrow('stop');
});

test('begins no higher point after its time', async () => {
  expect(await measureLoad(target(), { ...plan, maxSeconds: 0 })).toHaveLength(1);
});
