/** What every training run cost, failed ones too: machine time, energy, money. What was not measured stays null. */
import { type Micros, multiplyCeil } from '../../base/money.js';
import { exactly } from './measurement.js';
import { trainingCost } from './unit-economics.js';

/** A run as its events have it. */
export interface RunFacts {
  readonly name: string;
  /** Over all its processes, killed ones included. */
  readonly wallSeconds: number;
  /** The part of them on a cluster, and what its machines cost. */
  readonly cluster?: { readonly wallSeconds: number; readonly micros: Micros };
  readonly device: string | null;
  /** `unfinished`: it runs, or was killed. */
  readonly outcome: 'finished' | 'stopped' | 'converged' | 'failed' | 'unfinished';
  readonly startedAt: Date | null;
  readonly tokensSeen: number | null;
  /** Read from the processor's own meter (RAPL); null where it cannot be read. */
  readonly joules: number | null;
}

/** As stated in the business file. */
export interface ElectricityFacts {
  /** What the machine draws under load; stands in where nothing was measured. */
  readonly watts: number | null;
  readonly microsPerKilowattHour: Micros | null;
  /** Whether the hourly price of the machine has it in it, as rented machines' have. */
  readonly isInHourlyPrice: boolean;
}

export interface RunCost extends RunFacts {
  readonly machineMicros: Micros | null;
  readonly energy: { readonly joules: number; readonly source: 'measured' | 'stated' } | null;
  readonly energyMicros: Micros | null;
  /** Machine, and energy where the machine's price does not have it in it. */
  readonly totalMicros: Micros | null;
}

const JOULES_PER_KILOWATT_HOUR = 3_600_000n;

/** @throws MoatError `bad-measurement` for a negative time or energy */
export function runCost(
  run: RunFacts,
  { hourlyMicros, electricity }: { hourlyMicros: Micros | null; electricity: ElectricityFacts },
): RunCost {
  const machineMicros =
    hourlyMicros === null
      ? null
      : trainingCost({ wallSeconds: hereSeconds(run), hourlyMicros }) + (run.cluster?.micros ?? 0n);
  const energy = energyOf(run, electricity);
  const energyMicros =
    energy === null || electricity.microsPerKilowattHour === null
      ? null
      : energyCost(energy.joules, electricity.microsPerKilowattHour);
  const added = electricity.isInHourlyPrice ? 0n : energyMicros;
  const totalMicros = machineMicros === null || added === null ? null : machineMicros + added;
  return { ...run, machineMicros, energy, energyMicros, totalMicros };
}

/** A cluster's price has its energy in it. */
function energyOf(run: RunFacts, { watts }: ElectricityFacts): RunCost['energy'] {
  if (run.joules !== null) return { joules: run.joules, source: 'measured' };
  return watts === null ? null : { joules: watts * hereSeconds(run), source: 'stated' };
}

const hereSeconds = ({ wallSeconds, cluster }: RunFacts): number => wallSeconds - (cluster?.wallSeconds ?? 0);

/** `joules ÷ 3,600,000 × price of a kilowatt-hour`, rounded up to a whole micro-unit. */
export function energyCost(joules: number, microsPerKilowattHour: Micros): Micros {
  const { numerator, denominator } = exactly(joules, 'joules');
  return multiplyCeil(microsPerKilowattHour, { numerator, denominator: denominator * JOULES_PER_KILOWATT_HOUR });
}

/** Σ, or null when a part of it is not known; 0 for none. */
export function sumKnown(parts: readonly (Micros | null)[]): Micros | null {
  return parts.reduce<Micros | null>((sum, each) => (sum === null || each === null ? null : sum + each), 0n);
}
