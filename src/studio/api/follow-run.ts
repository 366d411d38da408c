/**
 * Follows one run for as long as it is watched: what its events add up to so far comes in one answer, however long the run
 * is, and then event by event. Reconnects, and goes on at the line after the last one seen.
 */
import type { RunHistory } from '../../base/run-history.js';
import type { RunCurve, RunEvent } from '../../company/gateway/api-types.js';
import { type Api, ApiFailure } from './client.js';
import { readMessages } from './server-sent-events.js';

const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 15_000;
/** The server sends a heartbeat every 15 s; this long without a byte means the connection is dead. */
const SILENCE_MS = 40_000;

export interface RunFollower {
  /** Comes once, before the first event. */
  onHistory(history: RunHistory): void;
  onEvent(event: RunEvent): void;
  onConnection(state: 'live' | 'reconnecting'): void;
}

/** Resolves when `signal` aborts, or when the run is gone or the token refused. */
export async function followRun(api: Api, name: string, follower: RunFollower, signal: AbortSignal): Promise<void> {
  let nextLine: number | undefined;
  let retryMs = FIRST_RETRY_MS;
  while (!signal.aborted) {
    try {
      nextLine ??= await begin(api, name, follower, signal);
      for await (const message of messagesFrom(api, name, nextLine, follower, signal)) {
        const line = Number.parseInt(message.id, 10);
        // A server that replays more than it was asked for must not count a step twice.
        if (Number.isInteger(line) && line < nextLine) continue;
        follower.onEvent(JSON.parse(message.data) as RunEvent);
        nextLine = Number.isInteger(line) ? line + 1 : nextLine + 1;
        retryMs = FIRST_RETRY_MS;
      }
    } catch (error) {
      if (error instanceof ApiFailure && [401, 403, 404].includes(error.status)) return;
    }
    if (signal.aborted) return;
    follower.onConnection('reconnecting');
    await pause(retryMs, signal);
    retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
  }
}

/** @returns the line to go on from */
async function begin(api: Api, name: string, follower: RunFollower, signal: AbortSignal): Promise<number> {
  const { history, nextLine } = await api.get<RunCurve>(`/api/runs/${encodeURIComponent(name)}/curve`, signal);
  follower.onHistory(history);
  return nextLine;
}

async function* messagesFrom(api: Api, name: string, line: number, follower: RunFollower, signal: AbortSignal) {
  const connection = new AbortController();
  const stop = (): void => connection.abort();
  signal.addEventListener('abort', stop);
  let silence = setTimeout(stop, SILENCE_MS);
  try {
    const path = `/api/runs/${encodeURIComponent(name)}/events?from=${line}`;
    const stream = await api.stream(path, { signal: connection.signal, headers: { accept: 'text/event-stream' } });
    follower.onConnection('live');
    yield* readMessages(stream, () => {
      clearTimeout(silence);
      silence = setTimeout(stop, SILENCE_MS);
    });
  } finally {
    clearTimeout(silence);
    signal.removeEventListener('abort', stop);
    connection.abort();
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(finish, ms);
    function finish(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    }
    signal.addEventListener('abort', finish);
  });
}
