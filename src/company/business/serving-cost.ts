/** What answers cost: machine time where they were made here, tokens where their maker is paid for them. */
import { type Micros, multiplyCeil } from '../../base/money.js';
import { machineCost } from './unit-economics.js';

/** What is paid for a million tokens of each kind, as stated. */
export interface BoughtTokens {
  readonly inputMicros: Micros;
  readonly outputMicros: Micros;
}

/** Models that run elsewhere: what is paid for them; `our-machine` where the engine runs on one of ours; null where nobody said. */
export type Elsewhere = ReadonlyMap<string, BoughtTokens | 'our-machine' | null>;

export interface CostBasis {
  /** Null: not known. */
  readonly hourlyMicros: Micros | null;
  readonly elsewhere: Elsewhere;
}

/** Usage of one model; corrections can make it less than nothing. */
export interface ServedUsage {
  readonly model: string;
  /** With those that a cache had: what their maker gives off for it is not counted on. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly computeMs: number;
}

export const runsHere = ({ elsewhere }: Pick<CostBasis, 'elsewhere'>, model: string): boolean =>
  !elsewhere.has(model) || elsewhere.get(model) === 'our-machine';

/** Machine time and bought tokens together, each rounded up once. @returns null where a part of it is not known */
export function usageCost(rows: readonly ServedUsage[], basis: CostBasis): Micros | null {
  const machine = machineTimeCost(rows, basis);
  const bought = boughtCost(rows, basis);
  return machine === null || bought === null ? null : machine + bought;
}

function machineTimeCost(rows: readonly ServedUsage[], basis: CostBasis): Micros | null {
  const here = rows.filter(({ model }) => runsHere(basis, model));
  if (here.length === 0) return 0n;
  if (basis.hourlyMicros === null) return null;
  // A correction can take back more than the hour had; a machine is never paid less than nothing.
  const seconds =
    Math.max(
      0,
      here.reduce((sum, { computeMs }) => sum + computeMs, 0),
    ) / 1000;
  return machineCost({ seconds, hourlyMicros: basis.hourlyMicros });
}

/** What the makers of models elsewhere are paid. @returns null where one has no stated cost */
export function boughtCost(rows: readonly ServedUsage[], { elsewhere }: Pick<CostBasis, 'elsewhere'>): Micros | null {
  let tokens = 0n;
  for (const { model, inputTokens, outputTokens } of rows) {
    const cost = elsewhere.get(model);
    if (cost === null) return null;
    if (cost === undefined || cost === 'our-machine') continue;
    tokens += BigInt(inputTokens) * cost.inputMicros + BigInt(outputTokens) * cost.outputMicros;
  }
  return tokens <= 0n ? 0n : multiplyCeil(tokens, { numerator: 1n, denominator: 1_000_000n });
}
