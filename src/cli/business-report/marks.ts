/** Pieces of HTML that the business pages share. */
import { type Fact, commandOf } from '../../company/business/fact.js';
import { FACTS, findFact } from '../../company/business/fact-registry.js';
import type { BusinessLanguage, Figures } from '../../company/business/figures.js';
import type { BusinessPicture } from '../../company/business/picture.js';
import { escapeHtml } from '../data-report/charts.js';
import { BUSINESS_STYLE } from './style.js';

/** A page that stands alone: no script, no request. */
export function wholePage(
  language: BusinessLanguage,
  {
    title,
    subtitle,
    body,
    sheet = false,
  }: { title: string; subtitle: string; body: readonly string[]; sheet?: boolean },
): string {
  return [
    `<!doctype html><html lang="${language}"><head><meta charset="utf-8">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1"><title>${escapeHtml(title)} · ${escapeHtml(subtitle)}</title>`,
    `<style>${BUSINESS_STYLE}</style></head><body><main${sheet ? ' class="sheet"' : ''}>`,
    `<header><h1>${escapeHtml(title)}</h1><p>${escapeHtml(subtitle)}</p></header>`,
    ...body,
    '</main></body></html>\n',
  ].join('\n');
}

export const section = (title: string, ...parts: readonly string[]): string =>
  `<section><h2>${escapeHtml(title)}</h2>${parts.join('')}</section>`;

export const note = (text: string): string => `<p class="note">${escapeHtml(text)}</p>`;

export type Cell = string | { readonly html: string; readonly className?: string };

/** A table whose first column names the row. @param titles none: rows speak for themselves */
export function figureTable(titles: readonly string[], rows: readonly (readonly Cell[])[], caption?: string): string {
  const cells = (row: readonly Cell[]): string =>
    row
      .map((cell, index) => {
        const { html, className } = typeof cell === 'string' ? { html: escapeHtml(cell), className: undefined } : cell;
        if (index === 0) return `<th scope="row">${html}</th>`;
        return `<td${className === undefined ? '' : ` class="${className}"`}>${html}</td>`;
      })
      .join('');
  const isText = (index: number): boolean =>
    rows.some((row) => typeof row[index] === 'object' && row[index].className === 'text');
  const heads = titles
    .map((title, index) => `<th scope="col"${isText(index) ? ' class="text"' : ''}>${escapeHtml(title)}</th>`)
    .join('');
  const head = titles.length === 0 ? '' : `<thead><tr>${heads}</tr></thead>`;
  return (
    `<div class="wide"><table class="figures">${caption === undefined ? '' : `<caption>${escapeHtml(caption)}</caption>`}` +
    `${head}<tbody>${rows.map((row) => `<tr>${cells(row)}</tr>`).join('')}</tbody></table></div>`
  );
}

export interface FactMarks {
  /** The figure, as a link to its source. */
  figure(id: string): string;
  isMissing(id: string): boolean;
  name(id: string): string;
  /** Every fact with where it comes from. */
  sources(): string;
  /** Names of those without a value. */
  readonly missing: readonly Fact[];
}

export function factMarks(picture: BusinessPicture, language: BusinessLanguage, figures: Figures): FactMarks {
  const wording = language === 'en' ? 'en' : 'zh';
  const values = new Map(FACTS.map((fact) => [fact.id, fact.value(picture)]));
  const of = (id: string): Fact => {
    const fact = findFact(id);
    if (fact === undefined) throw new Error(`no fact ${id}`);
    return fact;
  };
  const textOf = (fact: Fact): string => figures.fact(values.get(fact.id) ?? null, fact.unit);
  const isMissing = (id: string): boolean => (values.get(id) ?? null) === null;
  return {
    figure: (id) =>
      `<a href="#${of(id).id}"${isMissing(id) ? ' class="missing"' : ''}>${escapeHtml(textOf(of(id)))}</a>`,
    isMissing,
    name: (id) => of(id).name[wording],
    missing: FACTS.filter(({ id }) => isMissing(id)),
    sources: () =>
      `<table class="sources"><tbody>${FACTS.map(
        (fact) =>
          `<tr id="${fact.id}"><th scope="row">${escapeHtml(fact.name[wording])}</th><td>${escapeHtml(textOf(fact))}</td>` +
          `<td>${escapeHtml(fact.how[wording])}</td><td><code>${escapeHtml(commandOf(fact, picture))}</code></td></tr>`,
      ).join('')}</tbody></table>`,
  };
}
