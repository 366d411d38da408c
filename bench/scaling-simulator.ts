/**
 * `npx tsx bench/scaling-simulator.ts`: first holds the simulation against what was measured on this machine, then
 * prints the tables of docs/SCALING.md. Seeded: the same figures give the same tables. Exit code 1 when the check fails.
 */
import { DEVICES } from '../src/lab/planning/devices.js';
import {
  ASSUMED,
  BUSY_DISK,
  LOAD_GENERATOR,
  LOCAL_ROUND_TRIP,
  METER_CLIENT,
  QUIET_DISK,
  STREAMED_TOKEN,
  benchResults,
} from './scaling/measured-figures.js';
import { type GatewayLoad, type GatewayOutcome, simulateGateways } from './scaling/simulate-gateways.js';
import { simulateTraining } from './scaling/simulate-training.js';

const SEED = 1;
const SECONDS = 4;
/** How far the simulation may be from what was measured: so many times more or less. */
const STATED_ERROR = { rate: 1.6, latency: 2 } as const;
/** A database is planned for at most this busy, since the simulation may be that much too fast. */
const MOST_BUSY = 0.5;

function table(titles: readonly string[], rows: readonly (readonly string[])[]): void {
  console.log(`| ${titles.join(' | ')} |`);
  console.log(`|${' --- |'.repeat(titles.length)}`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  console.log();
}
const count = (value: number): string => Math.round(value).toLocaleString('en-US');
const share = (value: number): string => `${(value * 100).toFixed(0)} %`;
const ms = (value: number): string => (value < 10 ? value.toFixed(1) : value.toFixed(0));

/** Everything on this machine's two cores, as in the benchmarks. */
const HERE = {
  gateways: 1,
  isOneCustomer: true,
  roundTripMs: LOCAL_ROUND_TRIP,
  cores: { shared: 2 },
  seconds: SECONDS,
  seed: SEED,
};

const SATURATED = { ...HERE, clientMs: LOAD_GENERATOR, engineMs: 0, flush: QUIET_DISK, load: { atOnce: 16 } } as const;
/** docs/LOG.md: 16 connections without a pause, the company as it is. */
const SATURATED_PER_SECOND = 2119;

/** The gateway's own share of a request was not measured: it is what makes the saturated rate come out. */
function gatewayMsOf(perSecond: number): number {
  let [low, high] = [0.02, 1.5];
  for (let round = 0; round < 14; round++) {
    const middle = (low + high) / 2;
    if (simulateGateways({ ...SATURATED, gatewayMs: middle }).perSecond > perSecond) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

function check(gatewayMs: number): boolean {
  const meter = (atOnce: number): GatewayOutcome =>
    simulateGateways({
      ...HERE,
      gatewayMs: METER_CLIENT,
      clientMs: 0,
      engineMs: 0,
      flush: QUIET_DISK,
      load: { atOnce },
    });
  const paced = simulateGateways({
    ...HERE,
    gatewayMs,
    clientMs: LOAD_GENERATOR,
    engineMs: 20,
    flush: BUSY_DISK,
    load: { perSecond: 250 },
    seconds: 60,
  });
  const earlier = benchResults('gateway', 'added latency p50').at(-1)?.ours ?? Number.NaN;
  const quietPaced = simulateGateways({
    ...HERE,
    gatewayMs: gatewayMsOf(benchResults('gateway', '16 connections without a pause').at(-2)?.ours ?? 3563),
    clientMs: LOAD_GENERATOR,
    engineMs: 20,
    flush: QUIET_DISK,
    load: { perSecond: 250 },
    seconds: 60,
  });
  const rows: readonly (readonly [string, 'rate' | 'latency', number, number])[] = [
    ['meter, one customer, 1 at once: requests/s', 'rate', 653, meter(1).perSecond],
    ['meter, 64 at once: requests/s', 'rate', 6853, meter(64).perSecond],
    ['meter, 256 at once: requests/s', 'rate', 10_378, meter(256).perSecond],
    ['gateway, 250 requests/s, busy disk: added ms, p50', 'latency', 3.2, paced.p50Ms - 20],
    ['gateway, 250 requests/s, busy disk: added ms, p99', 'latency', 11, paced.p99Ms - 20],
    ['gateway of 23 November, quieter: added ms, p50', 'latency', earlier, quietPaced.p50Ms - 20],
  ];
  console.log(
    `## The simulation against this machine (two cores; the gateway's own ${gatewayMs.toFixed(2)} ms a request make`,
  );
  console.log(`its saturated ${count(SATURATED_PER_SECOND)}/s come out, so that figure is no check; these are)\n`);
  table(
    ['what', 'measured', 'simulated', 'simulated ÷ measured'],
    rows.map(([what, , measured, simulated]) => [
      what,
      measured < 100 ? measured.toFixed(1) : count(measured),
      simulated < 100 ? simulated.toFixed(1) : count(simulated),
      (simulated / measured).toFixed(2),
    ]),
  );
  return rows.every(
    ([, kind, measured, simulated]) => Math.max(simulated / measured, measured / simulated) <= STATED_ERROR[kind],
  );
}

function threeGateways(gatewayMs: number): void {
  const here = (gateways: number): number =>
    simulateGateways({ ...SATURATED, gateways, gatewayMs, isOneCustomer: false, load: { atOnce: 16 * gateways } })
      .perSecond;
  const apart = (gateways: number): number =>
    simulateGateways({
      ...SATURATED,
      gateways,
      gatewayMs,
      clientMs: 0,
      isOneCustomer: false,
      roundTripMs: ASSUMED.roundTripMs,
      cores: { database: ASSUMED.databaseCores },
      load: { atOnce: 16 * gateways },
    }).perSecond;
  console.log(
    `Three gateways on one database: ${(here(3) / here(1)).toFixed(2)} × one where all share these two cores, ` +
      `${(apart(3) / apart(1)).toFixed(2)} × where each has a core of its own and the database ${ASSUMED.databaseCores}.\n`,
  );
}

/** A database of its own, gateways on a core each, an engine elsewhere. */
const cell = (
  gatewayMs: number,
  perSecond: number,
  gateways: number,
  more: { readonly isOneCustomer?: boolean; readonly roundTripMs?: number } = {},
): GatewayOutcome =>
  simulateGateways({
    gateways,
    load: { perSecond },
    isOneCustomer: false,
    gatewayMs,
    clientMs: 0,
    engineMs: 20,
    roundTripMs: ASSUMED.roundTripMs,
    cores: { database: ASSUMED.databaseCores },
    flush: QUIET_DISK,
    seconds: perSecond > 5000 ? 2 : 4,
    seed: SEED,
    ...more,
  } satisfies GatewayLoad);

/** Of a gateway's thread, a streamed answer included. */
const threadMs = (gatewayMs: number): number => gatewayMs + ASSUMED.piecesOfAnswer * STREAMED_TOKEN;

function ceilingTable(gatewayMs: number): number {
  console.log('## One database, more and more load (answers sent whole; gateways at 60 %)\n');
  let ceiling = 0;
  const rows = [100, 1000, 2000, 5000, 10_000, 20_000, 40_000].map((perSecond) => {
    const gateways = Math.max(2, Math.ceil((perSecond * gatewayMs) / 1000 / ASSUMED.headroom));
    const spread = cell(gatewayMs, perSecond, gateways);
    const hot = cell(gatewayMs, perSecond, gateways, { isOneCustomer: true });
    const carries = (outcome: GatewayOutcome): boolean => outcome.perSecond > 0.95 * perSecond && outcome.p99Ms < 120;
    if (carries(spread) && spread.databaseUtilization <= MOST_BUSY) ceiling = Math.max(ceiling, perSecond);
    const shown = (outcome: GatewayOutcome): string =>
      carries(outcome) ? `${ms(outcome.p50Ms - 20)} / ${ms(outcome.p99Ms - 20)}` : `no: ${count(outcome.perSecond)}/s`;
    return [
      count(perSecond),
      `${gateways}`,
      share(spread.databaseUtilization),
      spread.batch.toFixed(1),
      shown(spread),
      shown(hot),
    ];
  });
  table(
    ['requests/s', 'gateways', 'database busy', 'settled a commit', 'added p50 / p99 ms', 'all of one customer'],
    rows,
  );
  return ceiling;
}

function distanceTable(gatewayMs: number): void {
  console.log('## A ledger far away: 1,000 requests/s on two gateways\n');
  const rows = [0.25, 2, 30, 100].map((roundTripMs) => {
    const spread = cell(gatewayMs, 1000, 2, { roundTripMs });
    const hot = cell(gatewayMs, 1000, 2, { roundTripMs, isOneCustomer: true });
    const shown = ({ p50Ms, p99Ms }: GatewayOutcome): string => `${ms(p50Ms - 20)} / ${ms(p99Ms - 20)}`;
    return [`${roundTripMs} ms`, spread.batch.toFixed(1), shown(spread), shown(hot)];
  });
  table(['round trip', 'settled a commit', 'added p50 / p99 ms', 'all of one customer'], rows);
}

/** What has to be added to first, of the design of today. */
function bottleneckOf(perSecond: number, gatewayMs: number, ceiling: number): string {
  if (perSecond > ceiling) return 'the ledger: shards by customer';
  if (perSecond > ceiling / 2) return 'the ledger: one database at its end';
  return perSecond * threadMs(gatewayMs) > 1000 ? "the gateways' threads: streams" : 'the engine';
}

const HOURS_OF_MONTH = 730;

function decadeTable(gatewayMs: number, ceiling: number): void {
  const { headroom, coreHour, gpuHour, databaseCores, outputTokens } = ASSUMED;
  console.log(
    `## Every decade (streamed answers of ${outputTokens} tokens; a database takes ${count(ceiling)}/s; US dollars a month)\n`,
  );
  const rows = [10, 100, 1000, 10_000, 100_000].map((perSecond) => {
    const gateways = Math.max(2, Math.ceil((perSecond * threadMs(gatewayMs)) / 1000 / headroom));
    const ledgers = Math.max(1, Math.ceil(perSecond / ceiling));
    const regions = perSecond < 1000 ? 1 : perSecond < 10_000 ? 2 : perSecond < 100_000 ? 3 : 5;
    // a standby for each ledger
    const machines =
      (gateways + 2 * Math.max(ledgers, regions > 2 ? regions : 1) * databaseCores) * coreHour * HOURS_OF_MONTH;
    const gpus = ASSUMED.engines.map(({ tokensPerSecond }) =>
      Math.ceil((perSecond * outputTokens) / tokensPerSecond / headroom),
    );
    const money = gpus.map((each) => each * gpuHour * HOURS_OF_MONTH);
    return [
      count(perSecond),
      count(gateways),
      `${ledgers}`,
      `${regions}`,
      ...gpus.map(count),
      count(machines),
      ...money.map(count),
      bottleneckOf(perSecond, gatewayMs, ceiling),
    ];
  });
  table(
    [
      'requests/s',
      'gateway cores',
      'ledgers',
      'regions',
      ...ASSUMED.engines.map(({ name }) => `H100 for ${name}`),
      'gateways and databases',
      ...ASSUMED.engines.map(({ name }) => `engines of ${name}`),
      'what is short first',
    ],
    rows,
  );
}

function trainingTable(): void {
  const h100 = DEVICES.find(({ name }) => name === 'H100 SXM');
  if (h100 === undefined) return;
  console.log(
    '## Training on 1 to 1,000 GPUs (H100, data parallel, at most 16,384 tokens a GPU and 2 M a step, 30 days played)\n',
  );
  const rows = [125e6, 1e9, 3e9].flatMap((parameters) =>
    [1, 8, 64, 256, 1000].map((gpus) => {
      const outcome = simulateTraining(
        {
          gpus,
          parameters,
          tokensPerGpu: Math.min(16_384, 2_097_152 / gpus),
          flopsPerGpu: h100.peakFlops * h100.utilization,
          bandwidth: { node: 450e9, network: 50e9 },
          storage: 2e9,
          gpuHoursBetweenFailures: ASSUMED.gpuHoursBetweenFailures,
          restartSeconds: 600,
        },
        720,
        SEED,
      );
      const dollars = (1e9 / outcome.tokensPerSecond / 3600) * gpus * ASSUMED.gpuHour;
      return [
        parameters >= 1e9 ? `${parameters / 1e9} B` : `${parameters / 1e6} M`,
        count(gpus),
        share(outcome.parallel),
        share(outcome.useful),
        outcome.checkpointMinutes.toFixed(0),
        `${outcome.failures}`,
        `${(outcome.tokensPerSecond / 1e6).toFixed(2)} M`,
        dollars.toFixed(2),
      ];
    }),
  );
  table(
    [
      'model',
      'GPUs',
      'step computes',
      'time that counts',
      'checkpoint every, min',
      'failures',
      'tokens/s',
      '$ a billion tokens',
    ],
    rows,
  );
}

const gatewayMs = gatewayMsOf(SATURATED_PER_SECOND);
const holds = check(gatewayMs);
threeGateways(gatewayMs);
const ceiling = ceilingTable(gatewayMs);
distanceTable(gatewayMs);
decadeTable(gatewayMs, ceiling);
trainingTable();
if (!holds) {
  console.error(
    `The simulation is further off than ${STATED_ERROR.rate} times a rate or ${STATED_ERROR.latency} times a latency.`,
  );
  process.exitCode = 1;
}
