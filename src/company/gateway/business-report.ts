/** The business picture as JSON: nothing is computed here that the business room knows. */
import type { Books } from '../billing/customers.js';
import { type PriceBook, lowestPrices } from '../billing/price-book.js';
import { replayPrices } from '../billing/replay-prices.js';
import { dayAt } from '../billing/time-zone.js';
import { usageByMonth } from '../billing/usage.js';
import { BLOCKS } from '../business/business-file.js';
import { type LinkedEntry, canvasOf } from '../business/canvas.js';
import type { Estimate } from '../business/estimates.js';
import { type Fact, commandOf, ratioOf } from '../business/fact.js';
import { FACTS } from '../business/fact-registry.js';
import type { Assumption } from '../business/forecast.js';
import { pointsOf } from '../business/load-curve.js';
import type { MarginLine } from '../business/margins.js';
import { type Market, marketOf } from '../business/market.js';
import { missingCommandOf } from '../business/missing-facts.js';
import { monthsOn } from '../business/months.js';
import { type BusinessPicture, NO_PLAN } from '../business/picture.js';
import type { Cohort } from '../business/retention.js';
import { buildOrBuyOf, scenarioOf } from '../business/stated-scenario.js';
import type {
  BusinessBlock,
  BusinessCohort,
  BusinessEntry,
  BusinessFact,
  BusinessLoad,
  BusinessMarginLine,
  BusinessMarket,
  BusinessReplay,
  BusinessReport,
  BusinessScenario,
  IntervalJson,
} from './business-types.js';

/** Months to choose from. */
const MOST_MONTHS = 60;
/** Where the business file says nothing of it. */
const USUAL_SCENARIO = { months: 24, draws: 2000, seed: 1, assumptions: {} };

/** @throws MoatError `unknown-fact`, `bad-business-file` */
export function businessReport(picture: BusinessPicture, timeZone: string): BusinessReport {
  const { facts, retention, acquisition, revenue, history } = picture;
  const { file } = facts;
  return {
    month: facts.month,
    months: monthsOf(picture, timeZone),
    isOver: picture.isOver,
    currency: facts.currency,
    facts: FACTS.map((fact) => factJson(fact, picture)),
    otherRevenue: revenue.other.map(({ name, micros }) => ({ name, micros: micros.toString() })),
    history: history.map(({ month, revenueMicros, marginMicros }) => ({
      month,
      revenueMicros: revenueMicros.toString(),
      marginMicros: text(marginMicros),
    })),
    margins: {
      model: picture.byModel.map(marginJson),
      plan: picture.byPlan.map(marginJson),
      customer: picture.byCustomer.map(marginJson),
    },
    churn: intervalJson(retention.churnOfAllTime.monthly),
    cohorts: retention.cohorts.map(cohortJson),
    channels:
      acquisition.channels?.map((channel) => ({
        ...channel,
        spendMicros: text(channel.spendMicros),
        costMicros: text(channel.costMicros),
      })) ?? null,
    load: loadJson(picture),
    canvas: file === null ? null : canvasJson(canvasOf(file, picture)),
    market: file === null ? null : marketJson(marketOf(file, picture)),
    scenario: businessScenario(picture),
    choice: file === null ? null : choiceJson(buildOrBuyOf(file, picture)),
  };
}

