/** Sections of the report about what was measured: customers, margins, load. */
import type { Estimate } from '../../company/business/estimates.js';
import { pointsOf } from '../../company/business/load-curve.js';
import type { MarginLine } from '../../company/business/margins.js';
import { type BusinessPicture, NO_PLAN } from '../../company/business/picture.js';
import { type Cohort, LIFETIME_MONTHS } from '../../company/business/retention.js';
import { priceFloor } from '../../company/business/unit-economics.js';
import { escapeHtml } from '../data-report/charts.js';
import { loadChart } from './charts.js';
import { type Cell, figureTable, note, section } from './marks.js';
import type { Pen } from './pen.js';

const MOST_LINES = 10;
const CUSTOMER_FACTS = [
  'customers.paying',
  'customers.new',
  'customers.churn',
  'customers.nrr',
  'customers.cac',
  'customers.payback',
  'revenue.mrr',
  'revenue.arr',
];
const LOAD_FACTS = [
  'load.capacity',
  'load.utilisation',
  'load.breakEven',
  'price.outputMillion',
  'cost.outputMillion',
  'cost.outputMillionFull',
];

/** Facts as rows of a table, two tables side by side. */
export function factRows(ids: readonly string[], { marks }: Pen): string {
  const half = Math.ceil(ids.length / 2);
  const rows = (part: readonly string[]): string =>
    figureTable(
      [],
      part.map((id): Cell[] => [marks.name(id), { html: marks.figure(id) }]),
    );
  return `<div class="two">${rows(ids.slice(0, half))}${rows(ids.slice(half))}</div>`;
}

export function customersSection({ retention, acquisition }: BusinessPicture, pen: Pen): string {
  const { texts, figures } = pen;
  const interval = (estimate: Estimate | null): string =>
    estimate === null
      ? figures.missing
      : `${figures.share(estimate.value)} (${figures.share(estimate.low)}–${figures.share(estimate.high)})`;
  const lifetime = ({ lifetimeValue }: Cohort): string =>
    lifetimeValue === null
      ? figures.missing
      : `${figures.money(lifetimeValue.valueMicros)} (${figures.money(lifetimeValue.lowMicros)}–${figures.money(lifetimeValue.highMicros)})`;
  const cohorts = retention.cohorts
    .slice(-MOST_LINES)
    .map((cohort): Cell[] => [
      cohort.month,
      `${cohort.customers}`,
      cohort.active.join(' · '),
      interval(cohort.churn.monthly),
      lifetime(cohort),
    ]);
  const channels = (acquisition.channels ?? []).map(({ name, spendMicros, newCustomers, costMicros }): Cell[] => [
    name ?? texts.unassigned,
    figures.money(spendMicros),
    `${newCustomers}`,
    newCustomers === 0 ? '–' : figures.money(costMicros),
  ]);
  return section(
    texts.customersTitle,
    factRows(CUSTOMER_FACTS, pen),
    cohorts.length === 0
      ? ''
      : figureTable([texts.cohort, texts.customers, texts.activeLater, texts.churn, texts.lifetime], cohorts) +
          note(texts.lifetimeNote(LIFETIME_MONTHS)),
    channels.length === 0 ? '' : figureTable([texts.channel, texts.spend, texts.fresh, texts.costEach], channels),
  );
}

export function marginsSection({ byModel, byPlan, byCustomer }: BusinessPicture, pen: Pen): string {
  const { texts } = pen;
  const tables = [
    marginTable(byModel, texts.byModel, pen),
    marginTable(byPlan, texts.byPlan, pen),
    marginTable(byCustomer, texts.byCustomer, pen),
  ];
  return tables.join('') === '' ? '' : section(texts.marginsTitle, ...tables, note(texts.marginsNote));
}

function marginTable(lines: readonly MarginLine[], title: string, { texts, figures }: Pen): string {
  if (lines.length === 0) return '';
  const rows = lines
    .slice(0, MOST_LINES)
    .map(({ name, outputTokens, revenueMicros, costMicros, marginMicros, ratio }): Cell[] => [
      name === NO_PLAN ? texts.noPlan : name,
      figures.compact(outputTokens),
      figures.money(revenueMicros),
      figures.money(costMicros),
      figures.money(marginMicros),
      ratio === null ? '–' : figures.share(Number(ratio.numerator) / Number(ratio.denominator)),
    ]);
  const left = lines.length - rows.length;
  const more = left > 0 ? note(texts.more(figures.number(left))) : '';
  return (
    figureTable([title, texts.outputTokens, texts.revenueWord, texts.cost, texts.marginWord, texts.ofRevenue], rows) +
    more
  );
}

export function loadSection({ facts, serving, fullLoad, breakEvenLoad, capacity }: BusinessPicture, pen: Pen): string {
  const { texts, figures, marks } = pen;
  const { curve } = facts;
  if (curve === null && serving === null) return '';
  // Shares of the machine's time, drawn on the scale of what it can write.
  const decode = capacity?.decode.value ?? 0;
  const lines = [
    ...(serving === null
      ? []
      : [
          {
            value: serving.utilisation * decode,
            name: `${marks.name('load.utilisation')} ${figures.share(serving.utilisation)}`,
          },
        ]),
    ...(breakEvenLoad === null || breakEvenLoad.utilisation.value > 1
      ? []
      : [
          {
            value: breakEvenLoad.utilisation.value * decode,
            name: `${marks.name('load.breakEven')} ${figures.share(breakEvenLoad.utilisation.value)}`,
          },
        ]),
  ];
  const { low, high } = breakEvenLoad?.utilisation ?? { low: 0, high: 0 };
  const band =
    breakEvenLoad === null || !Number.isFinite(high)
      ? ''
      : note(texts.breakEvenBand(figures.share(low), figures.share(high)));
  return section(
    texts.loadTitle,
    curve === null ? '' : loadChart(pointsOf(curve), lines, texts.loadCaption),
    factRows(LOAD_FACTS, pen),
    band,
    belowCost(facts.price, serving, fullLoad, pen),
  );
}

/** A price under the cost of a machine that never waits can never pay; one under the cost at this load does not pay yet. */
function belowCost(
  price: BusinessPicture['facts']['price'],
  serving: BusinessPicture['serving'],
  fullLoad: BusinessPicture['fullLoad'],
  { texts }: Pen,
): string {
  if (price === null) return '';
  const isBelow = (cost: bigint | null | undefined): boolean =>
    cost !== null &&
    cost !== undefined &&
    priceFloor({ priceMicrosPerMillion: price.outputMicros, servingCostMicrosPerMillion: cost }).verdict ===
      'below-cost';
  if (isBelow(fullLoad?.outputMicrosPerMillion)) return `<p class="alarm">${escapeHtml(texts.belowFullCost)}</p>`;
  return isBelow(serving?.outputMicrosPerMillion) ? `<p class="alarm">${escapeHtml(texts.belowCost)}</p>` : '';
}
