/**
 * What the simulation is fed with: figures of docs/LOG.md ("the company") and bench/results.jsonl, all of two shared cores
 * of an AMD EPYC. Milliseconds of one core, unless said otherwise. What was not measured is in `ASSUMED`.
 */
import { readFileSync } from 'node:fs';

/** A call of `count` together costs `call + count × each` of the database's processor. */
export interface CallCost {
  readonly call: number;
  readonly each: number;
}

export const costOf = ({ call, each }: CallCost, count: number): number => call + each * count;

/** A settlement alone 0.540, sixteen of them 1.3 (docs/LOG.md, what a settlement costs). */
export const SETTLEMENT: CallCost = { call: 0.489, each: 0.0507 };
/** Alone 0.3; with 64 at once, admission and settlement together 0.100 a request (docs/LOG.md). */
export const ADMISSION: CallCost = { call: 0.262, each: 0.0379 };
/** Our own process for the database's calls, a request (docs/LOG.md: 31 µs). */
export const METER_CLIENT = 0.031;
/** Bare node:http server and its client, a request: two cores at 23,210/s (docs/LOG.md). */
export const LOAD_GENERATOR = 2 / 23.21 / 2;
/** An upstream's token through the gateway: 73 % of a core at 10,000 tokens/s (docs/LOG.md). */
export const STREAMED_TOKEN = 0.073;
/** What a call to a database on the same machine takes beside its work: admission 0.47 − 0.30, settlement 0.89 − 0.54 − a flush. */
export const LOCAL_ROUND_TRIP = 0.16;
/** A batch takes at most so many (src/company/billing). */
export const MOST_IN_BATCH = 64;
export interface Flush {
  readonly usualMs: number;
  /** So many take longer, by an exponential with this mean. */
  readonly slowShare: number;
  readonly slowMs: number;
}

/** 0.2 ms on a quiet disk; 3.6 at the 90th percentile on a busy one, 0.4 usually (docs/LOG.md): 0.2 · e^(−3.2 ÷ 4.6) = 0.1. */
export const QUIET_DISK: Flush = { usualMs: 0.2, slowShare: 0.01, slowMs: 4.6 };
export const BUSY_DISK: Flush = { usualMs: 0.4, slowShare: 0.2, slowMs: 4.6 };

export interface MeasuredRow {
  readonly group: string;
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly date: string;
}

/** Lines of bench/results.jsonl whose name holds `part`, the newest last. */
export function benchResults(group: string, part: string): MeasuredRow[] {
  const text = readFileSync(new URL('../results.jsonl', import.meta.url), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as MeasuredRow)
    .filter((row) => row.group === group && row.name.includes(part));
}

/** Not measured here; change them to yours. */
export const ASSUMED = {
  /** Gateway and database are different machines of one zone. */
  roundTripMs: 0.25,
  /** A request as it is on average. */
  inputTokens: 300,
  outputTokens: 150,
  /** Pieces that a streamed answer is sent in; engines join tokens under load. */
  piecesOfAnswer: 150,
  databaseCores: 16,
  /** What is planned for, of what would saturate. */
  headroom: 0.6,
  /** An hour of a core, and of a GPU, in US dollars (src/lab/planning/devices.ts). */
  coreHour: 0.0513,
  gpuHour: 3.348,
  /** Output tokens a second of one H100 with many answers at once, and which model that is. */
  engines: [
    { name: '8 B', tokensPerSecond: 2500 },
    { name: '1 B', tokensPerSecond: 15_000 },
  ],
  /** GPU-hours between failures: 419 in 54 days on 16,384 (Llama 3, 2024). */
  gpuHoursBetweenFailures: (16_384 * 54 * 24) / 419,
} as const;
