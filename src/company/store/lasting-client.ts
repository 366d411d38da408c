import type postgres from 'postgres';

type Client = postgres.Sql<{ bigint: bigint }>;

export interface LastingClient {
  /** The same object for good, whichever client stands behind it. */
  readonly sql: Client;
  end(): Promise<void>;
}

/** For statements that a client still has; after it they are rejected. */
const RETIRING_SECONDS = 1;
const ENDING_SECONDS = 5;

/**
 * A client of the driver that is replaced as soon as one of its connections closes. postgres.js 3.4.9 makes a closed
 * connection again in the same object, and that object may be broken: bytes that waited to be sent stay in it and the
 * timer that would send them is taken for running, so that it connects and never speaks (each query ends with
 * CONNECT_TIMEOUT); a query given to it between its `error` and its `close` is never rejected, or answered with the
 * empty result of the next handshake.
 */
export function lastingClient(open: (onClose: () => void) => Client): LastingClient {
  let isEnded = false;
  const retiring = new Set<Promise<void>>();
  const retire = (client: Client): void => {
    const ending = client.end({ timeout: RETIRING_SECONDS }).finally(() => retiring.delete(ending));
    retiring.add(ending);
  };
  const openNext = (): Client => {
    const client = open(() => {
      if (isEnded || client !== current) return;
      current = openNext();
      // in a turn of its own: the driver is in the middle of closing
      setImmediate(() => retire(client));
    });
    return client;
  };
  let current = openNext();
  return {
    sql: new Proxy(current, {
      apply: (_first, self, given: unknown[]) => Reflect.apply(current, self, given) as unknown,
      get: (_first, name) => Reflect.get(current, name) as unknown,
    }),
    async end() {
      isEnded = true;
      await Promise.all([current.end({ timeout: ENDING_SECONDS }), ...retiring]);
    },
  };
}
