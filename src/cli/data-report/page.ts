/** The data report as one HTML page that stands alone: no script, no request, light and dark, wide and phone. */
import { formatBytes } from '../../base/units.js';
import type { Passport } from '../../lab/data/passport.js';
import type { DataReport, Tally } from '../../lab/data/report.js';
import type { TokenLengths } from '../../lab/tokenizer/token-lengths.js';
import { barChart, columnChart, escapeHtml } from './charts.js';
import { STYLE } from './style.js';
import { type ReportLanguage, reportTexts, type ReportTexts } from './texts.js';
import { SIDES } from '../../lab/data/split.js';

export interface DataPageFacts {
  readonly project: string;
  readonly report: DataReport;
  readonly passport: Passport;
  readonly lengths: TokenLengths;
  /** Texts that were kept, by id: those that the examples are copies of. */
  readonly originals: ReadonlyMap<string, string>;
}

/** How the language writes figures. */
interface Figures {
  readonly count: (value: number) => string;
  readonly share: (part: number, whole: number) => string;
}

export function renderDataPage(facts: DataPageFacts, language: ReportLanguage): string {
  const texts = reportTexts[language];
  const figures = figuresOf(language);
  const sections = [
    tiles(facts.report, texts, figures),
    reasons(facts.report, texts, figures),
    lengths(facts.lengths, texts, figures),
    languages(facts.report, texts, figures),
    origins(facts, texts, figures),
    copies(facts, texts),
    settings(facts.passport, texts),
  ];
  const title = `${facts.project} · ${texts.title}`;
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)}</title>`,
    `<style>${STYLE}</style></head><body><main>`,
    `<header><h1>${escapeHtml(texts.title)}</h1><p>${escapeHtml(facts.project)} · ${escapeHtml(facts.report.source)}</p></header>`,
    ...sections,
    `<footer><p>${escapeHtml(texts.why)}</p></footer></main></body></html>\n`,
  ].join('\n');
}

function figuresOf(language: ReportLanguage): Figures {
  const count = new Intl.NumberFormat(language);
  const share = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  return { count: (value) => count.format(value), share: (part, whole) => share.format(part / Math.max(1, whole)) };
}

const section = (title: string, ...parts: readonly string[]): string =>
  `<section><h2>${escapeHtml(title)}</h2>${parts.join('')}</section>`;

function tiles(report: DataReport, texts: ReportTexts, { count, share }: Figures): string {
  const tile = (name: string, { documents, bytes }: Tally, note: string): string =>
    `<div class="tile"><b>${count(documents)}</b><span>${escapeHtml(name)}</span><small>${formatBytes(bytes)}${note}</small></div>`;
  const { read, kept, validation, test } = report;
  const dropped = Object.values(report.dropped).reduce(
    (sum, each) => ({ documents: sum.documents + each.documents, bytes: sum.bytes + each.bytes }),
    { documents: 0, bytes: 0 },
  );
  return `<section class="tiles">${[
    tile(texts.read, read, ` · ${count(report.files)} ${texts.files}`),
    tile(texts.kept, kept, ` · ${share(kept.bytes, read.bytes)}`),
    tile(texts.dropped, dropped, ` · ${share(dropped.bytes, read.bytes)}`),
    tile(texts.validation, validation, ` · ${share(validation.documents, kept.documents)}`),
    tile(texts.test, test, ` · ${share(test.documents, kept.documents)}`),
  ].join('')}</section>`;
}

function reasons({ dropped, read }: DataReport, texts: ReportTexts, { count, share }: Figures): string {
  const entries = Object.entries(dropped);
  if (entries.length === 0) return '';
  const bars = entries.map(([reason, { documents, bytes }]) => ({
    label: reason,
    value: documents,
    note: `${count(documents)} · ${share(bytes, read.bytes)}`,
  }));
  const details = entries.map(([reason, { examples }]) => {
    const what = texts.reasons[reason];
    const items = examples.map(
      ({ id, detail, excerpt }) =>
        `<li><code>${escapeHtml(id)}</code> ${escapeHtml(detail)}${excerpt === undefined ? '' : `<blockquote>${escapeHtml(excerpt)}</blockquote>`}</li>`,
    );
    const summary = `<b>${escapeHtml(reason)}</b>${what === undefined ? '' : ` ${escapeHtml(what)}`}`;
    return `<details><summary>${summary}</summary><ul aria-label="${escapeHtml(texts.examples)}">${items.join('')}</ul></details>`;
  });
  return section(texts.reasonsTitle, barChart(bars, texts.reasonsCaption), ...details);
}

function lengths(measured: TokenLengths, texts: ReportTexts, { count, share }: Figures): string {
  const { histogram, quantiles, longest, cuts, documents } = measured;
  if (documents === 0) return '';
  const columns = histogram.map(({ from, to, documents: inBin }) => ({
    label: count(from),
    value: inBin,
    title: `${count(from)}–${count(to - 1)}: ${count(inBin)}`,
  }));
  const summary = texts.quantiles(count(quantiles[0.5] ?? 0), count(quantiles[0.95] ?? 0), count(longest));
  const rows = cuts.map(
    (cut) =>
      `<tr><th scope="row">${count(cut.length)}</th><td>${count(cut.documents)} · ${share(cut.documents, documents)}</td><td>${count(cut.lost)} · ${share(cut.lost, measured.total)}</td></tr>`,
  );
  return section(
    texts.lengthsTitle,
    columnChart(columns, texts.lengthsCaption(measured.unit)),
    `<p>${escapeHtml(summary)}</p><h3>${escapeHtml(texts.cutsTitle)}</h3><p>${escapeHtml(texts.cutsIntro)}</p>`,
    `<table class="figures"><thead><tr><th scope="col">${escapeHtml(texts.context)}</th><th scope="col">${escapeHtml(texts.longerDocuments)}</th><th scope="col">${escapeHtml(texts.lost)}</th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
  );
}

