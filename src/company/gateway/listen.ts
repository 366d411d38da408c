import { createServer, type Server } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';

/** Until a request's last byte is here: who sends slower holds a place for nothing. */
const REQUEST_TIMEOUT_MS = 30_000;
/** An idle connection. Longer than load balancers keep theirs (60 s with most), so that none sends a request into one that is just being closed. */
const KEEP_ALIVE_MS = 75_000;

/**
 * Serves `handler` over HTTP.
 * @param port 0 chooses a free one
 * @throws MoatError `port-taken`, `address-not-available`
 */
export async function listen(
  handler: Parameters<typeof getRequestListener>[0],
  port: number,
  host: string,
): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS },
    getRequestListener(handler, { overrideGlobalObjects: false }),
  );
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    throw explainListen(error, port, host);
  }
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the server has no port');
  return { server, port: address.port };
}

function explainListen(error: unknown, port: number, host: string): MoatError {
  if (systemCode(error) === 'EADDRINUSE') {
    return new MoatError('port-taken', `port ${port} on ${host} is already in use`, {
      fix: 'Stop the program that uses it, or let moat choose a free one with --port 0.',
      cause: error,
    });
  }
  return new MoatError('address-not-available', `cannot listen on ${host}:${port}: ${messageOf(error)}`, {
    fix: 'Choose another --host or --port.',
    cause: error,
  });
}
