/** Gateways in front of one database: each request is admitted, answered by an engine, settled on disk, and then answered. */
import { Rng } from '../../src/base/rng.js';
import { quantile } from '../../src/lab/eval/bootstrap.js';
import { createDisk, createLane, createLock, createServers, createSimulation } from './event-queue.js';
import { ADMISSION, type CallCost, type Flush, MOST_IN_BATCH, SETTLEMENT, costOf } from './measured-figures.js';

export interface GatewayLoad {
  readonly gateways: number;
  /** Requests at once in a closed loop, or requests a second as they come (Poisson). */
  readonly load: { readonly atOnce: number } | { readonly perSecond: number };
  /** One customer: settlements of different gateways wait for each other's commit. */
  readonly isOneCustomer: boolean;
  /** Of a gateway's thread, a request. */
  readonly gatewayMs: number;
  /** Of whoever asks, on the same machine; 0 where clients are elsewhere. */
  readonly clientMs: number;
  readonly engineMs: number;
  readonly roundTripMs: number;
  /** All on one machine with so many cores, or the database on its own and a core for each gateway. */
  readonly cores: { readonly shared: number } | { readonly database: number };
  /** Of the database's log to its disk. */
  readonly flush: Flush;
  readonly seconds: number;
  readonly seed: number;
}

export interface GatewayOutcome {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly databaseUtilization: number;
  readonly gatewayUtilization: number;
  /** Settlements in one commit, mean. */
  readonly batch: number;
}

const WARM_UP = 0.2;

export function simulateGateways(options: GatewayLoad): GatewayOutcome {
  const { gateways, load, gatewayMs, clientMs, engineMs, roundTripMs, cores, flush, seconds } = options;
  const rng = Rng.fromSeed(options.seed);
  const simulation = createSimulation();
  const shared = 'shared' in cores ? createServers(simulation, cores.shared) : undefined;
  const database = 'database' in cores ? createServers(simulation, cores.database) : shared;
  const slow = (): number => (rng.uniform() < flush.slowShare ? -Math.log(1 - rng.uniform()) * flush.slowMs : 0);
  const disk = createDisk(simulation, () => flush.usualMs + slow());
  const account = createLock();
  const untilMs = seconds * 1000;
  const latencies: number[] = [];

  const call = (cost: CallCost, isDurable: boolean) => (count: number, done: () => void) => {
    const work = (release: () => void): void =>
      database?.use(costOf(cost, count), () => {
        const end = (): void => {
          release();
          simulation.after(roundTripMs / 2, done);
        };
        if (isDurable) disk.flush(end);
        else end();
      });
    simulation.after(roundTripMs / 2, () => {
      if (isDurable && options.isOneCustomer) account.hold(work);
      else work(() => {});
    });
  };
  const machines = Array.from({ length: gateways }, () => {
    const thread = createLock();
    const ownCore = shared ?? createServers(simulation, 1);
    return {
      cpu: ownCore,
      // one thread: its turns wait for each other, and each for a core
      turn: (forMs: number, then: () => void): void =>
        thread.hold((release) =>
          ownCore.use(forMs, () => {
            release();
            then();
          }),
        ),
      admission: createLane(MOST_IN_BATCH, call(ADMISSION, false)),
      settlement: createLane(MOST_IN_BATCH, call(SETTLEMENT, true)),
    };
  });
  type Machine = (typeof machines)[number];
  const ask = (machine: Machine, then: () => void): void => {
    const started = simulation.now();
    machine.turn(gatewayMs / 2, () =>
      machine.admission.submit(() =>
        simulation.after(engineMs, () =>
          machine.settlement.submit(() =>
            machine.turn(gatewayMs / 2, () => {
              if (started > untilMs * WARM_UP) latencies.push(simulation.now() - started);
              then();
            }),
          ),
        ),
      ),
    );
  };
  const byClient = (machine: Machine, then: () => void): void =>
    clientMs > 0 ? machine.cpu.use(clientMs, then) : then();
  if ('atOnce' in load) {
    const again = (machine: Machine): void => byClient(machine, () => ask(machine, () => again(machine)));
    for (let each = 0; each < load.atOnce; each++) again(machines[each % gateways] as Machine);
  } else {
    const come = (next: number): void =>
      simulation.after((-Math.log(1 - rng.uniform()) / load.perSecond) * 1000, () => {
        const machine = machines[next % gateways] as Machine;
        byClient(machine, () => ask(machine, () => {}));
        come(next + 1);
      });
    come(0);
  }
  simulation.run(untilMs);
  const sorted = Float64Array.from(latencies).sort();
  const batches = machines.flatMap(({ settlement }) => settlement.sizes);
  return {
    perSecond: latencies.length / (seconds * (1 - WARM_UP)),
    p50Ms: quantile(sorted, 0.5),
    p99Ms: quantile(sorted, 0.99),
    databaseUtilization: database?.utilization() ?? 0,
    gatewayUtilization: machines.reduce((sum, { cpu }) => sum + cpu.utilization(), 0) / gateways,
    batch: batches.reduce((sum, size) => sum + size, 0) / Math.max(1, batches.length),
  };
}
