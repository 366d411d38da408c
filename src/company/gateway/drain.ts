/**
 * How a gateway ends without losing a request. First it says at `/readyz` that it is leaving and serves on, so that whoever shares out
 * requests sends them elsewhere; then it takes nothing new, lets answers finish, and goes when the last byte of the last one has left.
 */
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

export interface Draining {
  readonly server: Server;
  /** Requests being answered. */
  readonly inFlight: ReadonlySet<Promise<void>>;
  /** Answers whose last byte has not left, finished or not. */
  readonly unsent: ReadonlySet<ServerResponse>;
  /** Cuts off what is not finished. */
  readonly shutdown: AbortController;
  closeBooks(): Promise<void>;
}

/** For the last bytes of an answer that is settled: a reader may be slow, and not for ever. */
const LAST_BYTES_MS = 5000;
const LOOK_MS = 10;

/** Watches a server's answers. While it leaves, each ends its connection, so that the next request finds another gateway. */
export function watchAnswers(server: Server, isLeaving: () => boolean): ReadonlySet<ServerResponse> {
  const unsent = new Set<ServerResponse>();
  server.prependListener('request', (_, outgoing) => {
    if (isLeaving()) outgoing.shouldKeepAlive = false;
    unsent.add(outgoing);
    outgoing.once('close', () => unsent.delete(outgoing));
  });
  return unsent;
}

/** @param graceMs for answers to finish; what is left then is cut off, and settled */
export async function drain(
  { server, inFlight, unsent, shutdown, closeBooks }: Draining,
  graceMs: number,
): Promise<void> {
  // not `server.close`, which would also end connections whose answer is written and has not left yet
  const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
  await within(graceMs, Promise.all(inFlight));
  shutdown.abort();
  await Promise.all(inFlight);
  await closeBooks();
  const isLeavingStill = (): boolean => [...unsent].some(({ writableEnded }) => writableEnded);
  for (let waitedMs = 0; isLeavingStill() && waitedMs < LAST_BYTES_MS; waitedMs += LOOK_MS) await sleep(LOOK_MS);
  server.closeAllConnections();
  await closed;
  // its timers
  server.close();
}

async function within(limitMs: number, work: Promise<unknown>): Promise<void> {
  const limit = new AbortController();
  await Promise.race([work, sleep(limitMs, undefined, limit).catch(() => undefined)]);
  limit.abort();
}
