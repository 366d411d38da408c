/**
 * The JSON of `/api/business`. Money is in micro-units, as everywhere in `/api`; fields named `estimated…` are doubles in units of
 * the currency, because forecasts are no accounts. What is missing is null, and never 0.
 */
import type { Assumption } from '../business/forecast.js';

type MicrosString = string;
export type { Assumption };

export interface BilingualText {
  en: string;
  zh: string;
}

/** A figure with the ends of its 95 % interval; `high` is null where it has no end. */
export interface IntervalJson {
  value: number;
  low: number;
  high: number | null;
}

export interface BusinessFact {
  id: string;
  unit: 'money' | 'share' | 'count' | 'tokens/s' | 'months' | 'date' | 'score';
  name: BilingualText;
  how: BilingualText;
  /** The founder's word stands behind it, and no meter. */
  isStated: boolean;
  /** Money as micro-units, dates as ISO 8601, counts above 2^53 as decimal strings. */
  value: string | number | null;
  /** Where there is no figure, and something is known all the same. */
  state: 'reached' | 'never' | 'growing' | null;
  /** Shows where it comes from; of a missing figure, what would measure it. Null: only time brings it. */
  command: string | null;
}

export interface BusinessMarginLine {
  /** Null: customers without a plan. */
  name: string | null;
  outputTokens: number;
  revenueMicros: MicrosString;
  costMicros: MicrosString | null;
  marginMicros: MicrosString | null;
  /** Of revenue. */
  share: number | null;
}

export interface BusinessCohort {
  /** Of its first charge. */
  month: string;
  customers: number;
  /** How many were active so many months later. */
  active: number[];
  churn: IntervalJson | null;
  lifetimeValue: { valueMicros: MicrosString; lowMicros: MicrosString; highMicros: MicrosString } | null;
}

export interface BusinessChannel {
  /** Null: customers of whom it is not said where they came from. */
  name: string | null;
  spendMicros: MicrosString | null;
  newCustomers: number;
  costMicros: MicrosString | null;
}

export interface BusinessLoad {
  /** Null: never measured. */
  curve: {
    measuredAt: string;
    model: string;
    /** Output tokens a second by requests at once. */
    points: { concurrency: number; decode: IntervalJson; firstTokenMs: number; perTokenMs: number; failed: number }[];
  } | null;
  /** Output tokens a second over the hours paid. */
  actual: number | null;
  hours: number | null;
  /** Output tokens a second that pay for the machines, and as a share of what they can do. */
  breakEven: { outputTokensPerSecond: number; utilisation: IntervalJson } | null;
  /** Output tokens that pay for the training; null inside: never at this price. */
  breakEvenTokens: { tokens: string | null; fewest: string | null; most: string | null } | null;
}

export type BusinessBlock =
  'partners' | 'activities' | 'resources' | 'value' | 'relationships' | 'channels' | 'segments' | 'costs' | 'revenue';

export interface BusinessEntry {
  text: string;
  standing: 'fact' | 'stated' | 'missing' | 'evidence' | 'claim';
  /** Its id among the facts; null where it points at none. */
  fact: string | null;
  evidence: string[];
}

export interface BusinessMarket {
  /** Ours first. Prices are of a million tokens. */
  rows: {
    name: string;
    isUs: boolean;
    inputMicros: MicrosString | null;
    outputMicros: MicrosString | null;
    quality: number | null;
    latencyMs: number | null;
    limits: string | null;
    evidence: string[];
  }[];
  axes: { x: BusinessAxis; y: BusinessAxis };
  points: { name: string; isUs: boolean; x: number; y: number }[];
  moat: Record<'data' | 'evaluation' | 'switching' | 'licences', BusinessEntry[]>;
}
export type BusinessAxis = 'price' | 'quality' | 'latency';

export interface BusinessForecast {
  estimatedProfit: number;
  estimatedCashNeed: number;
  /** From 1; null: none of the months. */
  breakEvenMonth: number | null;
  /** Of each month. */
  months: { estimatedProfit: number }[];
}

/** POST /api/business/scenario. */
export interface BusinessScenario {
  ranges: Partial<Record<Assumption, { low: number; base: number; high: number }>>;
  /** Neither stated nor measured: without them there is no result. */
  missing: Assumption[];
  estimatedPriceFloor: number | null;
  result: {
    low: BusinessForecast;
    base: BusinessForecast;
    high: BusinessForecast;
    /** The largest first. */
    tornado: { assumption: Assumption; atLow: number; atHigh: number }[];
    chance: { draws: number; percentiles: Record<'p5' | 'p25' | 'p50' | 'p75' | 'p95', number>; lossShare: number };
  } | null;
}

export interface BusinessChoice {
  rows: {
    millions: number;
    estimatedOwn: number;
    estimatedApi: number;
    estimatedBoth: number;
    cheapest: 'own' | 'api' | 'both';
  }[];
  crossoverMillions: number | null;
  quality: { own: number | null; api: number | null; both: number | null };
}

/** GET /api/business?month=2026-11; without one, the month that runs. */
export interface BusinessReport {
  month: string;
  /** Those there is a figure of, the newest first. */
  months: string[];
  isOver: boolean;
  currency: string;
  facts: BusinessFact[];
  /** Lines of other books, as stated. */
  otherRevenue: { name: string; micros: MicrosString }[];
  history: { month: string; revenueMicros: MicrosString; marginMicros: MicrosString | null }[];
  margins: Record<'model' | 'plan' | 'customer', BusinessMarginLine[]>;
  churn: IntervalJson | null;
  cohorts: BusinessCohort[];
  /** Null: not stated. */
  channels: BusinessChannel[] | null;
  load: BusinessLoad;
  /** These three are null where there is no business.yaml. */
  canvas: Record<BusinessBlock, BusinessEntry[]> | null;
  market: BusinessMarket | null;
  scenario: BusinessScenario;
  choice: BusinessChoice | null;
}

/** POST /api/business/replay: what the month's usage would have brought under another price book. */
export interface BusinessReplay {
  book: string;
  currency: string;
  customers: { id: string; name: string; paidMicros: MicrosString; wouldPayMicros: MicrosString }[];
  paidMicros: MicrosString;
  wouldPayMicros: MicrosString;
  /** Models that were used and that the book does not sell: counted as nothing. */
  unpriced: string[];
  /** What a million output tokens cost: at the month's load, and on a machine that never waits. */
  costMicros: MicrosString | null;
  fullLoadCostMicros: MicrosString | null;
  /** The book's lowest price of a million output tokens, what they cost at the least, and which of the costs it is under; the worse of them. */
  lowest: {
    model: string;
    outputMicros: MicrosString;
    costMicros: MicrosString | null;
    under: 'full-load' | 'load' | null;
  }[];
}
