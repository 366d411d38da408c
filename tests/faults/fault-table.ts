/** What can go wrong in a round: each fault is drawn from the round's seed and then strikes while customers ask. */
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Rng } from '../../src/base/rng.js';
import { systemClock } from '../../src/base/clock.js';
import { openDatabase } from '../../src/company/store/database.js';
import { createMeter } from '../../src/company/billing/meter.js';
import type { Arena } from './arena.js';
import type { Cut } from './cuttable-proxy.js';
import { type ChildConfig, type GatewayChild, STEPS, type Step } from './gateway-child.js';

export interface Strike {
  /** In words, for a failing round. */
  readonly what: string;
  readonly child?: Partial<Pick<ChildConfig, 'killAt' | 'timeZone' | 'clockOffsetMs' | 'settlements'>>;
  /** The gateway lives on, so whatever began must be on the books in the end. */
  readonly survives: boolean;
  /** Reservations can be lost before their settlement: what is then not covered is written off. */
  readonly losesReservations?: boolean;
  /** Settlements can be lost: the disk that keeps them is full while the database is away. */
  readonly losesSettlements?: boolean;
  /** Runs beside the workload; when it ends, everything but the gateway is whole again. */
  run(arena: Arena, child: GatewayChild): Promise<void>;
}

const pick = <T>(rng: Rng, items: readonly T[]): T => items[rng.below(items.length)] as T;
const HOUR_MS = 3_600_000;
const nothing = async (): Promise<void> => {};

export const FAULTS: Readonly<Record<string, (rng: Rng) => Strike>> = {
  calm: () => ({ what: 'nothing', survives: true, run: nothing }),

  ...Object.fromEntries(STEPS.map((step) => [`kill-at-${step}`, (rng: Rng) => killAt(step, rng)])),

  'kill-at-random': (rng) => {
    const afterMs = rng.below(900);
    return {
      what: `kill -9 after ${afterMs} ms`,
      survives: false,
      async run(_arena, child) {
        await sleep(afterMs);
        await child.kill();
      },
    };
  },

  'sessions-killed': (rng) => {
    const times = 1 + rng.below(4);
    return {
      what: `database sessions ended ${times} times`,
      survives: true,
      async run(arena) {
        for (let time = 0; time < times; time++) {
          await sleep(20 + ((time * 60) % 130));
          await arena.terminateSessions();
        }
      },
    };
  },

  'server-killed': (rng) => {
    const [afterMs, awayMs] = [rng.below(200), rng.below(600)];
    return {
      what: `kill -9 of the database server after ${afterMs} ms, away for ${awayMs} ms`,
      survives: true,
      losesReservations: true,
      async run(arena) {
        await sleep(afterMs);
        await arena.killServer();
        await sleep(awayMs);
        await arena.restartServer();
      },
    };
  },

  'wire-cut': (rng) => {
    const cuts = Array.from({ length: 1 + rng.below(4) }, () =>
      pick<Cut>(rng, ['at-once', 'reset', 'half-request', 'lost-reply']),
    );
    return {
      what: `connections cut: ${cuts.join(', ')}`,
      survives: true,
      async run(arena) {
        for (const cut of cuts) {
          await sleep(35);
          arena.wire.cut(cut);
        }
      },
    };
  },

  'wire-slow': (rng) => {
    const delayMs = pick(rng, [5, 20, 80]);
    return {
      what: `every message to and from the database takes ${delayMs} ms more`,
      survives: true,
      async run(arena) {
        await sleep(30);
        arena.wire.delayMs = delayMs;
        await sleep(400);
        arena.wire.delayMs = 0;
      },
    };
  },

  'wire-silent': (rng) => {
    const silentMs = 300 + rng.below(700);
    return {
      what: `nothing passes to or from the database for ${silentMs} ms, then connections break`,
      survives: true,
      async run(arena) {
        await sleep(40);
        arena.wire.delayMs = Infinity;
        await sleep(silentMs);
        arena.wire.cut('at-once');
        arena.wire.delayMs = 0;
      },
    };
  },

  'database-away': (rng) => {
    const [afterMs, awayMs, dies] = [rng.below(120), 700 + rng.below(900), rng.below(2) === 0];
    return {
      what: `no connection to the database for ${awayMs} ms after ${afterMs} ms${dies ? ', then kill -9 of the gateway' : ''}`,
      survives: !dies,
      async run(arena, child) {
        await away(arena, afterMs, awayMs);
        if (dies) await child.kill();
      },
    };
  },

  'disk-full': (rng) => {
    const [afterMs, awayMs] = [30 + rng.below(90), 900 + rng.below(600)];
    return {
      what: `full disk, and no connection to the database for ${awayMs} ms after ${afterMs} ms`,
      survives: true,
      losesSettlements: true,
      async run(arena) {
        const free = await arena.fillSpool();
        await away(arena, afterMs, awayMs);
        // the last retries end before there is room again
        await sleep(700);
        await free();
      },
    };
  },

  'clock-jumps': (rng) => {
    const jumps = Array.from({ length: 2 + rng.below(3) }, () =>
      pick(rng, [90_000, HOUR_MS, 400 * 24 * HOUR_MS, -90_000, -HOUR_MS, -24 * HOUR_MS]),
    );
    // a second before the clocks of that zone change
    const [timeZone, change] = pick(rng, ZONES);
    const clockOffsetMs = Date.parse(change) - 1000 - systemClock.now();
    return {
      what: `in ${timeZone}, a second before ${change}; then the clock jumps by ${jumps.map((ms) => ms / 1000).join(', ')} s`,
      child: { timeZone, clockOffsetMs },
      survives: true,
      async run(arena, child) {
        for (const jump of jumps) {
          await sleep(40);
          child.setClock(clockOffsetMs + jump);
          await sweepFromAhead(arena, clockOffsetMs + jump);
        }
      },
    };
  },

  settlements: (rng) => {
    const settlements = { delayMs: pick(rng, [0, 30, 120]), twice: rng.below(2) === 0, keepCopies: rng.below(2) === 0 };
    const killAt = rng.below(2) === 0 ? { step: 'settled' as const, count: 4 + rng.below(6) } : undefined;
    return {
      what: `settlements late by up to ${settlements.delayMs} ms${settlements.twice ? ', twice' : ''}${settlements.keepCopies ? ', again by the next process' : ''}${killAt ? ', kill -9' : ''}`,
      child: { settlements, ...(killAt === undefined ? {} : { killAt }) },
      survives: killAt === undefined,
      run: nothing,
    };
  },
};

