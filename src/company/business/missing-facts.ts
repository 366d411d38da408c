/** What has to be measured or stated before a missing figure is there: the first thing that lacks, as it is typed. */
import { type Fact, commandOf } from './fact.js';
import type { BusinessPicture } from './picture.js';

type Need =
  | 'upstreamCosts'
  | 'machinePrice'
  | 'curve'
  | 'serving'
  | 'price'
  | 'runs'
  | 'payments'
  | 'otherRevenue'
  | 'dataCosts'
  | 'monthlyCosts'
  | 'channels'
  | 'cash'
  | 'evaluation'
  | 'giant';

const SOURCES: Readonly<Record<Need, { readonly command: string; isThere(picture: BusinessPicture): boolean }>> = {
  machinePrice: {
    command: 'moat.config.ts business.machineHourlyPrice',
    isThere: ({ facts }) => facts.hourlyMicros !== null,
  },
  upstreamCosts: {
    command: 'upstreams.json cost',
    isThere: ({ facts }) => facts.sales.every(({ model }) => facts.elsewhere.get(model) !== null),
  },
  curve: { command: 'moat bench serve', isThere: ({ capacity }) => capacity !== null },
  serving: { command: 'business.yaml serving', isThere: ({ load }) => load !== null },
  price: { command: 'moat prices BOOK.json --publish', isThere: ({ facts }) => facts.price !== null },
  runs: { command: 'moat train', isThere: ({ runs }) => runs.length > 0 },
  payments: { command: 'business.yaml payments', isThere: ({ facts }) => facts.file?.payments !== undefined },
  otherRevenue: { command: 'business.yaml otherRevenue', isThere: ({ facts }) => facts.file !== null },
  dataCosts: { command: 'business.yaml dataCosts', isThere: ({ costs }) => costs.dataMicros !== null },
  monthlyCosts: { command: 'business.yaml monthlyCosts', isThere: ({ costs }) => costs.fixedMicros !== null },
  channels: { command: 'business.yaml channels', isThere: ({ costs }) => costs.acquisitionMicros !== null },
  cash: { command: 'business.yaml cash', isThere: ({ facts }) => facts.file?.cash !== undefined },
  evaluation: { command: 'moat eval MODEL --data FILE', isThere: ({ facts }) => facts.quality !== null },
  giant: {
    command: 'moat eval MODEL --data FILE --against openai:GIANT@URL',
    isThere: ({ facts }) => facts.quality?.giant != null,
  },
};

const ALL_COSTS = ['machinePrice', 'upstreamCosts', 'payments', 'dataCosts', 'monthlyCosts', 'channels'] as const;

/** In the order in which a founder would go about it. */
const NEEDS: Readonly<Record<string, readonly Need[]>> = {
  'revenue.other': ['otherRevenue'],
  'margin.gross': ['machinePrice', 'upstreamCosts'],
  'margin.grossShare': ['machinePrice', 'upstreamCosts'],
  'margin.contribution': ['machinePrice', 'upstreamCosts', 'payments'],
  'margin.result': ALL_COSTS,
  'cost.serving': ['machinePrice', 'upstreamCosts'],
  'cost.payments': ['payments'],
  'cost.training': ['machinePrice'],
  'cost.trainingTotal': ['runs', 'machinePrice'],
  'cost.data': ['dataCosts'],
  'cost.fixed': ['monthlyCosts'],
  'cost.acquisition': ['channels'],
  'cost.outputMillion': ['curve', 'machinePrice', 'serving'],
  'cost.outputMillionFull': ['curve', 'machinePrice'],
  'price.outputMillion': ['price'],
  'load.capacity': ['curve'],
  'load.utilisation': ['curve', 'machinePrice', 'serving'],
  'load.breakEven': ['curve', 'machinePrice', 'serving'],
  'customers.cac': ['channels'],
  'customers.payback': ['channels', 'machinePrice', 'payments'],
  'outlook.trainingPaidOn': ['runs', 'machinePrice', 'payments'],
  'outlook.breakEvenTokens': ['runs', 'curve', 'machinePrice', 'price'],
  'outlook.runway': ['cash', ...ALL_COSTS],
  'quality.own': ['evaluation'],
  'quality.giant': ['evaluation', 'giant'],
};

/**
 * Of a fact that is missing.
 * @returns null where nothing but time or a first sale can bring it
 */
export function missingCommandOf(fact: Fact, picture: BusinessPicture): string | null {
  const first = NEEDS[fact.id]?.find((need) => !SOURCES[need].isThere(picture));
  return first === undefined ? null : commandOf({ command: SOURCES[first].command }, picture);
}
