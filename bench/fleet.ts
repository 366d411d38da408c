/**
 * Group `fleet`: chats a second through three gateways on one PostgreSQL and through one of them, in turns, with everything on and the
 * same load. All of it runs on one machine (clients, upstream, database and gateways, each a process), so that the ratio can only be
 * what its cores allow: how busy they were is a result of its own.
 */
import os from 'node:os';
import { type Child, startChild } from './child.js';
import { startUpstream } from './gateway-peers.js';
import type { GatewayAnswer, GatewayQuestion } from './gateway-process.js';
import type { SaturatingLoad } from './gateways-load.js';
import { type BenchResult, compare, median } from './result.js';

const GATEWAYS = 3;
/** Of each of the clients, of which there are as many as gateways. */
const CONNECTIONS = 16;
const WARM_UP_MS = 3000;
const TURN_MS = 3000;
const TURNS = 5;
const TARGET = 2.2;

const BODY = JSON.stringify({
  model: 'mock',
  messages: [{ role: 'user', content: 'Once upon a ' }],
  max_tokens: 8,
});

export async function fleetGroup(): Promise<BenchResult[]> {
  const upstream = await startUpstream(undefined);
  const each = Array.from({ length: GATEWAYS });
  const clients = each.map(() => startChild<SaturatingLoad, number>(new URL('./gateways-load.ts', import.meta.url)));
  const gateways = each.map(() =>
    startChild<GatewayQuestion, GatewayAnswer>(new URL('./gateway-process.ts', import.meta.url)),
  );
  try {
    const fleet = await startFleet(gateways, upstream.port);
    const busy = { one: [] as number[], three: [] as number[] };
    const measure = async (ports: readonly number[], into: number[]): Promise<number> => {
      const before = coreTimes();
      const rate = await rateOf(clients, ports, fleet.key, TURN_MS);
      into.push(coresBusy(before, coreTimes()));
      return rate;
    };
    const one = fleet.ports.slice(0, 1);
    for (const ports of [one, fleet.ports]) await rateOf(clients, ports, fleet.key, WARM_UP_MS);
    const load = `chats, ${GATEWAYS * CONNECTIONS} connections, everything on`;
    const result = await compare({
      group: 'fleet',
      name: `${load}, three gateways`,
      unit: 'requests/s',
      better: 'higher',
      target: TARGET,
      runs: TURNS,
      ours: () => measure(fleet.ports, busy.three),
      peer: { name: 'one gateway', measure: () => measure(one, busy.one) },
    });
    // the first has the database: it closes last, and audits the books
    for (const gateway of gateways.toReversed()) await gateway.ask({ do: 'close' });
    return [result, busyResult('three gateways', busy.three), busyResult('one gateway', busy.one)];
  } finally {
    for (const child of [...clients, ...gateways]) child.close();
    upstream.close();
  }
}

async function startFleet(gateways: readonly Child<GatewayQuestion, GatewayAnswer>[], upstreamPort: number) {
  const started: GatewayAnswer[] = [];
  for (const gateway of gateways) {
    const [beside] = started;
    started.push(await gateway.ask({ do: 'start', upstreamPort, ...(beside !== undefined && { beside }) }));
  }
  return { key: started[0]?.key ?? '', ports: started.map(({ port }) => port) };
}

/** Each client asks one of the gateways. */
async function rateOf(
  clients: readonly Child<SaturatingLoad, number>[],
  ports: readonly number[],
  key: string,
  durationMs: number,
): Promise<number> {
  const shared = { path: '/v1/chat/completions', headers: { authorization: `Bearer ${key}` }, body: BODY };
  const rates = await Promise.all(
    clients.map((client, index) =>
      client.ask({ ...shared, port: ports[index % ports.length] ?? 0, connections: CONNECTIONS, durationMs }),
    ),
  );
  return rates.reduce((sum, rate) => sum + rate, 0);
}

/** Milliseconds of all cores since the machine started. */
function coreTimes(): { busy: number; all: number } {
  const times = os.cpus().map((core) => core.times);
  const all = times.reduce((sum, { user, nice, sys, idle, irq }) => sum + user + nice + sys + idle + irq, 0);
  return { busy: all - times.reduce((sum, { idle }) => sum + idle, 0), all };
}

const coresBusy = (before: ReturnType<typeof coreTimes>, after: ReturnType<typeof coreTimes>): number =>
  (os.cpus().length * (after.busy - before.busy)) / (after.all - before.all);

const busyResult = (name: string, values: readonly number[]): BenchResult => ({
  group: 'fleet',
  name: `cores busy of ${os.cpus().length}, ${name}`,
  unit: 'cores',
  ours: median(values),
  peer: null,
  peerName: null,
  ratio: null,
  target: null,
  runs: values.length,
});