/** @param tried bases in the place of those that are stated or measured */
export function businessScenario(
  picture: BusinessPicture,
  tried: Readonly<Partial<Record<Assumption, number>>> = {},
): BusinessScenario {
  const scenario = picture.facts.file?.scenario ?? USUAL_SCENARIO;
  const stated = scenarioOf({ scenario }, picture, tried);
  if (stated === null) throw new Error('a scenario was given');
  const { ranges, missing, estimatedPriceFloor, result } = stated;
  if (result === null) return { ranges, missing: [...missing], estimatedPriceFloor, result };
  const { low, base, high, tornado, chance } = result;
  const forecastJson = ({ months, ...rest }: typeof base) => ({
    ...rest,
    months: months.map(({ estimatedProfit }) => ({ estimatedProfit })),
  });
  return {
    ranges,
    missing: [],
    estimatedPriceFloor,
    result: {
      low: forecastJson(low),
      base: forecastJson(base),
      high: forecastJson(high),
      tornado: tornado.map(({ assumption, atLow, atHigh }) => ({ assumption, atLow, atHigh })),
      chance: { draws: chance.draws, percentiles: chance.percentiles, lossShare: chance.lossShare },
    },
  };
}

/** The month's usage under another book. */
export async function businessReplay(
  books: Books,
  { picture, book, timeZone }: { picture: BusinessPicture; book: PriceBook; timeZone: string },
): Promise<BusinessReplay> {
  const { startsAt, endsAt, currency } = picture.facts;
  const usage = await usageByMonth(books, { currency, from: startsAt, to: endsAt, timeZone });
  const replay = replayPrices(book, usage);
  const atLoad = picture.serving?.outputMicrosPerMillion ?? null;
  const atFullLoad = picture.fullLoad?.outputMicrosPerMillion ?? null;
  const isUnder = (price: bigint, cost: bigint | null): boolean => cost !== null && price < cost;
  const costsOf = (model: string): { atLoad: bigint | null; atFullLoad: bigint | null } => {
    const bought = picture.facts.elsewhere.get(model);
    if (bought === undefined || bought === 'our-machine') return { atLoad, atFullLoad };
    // What its maker asks is the same at any load.
    return { atLoad: bought?.outputMicros ?? null, atFullLoad: bought?.outputMicros ?? null };
  };
  return {
    book: book.name,
    currency,
    customers: replay.customers.map(({ customerId, customerName, paidMicros, wouldPayMicros }) => ({
      id: customerId,
      name: customerName,
      paidMicros: paidMicros.toString(),
      wouldPayMicros: wouldPayMicros.toString(),
    })),
    paidMicros: replay.paidMicros.toString(),
    wouldPayMicros: replay.wouldPayMicros.toString(),
    unpriced: [...replay.unpriced],
    costMicros: text(atLoad),
    fullLoadCostMicros: text(atFullLoad),
    lowest: lowestPrices(book, 'output').map(({ model, microsPerMillion }) => {
      const { atLoad: busy, atFullLoad: full } = costsOf(model);
      return {
        model,
        outputMicros: microsPerMillion.toString(),
        costMicros: text(full),
        under: isUnder(microsPerMillion, full) ? 'full-load' : isUnder(microsPerMillion, busy) ? 'load' : null,
      };
    }),
  };
}

const text = (amount: bigint | null): string | null => amount?.toString() ?? null;

/** From the one that runs back to the first with a sale or a booking, and the one that is shown. */
function monthsOf({ facts }: BusinessPicture, timeZone: string): string[] {
  const { year, month } = dayAt(facts.now, timeZone);
  const running = `${year}-${String(month).padStart(2, '0')}`;
  const known = [...facts.sales, ...facts.ledger].map((row) => row.month);
  const first = known.reduce((least, each) => (each < least ? each : least), facts.month);
  const all = Array.from({ length: MOST_MONTHS }, (_, back) => monthsOn(running, -back)).filter(
    (each) => each >= first,
  );
  return all.includes(facts.month) ? all : [facts.month, ...all];
}

function factJson(fact: Fact, picture: BusinessPicture): BusinessFact {
  const { id, unit, name, how, isStated = false } = fact;
  const value = fact.value(picture);
  const isState = value === 'reached' || value === 'never' || value === 'growing';
  return {
    id,
    unit,
    name,
    how,
    isStated,
    value: isState || value === null ? null : valueJson(value),
    state: isState ? value : null,
    command: value === null ? missingCommandOf(fact, picture) : commandOf(fact, picture),
  };
}

