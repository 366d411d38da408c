import { writeFileAtomic } from '../../base/atomic-file.js';
import { figuresFor } from '../../company/business/figures.js';
import { renderReportPdf } from '../business-report/pdf/report-pdf.js';
import { renderReportPage } from '../business-report/report-page.js';
import { readReportFacts } from '../stages/report-facts.js';
import { summaryBox } from '../terminal/summary-box.js';
import { FACTS } from '../../company/business/fact-registry.js';
import type { BusinessAction } from './request.js';
import { factsJson } from './show-facts.js';

/** The month as a page for those who own a part of it; to the terminal, its main figures. */
export const writeReport: BusinessAction = async ({ project, books, month, html, pdf, language, terminal }) => {
  const reported = await readReportFacts(project, books, month);
  const { picture, books: proved } = reported;
  const { facts, ...figuresOfMonth } = picture;
  if (html !== undefined) await writeFileAtomic(html, renderReportPage(reported, language));
  if (pdf !== undefined) await writeFileAtomic(pdf, await renderReportPdf(reported, language));
  const figures = figuresFor(language, facts.currency, project.config.timeZone);
  const lines = FACTS.filter(({ id }) => SHOWN.has(id)).map(
    (fact) => [language === 'en' ? fact.name.en : fact.name.zh, figures.fact(fact.value(picture), fact.unit)] as const,
  );
  terminal.print(summaryBox(`${project.config.name}: ${facts.month}`, lines, { columns: terminal.columns }));
  const files = [html, pdf].filter((file) => file !== undefined);
  for (const file of files) terminal.print(file);
  return {
    json: { month: facts.month, currency: facts.currency, files, facts: factsJson(picture), ...figuresOfMonth },
    exitCode: proved.balanced ? 0 : 1,
  };
};

const SHOWN = new Set([
  'revenue.total',
  'cost.serving',
  'margin.gross',
  'margin.contribution',
  'margin.result',
  'customers.paying',
  'revenue.mrr',
  'outlook.runway',
]);
