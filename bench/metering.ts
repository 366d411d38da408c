/**
 * Group `metering`: requests a second that are admitted and durably settled, over the embedded PostgreSQL 18 and, where Debian's is installed,
 * over PostgreSQL 15, in turns: spread over many customers, and all of one.
 */
import { startChild } from './child.js';
import { startDebianPostgres } from './debian-postgres.js';
import type { MeteringAnswer, MeteringQuestion } from './metering-process.js';
import { type BenchResult, median, quantile } from './result.js';

const CUSTOMERS = 256;
/** As many as are served at once by default. */
const AT_ONCE = 256;
const WARM_UP_MS = 2000;
const TURN_MS = 3000;
const TURNS = 5;

interface Server {
  readonly name: string;
  readonly child: ReturnType<typeof startMeter>;
}

const startMeter = () =>
  startChild<MeteringQuestion, MeteringAnswer>(new URL('./metering-process.ts', import.meta.url));

export async function meteringGroup(): Promise<BenchResult[]> {
  const debian = await startDebianPostgres();
  const servers: Server[] = [{ name: 'embedded PostgreSQL 18', child: startMeter() }];
  if (debian !== undefined) servers.push({ name: 'Debian’s PostgreSQL 15', child: startMeter() });
  try {
    for (const { child } of servers)
      await child.ask({
        do: 'start',
        customers: CUSTOMERS,
        databaseUrl: child === servers[0]?.child ? undefined : debian?.url,
      });
    const results = [...(await measure(servers, CUSTOMERS)), ...(await measure(servers, 1))];
    for (const { child } of servers) await child.ask({ do: 'close' });
    return results;
  } finally {
    for (const { child } of servers) child.close();
    await debian?.close();
  }
}

async function measure(servers: readonly Server[], customers: number): Promise<BenchResult[]> {
  const run = (server: Server, durationMs: number): Promise<MeteringAnswer> =>
    server.child.ask({ do: 'run', customers, atOnce: AT_ONCE, durationMs });
  const turns = new Map(servers.map((server) => [server, [] as MeteringAnswer[]]));
  for (const server of servers) await run(server, WARM_UP_MS);
  for (let turn = 0; turn < TURNS; turn++)
    for (const server of servers) turns.get(server)?.push(await run(server, TURN_MS));
  const shared = { group: 'metering', peer: null, peerName: null, ratio: null, target: null, runs: TURNS };
  return [...turns].flatMap(([{ name }, answers]) => {
    const load = `${customers === 1 ? 'one customer' : `${customers} customers`}, ${AT_ONCE} at once, ${name}`;
    const settle = (share: number): number =>
      median(
        answers.map(({ settleMs }) =>
          quantile(
            settleMs.toSorted((a, b) => a - b),
            share,
          ),
        ),
      );
    return [
      {
        ...shared,
        name: `admitted and settled, ${load}`,
        unit: 'requests/s',
        ours: median(answers.map(({ settledPerSecond }) => settledPerSecond)),
        target: 5000,
      },
      { ...shared, name: `a settlement p50, ${load}`, unit: 'ms', ours: settle(0.5) },
      { ...shared, name: `a settlement p99, ${load}`, unit: 'ms', ours: settle(0.99) },
    ];
  });
}
