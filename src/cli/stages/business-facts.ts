import { type Micros, parseMicros } from '../../base/money.js';
import type { Books } from '../../company/billing/customers.js';
import { priceOf } from '../../company/billing/prices.js';
import { type UsageTotals, usageTotals } from '../../company/billing/usage.js';
import type { CostFacts } from '../../company/gateway/overview.js';
import type { BusinessFacts, PeriodFacts } from '../../company/business/business-summary.js';
import { dayAt, startOf } from '../../company/billing/time-zone.js';
import { machineCost } from '../../company/business/unit-economics.js';
import { type RunUse, readRunUses } from '../../lab/train/run-cost.js';
import type { Project } from '../config/project.js';
import { filesOf } from './project-files.js';

/** Throughput measured by running the model, when somebody has; else it is taken from what was served. */
export interface Throughput {
  readonly decodeTokensPerSecond: number;
  readonly prefillTokensPerSecond: number;
}

/** What the machine costs for an hour, in micro-units. */
export function hourlyMicrosOf(project: Project): Micros {
  return parseMicros(project.config.business.machineHourlyPrice, 'business.machineHourlyPrice');
}

/** What runs cost on clusters: the seconds of every machine, at the price of one. */
export function clusterMicrosOf(project: Project, runs: readonly RunUse[]): Micros {
  const hourlyMicros = parseMicros(project.config.business.nodeHourlyPrice, 'business.nodeHourlyPrice');
  const seconds = runs.reduce((sum, { cluster }) => sum + cluster.machineSeconds, 0);
  return machineCost({ seconds, hourlyMicros });
}

const hereSecondsOf = ({ elapsedSeconds, cluster }: RunUse): number => elapsedSeconds - cluster.wallSeconds;

/** What the gateway's first page says of training. */
export function costFactsOf(project: Project, runs: readonly RunUse[]): CostFacts {
  return {
    hourlyMicros: hourlyMicrosOf(project),
    trainingRuns: runs.map((run) => ({ name: run.name, elapsedSeconds: hereSecondsOf(run) })),
    clusterMicros: clusterMicrosOf(project, runs),
  };
}

/** Everything measured about a project's model on sale: runs, throughput, prices in force, usage. */
export async function readBusinessFacts(
  project: Project,
  books: Books,
  throughput: Throughput | undefined,
): Promise<BusinessFacts> {
  const { currency, timeZone, serve } = project.config;
  const [runs, today, total, price] = await Promise.all([
    readRunUses(filesOf(project).runs),
    usageTotals(books, { currency, from: startOf(dayAt(new Date(books.clock.now()), timeZone), timeZone) }),
    usageTotals(books, { currency }),
    priceOf(books, serve.modelId, currency),
  ]);
  return {
    currency,
    hourlyMicros: hourlyMicrosOf(project),
    trainingWallSeconds: runs.length === 0 ? null : runs.reduce((sum, run) => sum + hereSecondsOf(run), 0),
    clusterMicros: clusterMicrosOf(project, runs),
    decodeTokensPerSecond: throughput?.decodeTokensPerSecond ?? servedTokensPerSecond(total),
    prefillTokensPerSecond: throughput?.prefillTokensPerSecond ?? null,
    inputPriceMicrosPerMillion: price?.inputMicrosPerMillionTokens ?? null,
    outputPriceMicrosPerMillion: price?.outputMicrosPerMillionTokens ?? null,
    today: periodOf(today),
    total: periodOf(total),
  };
}

/** Output tokens per second of engine time over everything sold; null when nothing was. */
function servedTokensPerSecond({ outputTokens, payingComputeMs }: UsageTotals): number | null {
  return payingComputeMs > 0 ? (outputTokens * 1000) / payingComputeMs : null;
}

function periodOf({ requests, inputTokens, outputTokens, revenueMicros, computeMs }: UsageTotals): PeriodFacts {
  return { requests, inputTokens, outputTokens, revenueMicros, computeSeconds: computeMs / 1000 };
}
