/** Bytes to a server as no well-meaning client would send them. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface RawAnswer {
  /** 0 when the connection ended without an answer. */
  readonly status: number;
  readonly text: string;
  readonly elapsedMs: number;
}

/**
 * @param pieces sent one after the other, `pauseMs` apart, until the server has answered
 * @param patienceMs after this long without an end it is an error: the server hangs
 */
export async function rawRequest(
  url: string,
  pieces: readonly (string | Buffer)[],
  { pauseMs = 0, patienceMs = 10_000 } = {},
): Promise<RawAnswer> {
  const startedMs = performance.now();
  const { port, hostname } = new URL(url);
  const socket = connect({ port: Number(port), host: hostname, noDelay: true });
  let text = '';
  let isOver = false;
  const ended = new Promise<void>((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`no answer within ${patienceMs} ms`)), patienceMs);
    const end = (): void => {
      isOver = true;
      clearTimeout(late);
      resolve();
    };
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      // an answer came: whoever sends nonsense does not read on
      if (text.includes('\r\n\r\n')) setTimeout(end, 50);
    });
    socket.on('error', end);
    socket.on('close', end);
  });
  for (const piece of pieces) {
    if (isOver) break;
    socket.write(piece);
    if (pauseMs > 0) await sleep(pauseMs);
  }
  await ended.finally(() => socket.destroy());
  return { status: Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0), text, elapsedMs: performance.now() - startedMs };
}

/** The head of a POST with JSON, without the empty line that ends it. */
export const postHead = (route: string, key: string, ...more: string[]): string =>
  [
    `POST ${route} HTTP/1.1`,
    'host: localhost',
    `authorization: Bearer ${key}`,
    'content-type: application/json',
    ...more,
    '',
  ].join('\r\n');
