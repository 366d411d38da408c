/**
 * A keep-alive connection that sends prepared bytes and waits for a whole answer. About a fifth of the work of `node:http`'s client:
 * the load generator shares the machine with what it measures.
 */
import { type Socket, connect } from 'node:net';
import { once } from 'node:events';

export interface Wire {
  /** Resolves when the answer has come to its end. @throws when it is not 200 or the connection breaks */
  ask(request: Buffer): Promise<void>;
  close(): void;
}

export interface WireRequest {
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function requestBytes({ port, path, headers, body }: WireRequest): Buffer {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

export async function openSocket(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket;
}

export async function openWire(port: number): Promise<Wire> {
  const socket = await openSocket(port);
  let received = '';
  let waiting: { resolve: () => void; reject: (error: Error) => void } | undefined;
  const settle = (error?: Error): void => {
    const asker = waiting;
    waiting = undefined;
    received = '';
    if (error === undefined) asker?.resolve();
    else asker?.reject(error);
  };
  socket.setEncoding('latin1');
  socket.on('data', (chunk: string) => {
    received += chunk;
    if (!isWhole(received)) return;
    settle(received.startsWith('HTTP/1.1 200') ? undefined : new Error(`the answer was ${received.slice(0, 300)}`));
  });
  socket.on('error', settle);
  socket.on('close', () => settle(new Error('the server closed the connection')));
  return {
    ask: (request) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => void socket.destroy(),
  };
}

/** By its length, or by the last chunk (RFC 9112, sections 6.3 and 7.1). */
function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, headEnd))?.[1];
  return length === undefined ? answer.endsWith('\r\n0\r\n\r\n') : answer.length >= headEnd + 4 + Number(length);
}
