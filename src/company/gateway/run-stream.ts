import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { RunLine } from './run-reader.js';

const HEARTBEAT_MS = 15_000;

/** Sends a run's lines as server-sent events until the reader leaves or the server shuts down. */
export async function streamRun(
  lines: (signal: AbortSignal) => AsyncIterable<RunLine>,
  outgoing: ServerResponse,
  shutdown: AbortSignal,
): Promise<void> {
  const leaving = new AbortController();
  const leave = (): void => leaving.abort();
  outgoing.once('close', leave);
  shutdown.addEventListener('abort', leave);
  outgoing.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  outgoing.write(': following\n\n');
  const heartbeat = setInterval(() => outgoing.write(': alive\n\n'), HEARTBEAT_MS);
  try {
    for await (const { index, json } of lines(leaving.signal)) {
      if (leaving.signal.aborted) break;
      if (!outgoing.write(`id: ${index}\ndata: ${json}\n\n`))
        await once(outgoing, 'drain', { signal: leaving.signal }).catch(leave);
    }
  } finally {
    clearInterval(heartbeat);
    shutdown.removeEventListener('abort', leave);
    outgoing.end();
  }
}
