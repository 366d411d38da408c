/** Everything `moat plan` says, worked out once for terminal, page and machines. */
import { readdir } from 'node:fs/promises';
import os from 'node:os';
import { MoatError } from '../../base/errors.js';
import { type Micros, parseMicros } from '../../base/money.js';
import { type BestModel, bestModel } from '../../lab/planning/best-model.js';
import { type LawCheck, checkLargest } from '../../lab/planning/check-law.js';
import { type Device, fitsMemory, sustainedFlops } from '../../lab/planning/devices.js';
import { type LawFit, fitLaw } from '../../lab/planning/fit-law.js';
import { type PlanningRun, type RunsRead, readPlanningRuns } from '../../lab/planning/planning-runs.js';
import type { OwnData } from '../../lab/planning/scaling-law.js';
import type { Project } from '../config/project.js';
import { hourlyMicrosOf } from '../stages/business-facts.js';
import { candidatesOf, planningFactsOf } from '../stages/plan-stage.js';
import { filesOf } from '../stages/project-files.js';
import { readDevices } from './device-file.js';

export type PlanBudget = { readonly hours: number } | { readonly micros: Micros };

export interface Offer {
  readonly device: Device;
  /** Whether its speed was measured by the runs. */
  readonly isMeasured: boolean;
  /** Null where no price is known: then money buys nothing that could be counted. */
  readonly best: BestModel | null;
  readonly costMicros: Micros | null;
  /** Why there is no model. */
  readonly why?: 'noPrice' | 'free' | 'notOneStep';
}

export interface PlanPicture extends RunsRead {
  readonly project: string;
  readonly currency: string;
  readonly budget: PlanBudget;
  readonly fit: LawFit;
  readonly check: LawCheck;
  readonly data: OwnData;
  /** Bits a byte for a nat a token; undefined for models that give texts no probability. */
  readonly bitsPerNat: number | undefined;
  readonly offers: readonly Offer[];
  readonly tokensPerStep: number;
  /** What the runs took of this machine. */
  readonly measuredSeconds: number;
  readonly measuredMicros: Micros;
}

/** @throws MoatError `too-few-runs`, `runs-too-alike`, `no-scaling-law`, `no-such-run`, `bad-device-file` */
export async function planPicture(
  project: Project,
  names: readonly string[],
  budget: PlanBudget,
  seed: number,
): Promise<PlanPicture> {
  const facts = await planningFactsOf(project);
  const kind = { tokenizerHash: facts.tokenizerHash, architecture: project.config.model.architecture };
  const directory = filesOf(project).runs;
  const chosen = names.length > 0 ? names : (await readdir(directory).catch(() => [])).sort();
  const read = await readPlanningRuns(directory, chosen, kind);
  const fit = fitOrExplain(read, seed);
  const data: OwnData = {
    uniqueTokens: facts.uniqueTokens,
    measuredParameters: Math.max(...read.runs.map(({ parameters }) => parameters)),
  };
  const candidates = candidatesOf(facts);
  const hourly = hourlyMicrosOf(project);
  const devices = [
    { device: thisMachine(project, read.runs), isMeasured: true },
    ...(await readDevices(project)).map((device) => ({ device, isMeasured: false })),
  ];
  const measuredSeconds = read.runs.reduce((sum, { wallSeconds }) => sum + wallSeconds, 0);
  const bits = read.runs[0]?.bitsPerByte;
  return {
    ...read,
    project: project.config.name,
    currency: project.config.currency,
    budget,
    fit,
    check: checkLargest(read.runs, seed),
    data,
    bitsPerNat: bits === undefined ? undefined : bits / (read.runs[0]?.loss ?? 1),
    tokensPerStep: facts.tokensPerStep,
    measuredSeconds,
    measuredMicros: costOf(measuredSeconds, hourly),
    offers: devices.map(({ device, isMeasured }) => {
      const fitting = candidates.filter(({ parameters }) => fitsMemory(device, parameters));
      const fewestTokens = facts.tokensPerStep;
      const offer = offerOf(device, budget, (seconds) =>
        bestModel(fit, fitting, data, { seconds, flopsPerSecond: sustainedFlops(device), fewestTokens }),
      );
      return { device, isMeasured, ...offer };
    }),
  };
}

/** The reasons that took runs away belong into the refusal. */
function fitOrExplain({ runs, leftOut }: RunsRead, seed: number): LawFit {
  try {
    return fitLaw(runs, { seed });
  } catch (error) {
    if (!(error instanceof MoatError) || error.code !== 'too-few-runs' || leftOut.length === 0) throw error;
    const shown = leftOut.slice(0, 3).map(({ name, why }) => `${name} ${why}`);
    const more = leftOut.length > shown.length ? `, ${leftOut.length - shown.length} more` : '';
    throw new MoatError(
      error.code,
      `${error.message} (left out: ${shown.join(', ')}${more})`,
      error.fix === undefined ? {} : { fix: error.fix },
    );
  }
}

const SECONDS_AN_HOUR = 3600;

function offerOf(
  device: Device,
  budget: PlanBudget,
  best: (seconds: number) => BestModel | undefined,
): Pick<Offer, 'best' | 'costMicros' | 'why'> {
  const price = device.hourlyPrice === null ? null : parseMicros(device.hourlyPrice, `${device.name}: hourlyPrice`);
  let seconds: number;
  if ('hours' in budget) seconds = budget.hours * SECONDS_AN_HOUR;
  else if (price === null) return { best: null, costMicros: null, why: 'noPrice' };
  else if (price === 0n) return { best: null, costMicros: null, why: 'free' };
  else seconds = (Number(budget.micros) / Number(price)) * SECONDS_AN_HOUR;
  const model = best(seconds);
  if (model === undefined) return { best: null, costMicros: null, why: 'notOneStep' };
  if (price === null) return { best: model, costMicros: null };
  const cost = costOf(model.seconds, price);
  // rounded up, it may be one micro-unit more than there is
  return { best: model, costMicros: 'micros' in budget && cost > budget.micros ? budget.micros : cost };
}

/** Rounded up to a micro-unit: an estimate, nothing is booked from it. */
const costOf = (seconds: number, hourly: Micros): Micros =>
  BigInt(Math.ceil((seconds / SECONDS_AN_HOUR) * Number(hourly)));

/** What the largest model among the runs got of this machine, half of its runs faster and half slower. */
function thisMachine(project: Project, runs: readonly PlanningRun[]): Device {
  const largest = Math.max(...runs.map(({ parameters }) => parameters));
  const speeds = runs
    .filter(({ parameters }) => parameters === largest)
    .map(({ flopsPerSecond }) => flopsPerSecond)
    .sort((a, b) => a - b);
  const { machineHourlyPrice } = project.config.business;
  return {
    name: 'this machine',
    peakFlops: speeds[speeds.length >> 1] ?? 0,
    utilization: 1,
    memoryBytes: os.totalmem(),
    hourlyPrice: machineHourlyPrice,
    source: 'speed: measured by the runs; price: business.machineHourlyPrice',
  };
}
