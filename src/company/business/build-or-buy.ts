/** The own model, a giant's API, or both: what a month of so many tokens costs each way, and how good the answers are. */
export interface BuildOrBuyFacts {
  /** Tokens a second one own machine can write, and what its hour costs. */
  readonly capacity: number;
  readonly machineHour: number;
  /** What a million output tokens cost at the API, with the input that goes along. */
  readonly apiPrice: number;
  /** What training cost, shared among so many months. */
  readonly trainingCost: number;
  readonly trainingMonths: number;
  /** In both: the share of the requests that the own model answers, those of its niche. */
  readonly ownShare: number;
  /** On our own set, in its own unit; null when it was not measured. */
  readonly ownQuality: number | null;
  readonly apiQuality: number | null;
}

export interface BuildOrBuyRow {
  /** Millions of output tokens a month. */
  readonly millions: number;
  readonly estimatedOwn: number;
  readonly estimatedApi: number;
  readonly estimatedBoth: number;
  readonly cheapest: 'own' | 'api' | 'both';
}

export interface BuildOrBuy {
  readonly rows: readonly BuildOrBuyRow[];
  /** Above so many millions a month the own model is cheaper than the API, on one machine; null when it never is. */
  readonly crossoverMillions: number | null;
  readonly quality: { readonly own: number | null; readonly api: number | null; readonly both: number | null };
}

const HOURS_PER_MONTH = 730;

export function buildOrBuy(facts: BuildOrBuyFacts, volumes: readonly number[]): BuildOrBuy {
  const { apiPrice, ownShare, ownQuality, apiQuality } = facts;
  const rows = volumes.map((millions): BuildOrBuyRow => {
    const estimatedOwn = ownCost(facts, millions);
    const estimatedApi = millions * apiPrice;
    const estimatedBoth = ownCost(facts, millions * ownShare) + millions * (1 - ownShare) * apiPrice;
    const cheaper = estimatedOwn <= estimatedApi ? 'own' : 'api';
    const cheapest = estimatedBoth < Math.min(estimatedOwn, estimatedApi) ? 'both' : cheaper;
    return { millions, estimatedOwn, estimatedApi, estimatedBoth, cheapest };
  });
  const both = ownQuality === null || apiQuality === null ? null : ownShare * ownQuality + (1 - ownShare) * apiQuality;
  return { rows, crossoverMillions: crossover(facts), quality: { own: ownQuality, api: apiQuality, both } };
}

function ownCost(facts: BuildOrBuyFacts, millions: number): number {
  const machines = Math.max(1, Math.ceil(millions / millionsOfOneMachine(facts)));
  return machines * facts.machineHour * HOURS_PER_MONTH + facts.trainingCost / facts.trainingMonths;
}

const millionsOfOneMachine = ({ capacity }: BuildOrBuyFacts): number => (capacity * 3600 * HOURS_PER_MONTH) / 1e6;

function crossover(facts: BuildOrBuyFacts): number | null {
  if (facts.apiPrice <= 0) return null;
  const millions = ownCost(facts, 0) / facts.apiPrice;
  return millions <= millionsOfOneMachine(facts) ? millions : null;
}
