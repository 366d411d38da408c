/** A wire between a program and its database that can be cut, slowed down, and cut in the middle of a message. */
import { once } from 'node:events';
import { type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * `reset`: at once, without a word (the program sees an error before the close). `half-request`: the next bytes to the server arrive by half, then both ends are cut. `lost-reply`: the next request
 * arrives whole, its answer does not: nobody here can know whether it was done.
 */
export type Cut = 'at-once' | 'reset' | 'half-request' | 'lost-reply';

export interface CuttableProxy {
  readonly port: number;
  /** Connections now, by the port that the server sees them come from. */
  readonly open: readonly number[];
  /** Where connections go from now on. */
  target(port: number): void;
  /** Cuts every connection in this way, the next time that bytes pass where the way asks for it. */
  cut(how: Cut): void;
  /** False: whoever connects is cut off at once. */
  accepting: boolean;
  /** Milliseconds that every piece waits, in each direction; Infinity: nothing passes. */
  delayMs: number;
  close(): Promise<void>;
}

interface Wire {
  readonly client: Socket;
  readonly server: Socket;
  cut: Cut | undefined;
  requestSent: boolean;
}

/** @param port of the server on 127.0.0.1 */
export async function openCuttableProxy(port: number): Promise<CuttableProxy> {
  const wires = new Set<Wire>();
  const end = (wire: Wire): void => {
    wires.delete(wire);
    wire.client.destroy();
    wire.server.destroy();
  };
  let target = port;
  const listener = createServer((client) => {
    if (!proxy.accepting) {
      client.destroy();
      return;
    }
    const server = connect({ port: target, host: '127.0.0.1', noDelay: true });
    client.setNoDelay(true);
    const wire: Wire = { client, server, cut: undefined, requestSent: false };
    wires.add(wire);
    for (const socket of [client, server]) {
      socket.on('error', () => end(wire));
      socket.on('close', () => end(wire));
    }
    pipe(client, (bytes) => {
      if (wire.cut === 'half-request') {
        server.write(bytes.subarray(0, bytes.length >> 1), () => end(wire));
        return;
      }
      if (wire.cut === 'lost-reply') wire.requestSent = true;
      server.write(bytes);
    });
    pipe(server, (bytes) => {
      if (wire.requestSent) end(wire);
      else client.write(bytes);
    });
  });
  /** Pieces keep their order, however long each has to wait. */
  function pipe(from: Socket, pass: (bytes: Buffer) => void): void {
    let last: Promise<unknown> = Promise.resolve();
    from.on('data', (bytes: Buffer) => {
      const { delayMs } = proxy;
      if (delayMs === Infinity) return;
      last = last.then(() => (delayMs > 0 ? sleep(delayMs) : undefined)).then(() => pass(bytes));
    });
  }
  const proxy = {
    port: 0,
    get open() {
      return [...wires].flatMap(({ server }) => (server.localPort === undefined ? [] : [server.localPort]));
    },
    accepting: true,
    delayMs: 0,
    target(port: number) {
      target = port;
    },
    cut(how: Cut) {
      for (const wire of wires) {
        if (how === 'reset') wire.client.resetAndDestroy();
        if (how === 'at-once') end(wire);
        else if (how !== 'reset') wire.cut = how;
      }
    },
    async close() {
      for (const wire of wires) end(wire);
      listener.close();
      await once(listener, 'close');
    },
  };
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  proxy.port = address.port;
  return proxy;
}