function killAt(step: Step, rng: Rng): Strike {
  // low enough to be reached in every round
  const count = step.startsWith('journal') ? 1 : 1 + rng.below(step === 'token' ? 30 : 3);
  return {
    what: `kill -9 at ${step}, time ${count}`,
    child: { killAt: { step, count } },
    survives: false,
    run: nothing,
  };
}

/** All in the future, so that prices and keys made now are in force. */
const ZONES = [
  ['Europe/Berlin', '2029-03-25T01:00:00Z'],
  ['America/New_York', '2029-11-04T06:00:00Z'],
  ['Australia/Lord_Howe', '2029-04-07T15:00:00Z'],
  ['Asia/Shanghai', '2029-12-31T16:00:00Z'],
  ['Pacific/Apia', '2029-12-31T11:00:00Z'],
] as const;

async function away(arena: Arena, afterMs: number, awayMs: number): Promise<void> {
  await sleep(afterMs);
  arena.wire.accepting = false;
  arena.wire.cut('at-once');
  await sleep(awayMs);
  arena.wire.accepting = true;
}

/** Another process whose clock is ahead sweeps: it must not take living requests for dead ones. */
async function sweepFromAhead(arena: Arena, offsetMs: number): Promise<void> {
  const database = await openDatabase({
    projectDirectory: arena.projectDirectory,
    databaseUrl: arena.database.url,
    connections: 1,
  });
  const clock = { now: () => systemClock.now() + offsetMs + 2 * 60_000, monotonic: () => systemClock.monotonic() };
  const meter = await createMeter({
    database,
    clock,
    unsettledDirectory: path.join(arena.projectDirectory, '.moat', 'unsettled'),
  });
  await meter.close();
  await database.close();
}