function languages(report: DataReport, texts: ReportTexts, { count, share }: Figures): string {
  const names = new Intl.DisplayNames([texts === reportTexts.en ? 'en' : 'zh-CN'], { type: 'language' });
  const bars = Object.entries(report.languages).map(([tag, { documents, bytes }]) => ({
    label: tag === 'und' ? '?' : `${names.of(tag) ?? tag} (${tag})`,
    value: bytes,
    note: `${share(bytes, report.kept.bytes)} · ${count(documents)}`,
  }));
  return bars.length === 0 ? '' : section(texts.languagesTitle, barChart(bars, texts.languagesCaption));
}

function origins({ report }: DataPageFacts, texts: ReportTexts, { count, share }: Figures): string {
  const rows = Object.entries(report.origins).map(
    ([name, { read, kept }]) =>
      `<tr><th scope="row">${escapeHtml(name)}</th><td>${count(read.documents)} · ${formatBytes(read.bytes)}</td><td>${count(kept.documents)} · ${share(kept.bytes, report.kept.bytes)}</td></tr>`,
  );
  const licences = Object.entries(report.licences).map(([name, { documents, bytes }]) => ({
    label: name === 'unknown' ? texts.unknownLicence : name,
    value: bytes,
    note: `${share(bytes, report.kept.bytes)} · ${count(documents)}`,
  }));
  const masked = Object.entries(report.masked).map(([kind, times]) => ({
    label: kind,
    value: times,
    note: count(times),
  }));
  return [
    section(
      texts.originsTitle,
      `<table><thead><tr><th scope="col">${escapeHtml(texts.origin)}</th><th scope="col">${escapeHtml(texts.read)}</th><th scope="col">${escapeHtml(texts.kept)}</th></tr></thead><tbody>${rows.join('')}</tbody></table>`,
    ),
    licences.length === 0 ? '' : section(texts.licencesTitle, barChart(licences, texts.licence)),
    masked.length === 0 ? '' : section(texts.maskedTitle, barChart(masked, texts.maskedCaption)),
  ].join('');
}

function copies({ report, originals }: DataPageFacts, texts: ReportTexts): string {
  const examples = Object.values(report.dropped).flatMap((tally) => tally.examples);
  const pairs = examples.flatMap(({ id, copyOf, excerpt = '', detail }) => {
    const original = copyOf === undefined ? undefined : originals.get(copyOf);
    if (original === undefined) return [];
    const side = (name: string, where: string, text: string): string =>
      `<div><h3>${escapeHtml(name)} <code>${escapeHtml(where)}</code></h3><blockquote>${escapeHtml(text)}</blockquote></div>`;
    const sides = [
      side(texts.droppedText, id, excerpt),
      side(texts.keptText, copyOf as string, original.slice(0, 160)),
    ];
    return [`<div class="pair"><p>${escapeHtml(detail)}</p>${sides.join('')}</div>`];
  });
  return pairs.length === 0 ? '' : section(texts.copiesTitle, `<p>${escapeHtml(texts.copiesIntro)}</p>`, ...pairs);
}

function settings({ settings: all, outputs }: Passport, texts: ReportTexts): string {
  const rows = Object.entries({
    ...all,
    ...Object.fromEntries(SIDES.map((side) => [`${side}.jsonl`, outputs[side].sha256])),
  })
    .map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : String(value)] as const)
    .filter(([, value]) => value !== '')
    .map(
      ([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td><code>${escapeHtml(value)}</code></td></tr>`,
    );
  return `<section><details><summary><b>${escapeHtml(texts.settingsTitle)}</b></summary><table><tbody>${rows.join('')}</tbody></table></details></section>`;
}
