/** The month on one page for those who own a part of it: every figure leads to the command that shows where it comes from. */
import { approximateUnits } from '../../company/business/estimates.js';
import { type BusinessLanguage, figuresFor } from '../../company/business/figures.js';
import type { BusinessPicture } from '../../company/business/picture.js';
import { escapeHtml } from '../data-report/charts.js';
import { monthChart } from './charts.js';
import { factMarks, note, section, wholePage } from './marks.js';
import type { Pen, ReportFacts } from './pen.js';
import { customersSection, loadSection, marginsSection } from './operation-sections.js';
import { buildSection, marketSection, moatSection, outlookSection } from './strategy-sections.js';
import { businessTexts } from './texts.js';

export function renderReportPage(facts: ReportFacts, language: BusinessLanguage): string {
  const { picture, timeZone } = facts;
  const texts = businessTexts[language];
  const figures = figuresFor(language, picture.facts.currency, timeZone);
  const pen: Pen = { texts, figures, language, marks: factMarks(picture, language, figures) };
  const month = new Intl.DateTimeFormat(language, { year: 'numeric', month: 'long', timeZone }).format(
    picture.facts.startsAt,
  );
  const body = [
    opening(facts, pen),
    tiles(pen),
    course(picture, pen),
    resultSection(picture, pen),
    customersSection(picture, pen),
    marginsSection(picture, pen),
    loadSection(picture, pen),
    marketSection(facts, pen),
    moatSection(facts, pen),
    outlookSection(facts, pen),
    buildSection(facts, pen),
    missingSection(pen),
    `<section class="long"><h2>${escapeHtml(texts.sourcesTitle)}</h2>${pen.marks.sources()}</section>`,
  ];
  return wholePage(language, { title: picture.facts.project, subtitle: `${texts.report} · ${month}`, body });
}

function opening({ picture, books }: ReportFacts, { texts, figures }: Pen): string {
  const lines = [
    ...(picture.isOver ? [] : [note(texts.running(figures.date(picture.facts.now)))]),
    books.balanced
      ? note(texts.books(figures.number(books.transactionCount)))
      : `<p class="alarm">${escapeHtml(texts.booksBroken)}</p>`,
  ];
  return lines.join('');
}

const TILES = [
  'revenue.total',
  'margin.grossShare',
  'margin.result',
  'revenue.mrr',
  'customers.paying',
  'outlook.runway',
];

function tiles({ marks }: Pen): string {
  const each = TILES.map(
    (id) =>
      `<div class="tile"><b${marks.isMissing(id) ? ' class="missing"' : ''}>${marks.figure(id)}</b><span>${escapeHtml(marks.name(id))}</span></div>`,
  );
  return `<section class="tiles">${each.join('')}</section>`;
}

function course({ history, facts }: BusinessPicture, { texts, figures, language }: Pen): string {
  const short = new Intl.DateTimeFormat(language, { month: 'short', timeZone: 'UTC' });
  const columns = history.map(({ month, revenueMicros, marginMicros }) => ({
    label: short.format(new Date(`${month}-15T00:00:00Z`)),
    revenue: approximateUnits(revenueMicros),
    margin: marginMicros === null ? null : approximateUnits(marginMicros),
    value: figures.money(revenueMicros),
    title: `${month}: ${texts.revenueWord} ${figures.money(revenueMicros)}, ${texts.marginWord} ${figures.money(marginMicros)}`,
  }));
  if (facts.sales.length === 0 && facts.ledger.length === 0) return '';
  return section(texts.courseTitle, monthChart(columns, texts.courseCaption));
}

/** The lines of a result, sums marked. */
const RESULT = [
  ['revenue.services'],
  ['revenue.software'],
  ['revenue.other'],
  ['revenue.total', 'sum'],
  ['cost.serving'],
  ['margin.gross', 'sum'],
  ['cost.payments'],
  ['margin.contribution', 'sum'],
  ['cost.training'],
  ['cost.data'],
  ['cost.fixed'],
  ['cost.acquisition'],
  ['cost.givenAway'],
  ['margin.result', 'sum'],
] as const;

function resultSection({ revenue }: BusinessPicture, { texts, marks }: Pen): string {
  // A business that has no other line has no row for it; one that has not measured a cost has.
  const shown = RESULT.filter(([id]) => id !== 'revenue.other' || revenue.other.length > 0);
  const rows = shown.map(
    ([id, kind]) =>
      `<tr${kind === undefined ? '' : ` class="${kind}"`}><th scope="row">${id.startsWith('cost.') ? '− ' : ''}${escapeHtml(marks.name(id))}</th><td>${marks.figure(id)}</td></tr>`,
  );
  return section(
    texts.resultTitle,
    `<table class="figures"><tbody>${rows.join('')}</tbody></table>`,
    note(texts.resultNote),
  );
}

function missingSection({ texts, marks, language }: Pen): string {
  if (marks.missing.length === 0) return '';
  const items = marks.missing.map(
    ({ id, name, how }) =>
      `<li><a href="#${id}">${escapeHtml(language === 'en' ? name.en : name.zh)}</a> <small>${escapeHtml(language === 'en' ? how.en : how.zh)}</small></li>`,
  );
  return section(texts.missingTitle, note(texts.missingNote), `<ul>${items.join('')}</ul>`);
}
