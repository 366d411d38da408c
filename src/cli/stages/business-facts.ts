import { type Micros, parseMicros } from '../../base/money.js';
import type { Books } from '../../company/billing/customers.js';
import { priceOf } from '../../company/billing/prices.js';
import { usageByModel } from '../../company/billing/usage.js';
import type { BusinessFacts } from '../../company/business/business-summary.js';
import { periodOf, servedTokensPerSecond } from '../../company/business/used-by-model.js';
import type { CostFacts } from '../../company/gateway/overview.js';
import { readUpstreamCosts } from '../../company/gateway/upstream/upstream-file.js';
import { dayAt, startOf } from '../../company/billing/time-zone.js';
import { machineCost } from '../../company/business/unit-economics.js';
import { type RunUse, readRunUses } from '../../lab/train/run-cost.js';
import type { Project } from '../config/project.js';
import { filesOf, upstreamsFileOf } from './project-files.js';

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
  const [elsewhere, runs, today, total, price] = await Promise.all([
    readUpstreamCosts(upstreamsFileOf(project)),
    readRunUses(filesOf(project).runs),
    usageByModel(books, { currency, from: startOf(dayAt(new Date(books.clock.now()), timeZone), timeZone) }),
    usageByModel(books, { currency }),
    priceOf(books, serve.modelId, currency),
  ]);
  return {
    currency,
    hourlyMicros: hourlyMicrosOf(project),
    trainingWallSeconds: runs.length === 0 ? null : runs.reduce((sum, run) => sum + hereSecondsOf(run), 0),
    clusterMicros: clusterMicrosOf(project, runs),
    decodeTokensPerSecond: throughput?.decodeTokensPerSecond ?? servedTokensPerSecond(total, { elsewhere }),
    prefillTokensPerSecond: throughput?.prefillTokensPerSecond ?? null,
    inputPriceMicrosPerMillion: price?.inputMicrosPerMillionTokens ?? null,
    outputPriceMicrosPerMillion: price?.outputMicrosPerMillionTokens ?? null,
    today: periodOf(today, { elsewhere }),
    total: periodOf(total, { elsewhere }),
  };
}
