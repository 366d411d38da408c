/** A gateway that is told to end: what it says, what it serves on, and what it lets finish. */
import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { usageOf } from '../billing/usage.js';

let opened: ScratchGateway;
beforeAll(async () => {
  const engines = [
    scriptedEngine({ modelId: 'quick' }),
    scriptedEngine({ modelId: 'slow', tokenMs: 20 }),
    scriptedEngine({ modelId: 'large', contextLength: 3_000_000 }),
  ];
  opened = await openScratchGateway(engines, ['quick', 'slow', 'large']);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});

/** Over a connection that would be used again. */
async function askKept(url: string, key: string) {
  const agent = new Agent({ keepAlive: true });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const outgoing = request(`${url}/v1/completions`, { method: 'POST', headers, agent });
  outgoing.end(JSON.stringify({ model: 'quick', prompt: 'ab', max_tokens: 2 }));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.resume();
  await once(incoming, 'end');
  agent.destroy();
  const { connection, 'keep-alive': keepAlive } = incoming.headers;
  return { status: incoming.statusCode, connection, keepAlive: String(keepAlive) };
}

test('while it leaves, /readyz says no, requests are served, and their connections end', async () => {
  const { secretKey } = await opened.newClient(1000n);
  const gateway = await opened.start();
  expect(await askKept(gateway.url, secretKey)).toEqual({
    status: 200,
    connection: 'keep-alive',
    keepAlive: 'timeout=75',
  });
  const closing = gateway.close(10_000, 1500);
  const ready = await fetch(`${gateway.url}/readyz`);
  expect([ready.status, await ready.json()]).toMatchObject([503, { error: { code: 'shutting_down' } }]);
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  expect(await askKept(gateway.url, secretKey)).toMatchObject({ status: 200, connection: 'close' });
  await closing;
  await expect(fetch(`${gateway.url}/readyz`)).rejects.toThrow('fetch failed');
});

test('a stream that began is heard to its end; a request over a connection that is still open is refused before work', async () => {
  const { secretKey, customerId } = await opened.newClient(1000n);
  const gateway = await opened.start();
  const body = { model: 'slow', prompt: 'ab', max_tokens: 50, stream: true };
  const stream = await post(`${gateway.url}/v1/completions`, secretKey, body);
  const wire = connect({ port: gateway.port, host: '127.0.0.1' });
  await once(wire, 'connect');
  const closing = gateway.close(10_000);
  await sleep(50);
  const asked = JSON.stringify({ model: 'quick', prompt: 'ab', max_tokens: 2 });
  wire.write(
    `POST /v1/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secretKey}\r\ncontent-type: application/json\r\ncontent-length: ${asked.length}\r\n\r\n${asked}`,
  );
  const [refusal] = (await once(wire, 'data')) as [Buffer];
  expect(refusal.toString()).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 5[\s\S]*connection: close/i);
  const text = await stream.text();
  expect(text).toContain('"text":"49 "');
  expect(text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  await closing;
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ status: 'finished', outputTokens: 50 }]);
});

test('a slow reader gets the last byte of an answer that was finished when the gateway left', async () => {
  const { secretKey } = await opened.newClient(10_000_000n);
  const gateway = await opened.start();
  const headers = { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' };
  const outgoing = request(`${gateway.url}/v1/completions`, { method: 'POST', headers });
  outgoing.end(JSON.stringify({ model: 'large', prompt: 'ab', max_tokens: 1_000_000 }));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.pause();
  const closing = gateway.close(10_000);
  await sleep(300);
  let length = 0;
  let last = '';
  for await (const piece of incoming as AsyncIterable<Buffer>) {
    length += piece.length;
    last = piece.subarray(-200).toString();
  }
  expect(length).toBe(Number(incoming.headers['content-length']));
  expect(length).toBeGreaterThan(6_000_000);
  expect(last).toContain('"total_tokens":1000002');
  await closing;
});
