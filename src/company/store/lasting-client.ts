import { setTimeout as sleep } from 'node:timers/promises';
import type postgres from 'postgres';

type Client = postgres.Sql<{ bigint: bigint }>;

export interface LastingClient {
  /** The same object for good, whichever client stands behind it. */
  readonly sql: Client;
  end(): Promise<void>;
}

/** For statements that a broken client still has; after it they are rejected. */
const RETIRING_SECONDS = 1;
const ENDING_SECONDS = 5;
/** How many statements a client is asked for, and how long one that had its share may take to send what it holds, and to end it. */
const STATEMENTS_EACH = 50_000;
const SENDING_MS = 15_000;
const FINISHING_SECONDS = 600;

/**
 * A client of the driver that is replaced as soon as one of its connections closes, and after many statements. What is behind it,
 * of postgres.js 3.4.9:
 * - It makes a closed connection again in the same object, and that object may be broken: bytes that waited to be sent stay in it and the
 *   timer that would send them is taken for running, so that it connects and never speaks (each query ends with
 *   CONNECT_TIMEOUT); a query given to it between its `error` and its `close` is never rejected, or answered with the
 *   empty result of the next handshake.
 * - Its lists of connections are arrays that are taken from at the front and begun anew only when the last one is taken. With several
 *   connections that seldom happens, so they grow by a place a statement and are searched at each: 8 bytes for good, and after 100,000
 *   statements half as much time again.
 */
export function lastingClient(open: (onClose: () => void) => Client, statementsEach = STATEMENTS_EACH): LastingClient {
  let isEnded = false;
  /** Clients that are not asked any more and have not ended. */
  const leaving = new Set<Client>();
  const retire = async (client: Client, seconds: number): Promise<void> => {
    leaving.add(client);
    await client.end({ timeout: seconds });
    leaving.delete(client);
  };
  const openNext = (): Client => {
    const client = open(() => {
      if (isEnded || client !== current) return;
      replace();
      // in a turn of its own: the driver is in the middle of closing
      setImmediate(() => void retire(client, RETIRING_SECONDS));
    });
    return client;
  };
  let asked = 0;
  const replace = (): void => {
    asked = 0;
    current = openNext();
  };
  /** A client that is told to end forgets the statements it has not sent. */
  const replaceUsed = (): void => {
    const used = current;
    leaving.add(used);
    replace();
    setTimeout(() => void (isEnded || retire(used, FINISHING_SECONDS)), SENDING_MS).unref();
  };
  let current = openNext();
  return {
    sql: new Proxy(current, {
      apply(_first, self, given: unknown[]) {
        if (++asked > statementsEach && !isEnded) replaceUsed();
        return Reflect.apply(current, self, given) as unknown;
      },
      get: (_first, name) => Reflect.get(current, name) as unknown,
    }),
    async end() {
      isEnded = true;
      const ends = [current, ...leaving].map((client) => client.end({ timeout: ENDING_SECONDS }));
      // one that was told to end before keeps the time it was given then
      await Promise.race([Promise.all(ends), sleep(2000 * ENDING_SECONDS, undefined, { ref: false })]);
    },
  };
}
