import type { Currency, Micros } from '../../base/money.js';
import type { Books } from '../billing/customers.js';
import { type ModelPrice, priceOf } from '../billing/prices.js';
import { dayAt, startOf } from '../billing/time-zone.js';
import { type UsageEvent, usageByModel, usageOf } from '../billing/usage.js';
import { type PeriodResult, businessSummary } from '../business/business-summary.js';
import type { Elsewhere } from '../business/serving-cost.js';
import { periodOf, servedTokensPerSecond } from '../business/used-by-model.js';
import type { ModelSummary, Overview, UsageRow } from './api-types.js';
import type { Backend } from './backend.js';

/** What only the project knows about its costs. */
export interface CostFacts {
  /** The machine's hourly price; null when it is not set, and then no cost is known. */
  readonly hourlyMicros: Micros | null;
  /** Models that run elsewhere, and what is paid for them. */
  readonly elsewhere?: Elsewhere;
  /** The runs behind the models on sale, with their wall seconds on this machine. */
  readonly trainingRuns: readonly { readonly name: string; readonly elapsedSeconds: number }[];
  /** What their time on clusters cost. */
  readonly clusterMicros?: Micros;
}

export interface OverviewOptions {
  readonly project: string;
  readonly currency: Currency;
  /** IANA name of the zone whose day is "today". */
  readonly timeZone: string;
  readonly backends: ReadonlyMap<string, Backend>;
  readonly parameterCounts: ReadonlyMap<string, number>;
  readonly costFacts: () => Promise<CostFacts>;
}

const RECENT_EVENTS = 20;

/** The founder's first page, from measured facts alone. */
export async function readOverview(books: Books, options: OverviewOptions): Promise<Overview> {
  const { currency } = options;
  const from = startOf(dayAt(new Date(books.clock.now()), options.timeZone), options.timeZone);
  const [today, total, recent, facts, prices] = await Promise.all([
    usageByModel(books, { currency, from }),
    usageByModel(books, { currency }),
    usageOf(books, { limit: RECENT_EVENTS }),
    options.costFacts(),
    Promise.all([...options.backends.keys()].map((model) => priceOf(books, model, currency))),
  ]);
  const basis = { elsewhere: facts.elsewhere ?? new Map() };
  const price = prices.find((found) => found !== undefined);
  const summary = businessSummary({
    currency,
    hourlyMicros: facts.hourlyMicros,
    trainingWallSeconds:
      facts.trainingRuns.length === 0 ? null : facts.trainingRuns.reduce((sum, run) => sum + run.elapsedSeconds, 0),
    clusterMicros: facts.clusterMicros ?? 0n,
    decodeTokensPerSecond: servedTokensPerSecond(total, basis),
    prefillTokensPerSecond: null,
    inputPriceMicrosPerMillion: price?.inputMicrosPerMillionTokens ?? null,
    outputPriceMicrosPerMillion: price?.outputMicrosPerMillionTokens ?? null,
    today: periodOf(today, basis),
    total: periodOf(total, basis),
  });
  const remaining = summary.breakEven.tokensRemaining;
  return {
    project: options.project,
    currency,
    today: periodJson(summary.today),
    total: {
      revenueMicros: summary.total.revenueMicros.toString(),
      servingCostMicros: summary.total.costMicros?.toString() ?? null,
      trainingCostMicros: summary.trainingCostMicros?.toString() ?? null,
      tokensToBreakEven: remaining === null ? null : Number(remaining),
    },
    models: [...options.backends.values()].map((backend, index) =>
      modelJson(backend, prices[index], options.parameterCounts),
    ),
    recentUsage: recent.map(usageJson),
  };
}

function periodJson(period: PeriodResult): Overview['today'] {
  return {
    requests: period.requests,
    inputTokens: period.inputTokens,
    outputTokens: period.outputTokens,
    revenueMicros: period.revenueMicros.toString(),
    costMicros: period.costMicros?.toString() ?? null,
    marginMicros: period.marginMicros?.toString() ?? null,
  };
}

/** What is served, with its price. */
export async function servedModels(
  books: Books,
  { backends, currency, parameterCounts }: OverviewOptions,
): Promise<ModelSummary[]> {
  return Promise.all(
    [...backends].map(async ([name, backend]) =>
      modelJson(backend, await priceOf(books, name, currency), parameterCounts),
    ),
  );
}

function modelJson(
  backend: Backend,
  price: ModelPrice | undefined,
  parameterCounts: ReadonlyMap<string, number>,
): ModelSummary {
  return {
    id: backend.modelId,
    contextLength: backend.contextLength,
    parameterCount: parameterCounts.get(backend.modelId) ?? null,
    inputMicrosPerMillionTokens: price?.inputMicrosPerMillionTokens.toString() ?? null,
    outputMicrosPerMillionTokens: price?.outputMicrosPerMillionTokens.toString() ?? null,
  };
}

function usageJson(event: UsageEvent): UsageRow {
  const { id, model, inputTokens, outputTokens, status } = event;
  const charged = event.chargedMicros.toString();
  return {
    id,
    time: event.time.toISOString(),
    customer: event.customerName,
    model,
    inputTokens,
    outputTokens,
    chargedMicros: charged,
    status,
  };
}
