/**
 * A load balancer as small as can be: it follows `/readyz`, keeps connections, and sends a request elsewhere only where it is sure that
 * nothing was done: no connection came about, or the answer is a 503 that says to try again. What else fails, its client sees.
 */
import { Agent, type IncomingMessage, type ServerResponse, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { systemCode } from '../../src/base/errors.js';

export interface LoopbackBalancer {
  readonly url: string;
  /** Requests that were sent a second time. */
  readonly retried: number;
  add(target: string): void;
  remove(target: string): void;
  close(): Promise<void>;
}

const LOOK_EVERY_MS = 100;

export async function openLoopbackBalancer(): Promise<LoopbackBalancer> {
  const agent = new Agent({ keepAlive: true });
  /** Whether each is ready. */
  const targets = new Map<string, boolean>();
  let turn = 0;
  let retried = 0;
  const look = setInterval(() => {
    for (const target of targets.keys())
      void isReady(target).then((ready) => targets.has(target) && targets.set(target, ready));
  }, LOOK_EVERY_MS);

  const forward = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
    const pieces: Buffer[] = [];
    for await (const piece of incoming as AsyncIterable<Buffer>) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const ready = [...targets].filter(([, isReady]) => isReady).map(([target]) => target);
    const order = ready.map((_, index) => ready[(turn + index) % ready.length] ?? '');
    turn++;
    for (const target of order) {
      const answer = await ask(target, incoming, body, agent).catch((error: unknown) => {
        if (systemCode(error) !== 'ECONNREFUSED') throw error;
      });
      const isRefused = answer === undefined || (answer.statusCode === 503 && 'retry-after' in answer.headers);
      if (!isRefused) return pass(answer, outgoing);
      answer?.resume();
      retried++;
    }
    outgoing.writeHead(502).end(JSON.stringify({ error: { code: 'nobody_ready' } }));
  };

  const server = createServer((incoming, outgoing) => {
    forward(incoming, outgoing).catch((error: unknown) => {
      if (!outgoing.headersSent) outgoing.writeHead(502);
      outgoing.end(JSON.stringify({ error: { code: systemCode(error) ?? String(error) } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get retried() {
      return retried;
    },
    add: (target) => void targets.set(target, true),
    remove: (target) => void targets.delete(target),
    async close() {
      clearInterval(look);
      agent.destroy();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
    },
  };
}

const isReady = (target: string): Promise<boolean> =>
  fetch(`${target}/readyz`).then(
    ({ ok }) => ok,
    () => false,
  );

function ask(
  target: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  agent: Agent,
): Promise<IncomingMessage> {
  const { connection: _, ...passed } = headers;
  return new Promise((resolve, reject) => {
    const options = { method, agent, headers: { ...passed, host: new URL(target).host } };
    request(new URL(url ?? '/', target), options, resolve)
      .once('error', reject)
      .end(body);
  });
}

function pass(answer: IncomingMessage, outgoing: ServerResponse): void {
  const { connection: _, ...headers } = answer.headers;
  outgoing.writeHead(answer.statusCode ?? 502, headers);
  answer.once('error', () => outgoing.destroy());
  answer.pipe(outgoing);
}
