/** Connections: kept ones that the engine closed, slow readers, and engines that send too much. */
import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { ask, chat, closeUpstreams, serve, targetAt, textOf, upstream } from '../../../../tests/served-upstream.js';
import { connectTo } from './upstream-connection.js';

afterEach(closeUpstreams);

test('a request on a kept connection that the engine closed meanwhile is sent once more, and nobody is to blame', async () => {
  const engine = await upstream((_, at) => (at === 1 ? { kind: 'die' } : { kind: 'answer' }));
  const { backend, problems } = serve([targetAt(engine.url)]);
  await ask(backend);
  expect(textOf(await ask(backend))).toBe('0 1 2 3 ');
  expect(engine.seen).toHaveLength(3);
  expect(problems).toEqual([]);
  expect(backend.health().targets).toMatchObject([{ consecutiveFailures: 0, lastFailure: null }]);
});

async function sending(send: (outgoing: ServerResponse) => void) {
  const server = createServer((incoming, outgoing) => {
    incoming.resume();
    outgoing.writeHead(200, { 'content-type': 'text/event-stream' });
    send(outgoing);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const connection = connectTo(targetAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`));
  const stream = await connection.open('/completions', '{}', new AbortController().signal);
  return {
    stream,
    async close() {
      stream.close(false);
      connection.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test('an engine is made to wait for a slow reader', async () => {
  let isSent = false;
  const body = `data: ${'0123456789'.repeat(100)}\n\n`.repeat(36_000);
  const { stream, close } = await sending((outgoing) => outgoing.end(body, () => (isSent = true)));
  let count = (await stream.next())?.length ?? 0;
  await sleep(300);
  expect(isSent).toBe(false);
  for (let events = await stream.next(); events !== undefined; events = await stream.next()) count += events.length;
  expect(count).toBe(36_000);
  await close();
});

test('a customer who reads slowly is not taken for an engine that hangs', async () => {
  const engine = await upstream(() => ({ kind: 'answer', tokenMs: 60 }));
  const { backend } = serve([targetAt(engine.url, { idleTimeoutMs: 150 })]);
  const ends: unknown[] = [];
  for await (const event of backend.prepareChat(chat()).run('scope', new AbortController().signal)) {
    if (event.type === 'done') ends.push(event);
    else await sleep(200);
  }
  expect(ends).toMatchObject([{ finishReasons: ['stop'], outputTokens: 4 }]);
});

test('one event, and an answer, have a greatest size', async () => {
  const untilEnd = async (send: (outgoing: ServerResponse) => void): Promise<unknown> => {
    const { stream, close } = await sending(send);
    try {
      while ((await stream.next()) !== undefined);
      return undefined;
    } catch (error) {
      return error;
    } finally {
      await close();
    }
  };
  const long = await untilEnd((outgoing) => outgoing.end(`data: ${'a'.repeat(1_100_000)}\n\n`));
  expect(long).toMatchObject({ message: 'an event of the stream has over 1048576 characters', kind: 'broken' });
  const comments = `: ${'a'.repeat(500_000)}\n`;
  const endless = await untilEnd((outgoing) => {
    const more = (): void => {
      while (!outgoing.destroyed && outgoing.write(comments));
      if (!outgoing.destroyed) outgoing.once('drain', more);
    };
    more();
  });
  expect(endless).toMatchObject({ message: 'its answer has over 67108864 bytes', kind: 'broken' });
});