function valueJson(value: bigint | number | Date): string | number {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'bigint' ? value.toString() : value;
}

const intervalJson = (estimate: Estimate | null): IntervalJson | null =>
  estimate === null ? null : finiteInterval(estimate);

const finiteInterval = ({ value, low, high }: Estimate): IntervalJson => ({
  value,
  low,
  high: Number.isFinite(high) ? high : null,
});

const marginJson = ({
  name,
  outputTokens,
  revenueMicros,
  costMicros,
  marginMicros,
  ratio,
}: MarginLine): BusinessMarginLine => ({
  name: name === NO_PLAN ? null : name,
  outputTokens,
  revenueMicros: revenueMicros.toString(),
  costMicros: text(costMicros),
  marginMicros: text(marginMicros),
  share: ratioOf(ratio),
});

const cohortJson = ({ month, customers, active, churn, lifetimeValue }: Cohort): BusinessCohort => ({
  month,
  customers,
  active: [...active],
  churn: intervalJson(churn.monthly),
  lifetimeValue:
    lifetimeValue === null
      ? null
      : {
          valueMicros: lifetimeValue.valueMicros.toString(),
          lowMicros: lifetimeValue.lowMicros.toString(),
          highMicros: lifetimeValue.highMicros.toString(),
        },
});

function loadJson({ facts, load, breakEvenLoad, breakEvenTokens }: BusinessPicture): BusinessLoad {
  const { curve } = facts;
  return {
    curve:
      curve === null
        ? null
        : {
            measuredAt: curve.measuredAt,
            model: curve.model,
            points: pointsOf(curve).map(({ concurrency, decode, firstTokenMs, perTokenMs, failed }) => ({
              concurrency,
              decode: finiteInterval(decode),
              firstTokenMs: firstTokenMs.p50,
              perTokenMs: perTokenMs.p50,
              failed,
            })),
          },
    actual: load === null || load.hours === 0 ? null : load.outputTokens / (load.hours * 3600),
    hours: load?.hours ?? null,
    breakEven:
      breakEvenLoad === null
        ? null
        : {
            outputTokensPerSecond: breakEvenLoad.outputTokensPerSecond,
            utilisation: finiteInterval(breakEvenLoad.utilisation),
          },
    breakEvenTokens:
      breakEvenTokens === null
        ? null
        : {
            tokens: text(breakEvenTokens.tokens),
            fewest: text(breakEvenTokens.fewest),
            most: text(breakEvenTokens.most),
          },
  };
}

const entryJson = ({ text: words, standing, fact, evidence }: LinkedEntry): BusinessEntry => ({
  text: words,
  standing,
  fact: fact?.id ?? null,
  evidence: [...evidence],
});

function canvasJson(canvas: ReturnType<typeof canvasOf>): Record<BusinessBlock, BusinessEntry[]> {
  const blocks = BLOCKS.map((block): [BusinessBlock, BusinessEntry[]] => [block, canvas[block].map(entryJson)]);
  return Object.fromEntries(blocks) as Record<BusinessBlock, BusinessEntry[]>;
}

function marketJson({ rows, axes, points, moat }: Market): BusinessMarket {
  return {
    rows: rows.map(({ inputMicros, outputMicros, evidence, ...row }) => ({
      ...row,
      inputMicros: text(inputMicros),
      outputMicros: text(outputMicros),
      evidence: [...evidence],
    })),
    axes,
    points: [...points],
    moat: {
      data: moat.data.map(entryJson),
      evaluation: moat.evaluation.map(entryJson),
      switching: moat.switching.map(entryJson),
      licences: moat.licences.map(entryJson),
    },
  };
}

function choiceJson(choice: ReturnType<typeof buildOrBuyOf>): BusinessReport['choice'] {
  return choice === null ? null : { ...choice, rows: [...choice.rows] };
}
