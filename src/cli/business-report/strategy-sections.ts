/** Sections of the report about what is stated and estimated: market, moat, outlook, own model or the giant's. */
import type { LinkedEntry } from '../../company/business/canvas.js';
import type { MeasuredQuality } from '../../company/business/picture-facts.js';
import { MOAT_ITEMS } from '../../company/business/market.js';
import type { ScenarioResult } from '../../company/business/scenarios.js';
import { escapeHtml } from '../data-report/charts.js';
import { positionMap } from './charts.js';
import { type Cell, figureTable, note, section } from './marks.js';
import type { Pen, ReportFacts } from './pen.js';

export function marketSection({ market, picture }: ReportFacts, pen: Pen): string {
  const { texts, figures } = pen;
  if (market === null || market.rows.length < 2) return '';
  const { quality } = picture.facts;
  const rows = market.rows.map(
    ({ name, isUs, inputMicros, outputMicros, quality: score, latencyMs, limits, evidence }): Cell[] => [
      { html: `${isUs ? `<b>${escapeHtml(name)}</b>` : escapeHtml(name)} ${links(evidence)}` },
      dash(inputMicros, figures.money),
      dash(outputMicros, figures.money),
      dash(score, figures.number),
      dash(latencyMs, figures.number),
      { html: escapeHtml(limits ?? '–'), className: 'text' },
    ],
  );
  const map =
    market.points.length < 2
      ? ''
      : positionMap(market.points, { x: texts.axis[market.axes.x], y: texts.axis[market.axes.y] });
  return section(
    texts.marketTitle,
    figureTable([texts.name, texts.inputPrice, texts.outputPrice, texts.quality, texts.latency, texts.limits], rows),
    quality === null ? '' : note(qualityLine(quality, pen)),
    map,
  );
}

const dash = <T>(value: T | null, write: (value: T) => string): string => (value === null ? '–' : write(value));

function qualityLine({ metric, better, value, low, high, giant }: MeasuredQuality, { texts, figures }: Pen): string {
  const ours = texts.ours(figures.number(value), figures.number(low), figures.number(high));
  const theirs =
    giant === null
      ? ''
      : texts.theirs(giant.name, figures.number(giant.value), texts.verdict[giant.verdict] ?? giant.verdict);
  return `${texts.better(metric, better === 'higher')}${ours}${theirs}`;
}

export function moatSection({ market }: ReportFacts, { texts, figures }: Pen): string {
  if (market === null || MOAT_ITEMS.every((item) => market.moat[item].length === 0)) return '';
  const blocks = MOAT_ITEMS.map((item) => {
    const entries = market.moat[item].map((entry) => entryItem(entry, { texts, figures }));
    const list = entries.length === 0 ? note(texts.nothing) : `<ul>${entries.join('')}</ul>`;
    return `<div><h3>${escapeHtml(texts.moat[item])}</h3>${list}</div>`;
  });
  return section(texts.moatTitle, `<div class="two">${blocks.join('')}</div>`);
}

/** A claim, with what stands behind it or the mark that nothing does. */
export function entryItem(
  { text, standing, fact, value, evidence }: LinkedEntry,
  { texts, figures }: Pick<Pen, 'texts' | 'figures'>,
): string {
  const figure = fact === undefined ? '' : ` <b>${escapeHtml(figures.fact(value, fact.unit))}</b>`;
  return `<li>${escapeHtml(text)}${figure} <span class="tag ${standing}">${escapeHtml(texts.standing[standing])}</span> ${links(evidence)}</li>`;
}

/** Addresses become links; anything else, such as a file in the project, is named. */
function links(evidence: readonly string[]): string {
  return evidence
    .map((each, index) =>
      /^https?:\/\//.test(each)
        ? `<a href="${escapeHtml(each)}" rel="noreferrer">[${index + 1}]</a>`
        : `<code>${escapeHtml(each)}</code>`,
    )
    .join(' ');
}

export function outlookSection({ scenario }: ReportFacts, pen: Pen): string {
  const { texts, marks } = pen;
  const rows = ['outlook.breakEvenTokens', 'outlook.trainingPaidOn', 'outlook.runway'].map((id): Cell[] => [
    marks.name(id),
    { html: marks.figure(id) },
  ]);
  const table = figureTable([], rows);
  if (scenario === null) return section(texts.outlookTitle, table);
  const { result, missing, estimatedPriceFloor } = scenario;
  const forecast =
    result === null
      ? note(texts.missingFor(missing.map((name) => texts.assumption[name])))
      : scenarioTables(result, estimatedPriceFloor, pen);
  return section(texts.outlookTitle, table, forecast);
}

function scenarioTables(result: ScenarioResult, priceFloor: number | null, { texts, figures }: Pen): string {
  const { chance, months, tornado } = result;
  const cases = (
    [
      ['low', texts.low],
      ['base', texts.base],
      ['high', texts.high],
    ] as const
  ).map(([name, title]): Cell[] => [
    title,
    figures.estimate(result[name].estimatedProfit),
    figures.estimate(result[name].estimatedCashNeed),
  ]);
  const { p5, p50, p95 } = chance.percentiles;
  const drawn: Cell[][] = [
    [texts.median, figures.estimate(p50)],
    [texts.ninety, texts.band(figures.estimate(p5), figures.estimate(p95))],
    [texts.lossShare, figures.share(chance.lossShare)],
    [texts.priceFloor, figures.estimate(priceFloor)],
  ];
  const swings = tornado.map(({ assumption, atLow, atHigh }): Cell[] => [
    texts.assumption[assumption],
    figures.estimate(atLow),
    figures.estimate(atHigh),
  ]);
  return [
    `<h3>${escapeHtml(texts.scenarioTitle(months))}</h3>`,
    figureTable(['', texts.profit, texts.cashNeed], cases),
    figureTable([], drawn),
    swings.length === 0 ? '' : figureTable([texts.swing, texts.atLow, texts.atHigh], swings),
    note(texts.scenarioNote(figures.number(chance.draws), `${chance.seed}`)),
  ].join('');
}

export function buildSection({ buildOrBuy }: ReportFacts, { texts, figures }: Pen): string {
  if (buildOrBuy === null) return '';
  const { rows, quality, crossoverMillions } = buildOrBuy;
  const marked = (text: string, isBest: boolean): Cell =>
    isBest ? { html: escapeHtml(text), className: 'best' } : text;
  const costs = rows.map(({ millions, estimatedOwn, estimatedApi, estimatedBoth, cheapest }): Cell[] => [
    figures.compact(millions * 1e6),
    marked(figures.estimate(estimatedOwn), cheapest === 'own'),
    marked(figures.estimate(estimatedApi), cheapest === 'api'),
    marked(figures.estimate(estimatedBoth), cheapest === 'both'),
  ]);
  const last: Cell[] = [
    texts.quality,
    figures.number(quality.own),
    figures.number(quality.api),
    figures.number(quality.both),
  ];
  return section(
    texts.buildTitle,
    figureTable([texts.volume, texts.own, texts.giant, texts.both], [...costs, last]),
    note(crossoverMillions === null ? texts.noCrossover : texts.crossover(figures.compact(crossoverMillions * 1e6))),
    note(texts.buildNote),
  );
}
