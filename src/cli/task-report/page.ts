/** The report of a task as one HTML page that stands alone: no script, no request, light and dark, wide and phone. */
import { formatMicros } from '../../base/money.js';
import { type TaskReport, formatScore } from '../../lab/tasks/task-report.js';
import type { ReportTable } from '../../lab/tasks/task.js';
import { escapeHtml } from '../data-report/charts.js';
import { STYLE } from '../data-report/style.js';
import type { ReportLanguage } from '../data-report/texts.js';
import { type TaskTexts, taskTexts } from './texts.js';

export function renderTaskPage(report: TaskReport, language: ReportLanguage): string {
  const texts = taskTexts[language];
  const count = new Intl.NumberFormat(language);
  const tile = (value: number | string, name: string): string =>
    `<div class="tile"><b>${escapeHtml(typeof value === 'number' ? count.format(value) : value)}</b><span>${escapeHtml(name)}</span></div>`;
  const { data, time, cost } = report;
  const tiles = [
    tile(data.train, texts.train),
    tile(data.validation, texts.validation),
    tile(data.test, texts.test),
    tile(Number(time.fitSeconds.toFixed(1)), texts.seconds),
    tile(`${formatMicros(BigInt(cost.micros), 4)} ${cost.currency}`, texts.cost),
  ];
  const taskTitle = texts.words[report.task.title] ?? report.task.title;
  const title = `${report.name} · ${taskTitle}`;
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title>`,
    `<style>${STYLE}${TABLES}</style></head><body><main>`,
    `<header><h1>${escapeHtml(report.name)}</h1><p>${escapeHtml(taskTitle)}</p></header>`,
    `<section class="tiles">${tiles.join('')}</section>`,
    scores(report, texts),
    verdicts(report, texts),
    slices(report, texts),
    worst(report, texts),
    ...report.tables.map(extra),
    facts(report, texts),
    ...(report.task.notice === undefined ? [] : [`<footer><p>${escapeHtml(report.task.notice)}</p></footer>`]),
    '</main></body></html>\n',
  ].join('\n');
}

/** Figures stay in one piece; what is too wide for a phone is scrolled. */
const TABLES =
  '.scroll{overflow-x:auto}.scroll td{white-space:nowrap;vertical-align:top}.scroll td small{display:block}.scroll thead th{min-width:6rem}';

/** An interval stands under its figure. */
function cellOf(cell: string | number): string {
  const figure = /^(\S+) (\(.*\))$/.exec(String(cell));
  if (figure === null) return escapeHtml(String(cell));
  return `${escapeHtml(figure[1] ?? '')}<small>${escapeHtml(figure[2] ?? '')}</small>`;
}

const section = (title: string, ...parts: readonly string[]): string =>
  `<section><h2>${escapeHtml(title)}</h2>${parts.join('')}</section>`;

function tableOf(columns: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const head = columns.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('');
  const body = rows.map(([first = '', ...rest]) => {
    const cells = rest.map((cell) => `<td>${cellOf(cell)}</td>`).join('');
    return `<tr><th scope="row">${escapeHtml(String(first))}</th>${cells}</tr>`;
  });
  return `<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body.join('')}</tbody></table></div>`;
}

function scores({ scores: ours, peers }: TaskReport, texts: TaskTexts): string {
  const rows = ours
    .map((score, index) => ({ score, theirs: peers.map((peer) => peer.scores[index]) }))
    .filter(({ score }) => !Number.isNaN(score.value))
    .map(({ score, theirs }) => [
      score.signature === undefined ? score.metric : `${score.metric} (${score.signature})`,
      formatScore(score),
      ...theirs.map((each) => (each === undefined ? '' : formatScore(each))),
    ]);
  const columns = [texts.metric, texts.thisModel, ...peers.map(({ name }) => texts.words[name] ?? name)];
  return section(texts.scores, `<p>${escapeHtml(texts.scoresIntro)}</p>`, tableOf(columns, rows));
}

function verdicts({ peers }: TaskReport, texts: TaskTexts): string {
  if (peers.length === 0) return '';
  const signed = (value: number): string => `${value < 0 ? '−' : '+'}${Math.abs(value).toFixed(3)}`;
  const rows = peers.map(({ comparison: { against, metric, difference, low, high, pValue, verdict } }) => [
    texts.words[against] ?? against,
    texts.verdict[verdict],
    `${metric} ${signed(difference)} (${signed(low)} … ${signed(high)})`,
    pValue.toFixed(3),
  ]);
  return section(texts.verdicts, tableOf([texts.against, '', texts.difference, 'p'], rows));
}

function slices({ slices: all }: TaskReport, texts: TaskTexts): string {
  if (all.length === 0) return '';
  const rows = all.map(({ name, count, score }) => [name, count, formatScore(score)]);
  return section(texts.slices, tableOf([texts.slice, texts.examples, all[0]?.score.metric ?? ''], rows));
}

function worst({ worst: answers }: TaskReport, texts: TaskTexts): string {
  if (answers.length === 0) return '';
  const shown = answers.map(
    ({ place, input, expected, given }) =>
      `<div class="pair"><p><code>${escapeHtml(place ?? '')}</code></p>` +
      `<div><h3>${escapeHtml(texts.input)}</h3><blockquote>${escapeHtml(input.slice(0, 600))}</blockquote></div>` +
      `<div><h3>${escapeHtml(texts.expected)}</h3><blockquote>${escapeHtml(expected.slice(0, 600))}</blockquote>` +
      `<h3>${escapeHtml(texts.given)}</h3><blockquote>${escapeHtml(given.slice(0, 600))}</blockquote></div></div>`,
  );
  return section(texts.worst, `<p>${escapeHtml(texts.worstIntro)}</p>`, ...shown);
}

const extra = ({ title, columns, rows }: ReportTable): string => section(title, tableOf(columns, rows));

function facts({ data, model, versions }: TaskReport, texts: TaskTexts): string {
  const rows = [
    [texts.records, data.records],
    [texts.leftOut, data.leftOut.count + data.sameTwice + data.removedCopies],
    ...data.files.map(({ file, sha256 }) => [file, sha256]),
    ...Object.entries(model.facts),
    ...Object.entries(model.settings).map(([name, value]) => [name, String(value)]),
    ['seed', model.seed],
    ...Object.entries(versions),
  ];
  return section(texts.facts, tableOf(['', ''], rows));
}
