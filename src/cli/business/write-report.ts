import { writeFileAtomic } from '../../base/atomic-file.js';
import { audit } from '../../company/billing/audit.js';
import { figuresFor } from '../../company/business/figures.js';
import { marketOf } from '../../company/business/market.js';
import { buildOrBuyOf, scenarioOf } from '../../company/business/stated-scenario.js';
import { renderReportPage } from '../business-report/report-page.js';
import { readPicture } from '../stages/read-picture.js';
import { summaryBox } from '../terminal/summary-box.js';
import { FACTS } from '../../company/business/fact-registry.js';
import type { BusinessAction } from './request.js';
import { factsJson } from './show-facts.js';

/** The month as a page for those who own a part of it; to the terminal, its main figures. */
export const writeReport: BusinessAction = async ({ project, books, month, html, language, terminal }) => {
  const picture = await readPicture(project, books, month);
  const { facts, ...figuresOfMonth } = picture;
  const { file } = facts;
  const proved = await audit(books);
  const facing = {
    picture,
    market: file === null ? null : marketOf(file, picture),
    scenario: file === null ? null : scenarioOf(file, picture),
    buildOrBuy: file === null ? null : buildOrBuyOf(file, picture),
    books: proved,
    timeZone: project.config.timeZone,
  };
  if (html !== undefined) await writeFileAtomic(html, renderReportPage(facing, language));
  const figures = figuresFor(language, facts.currency, project.config.timeZone);
  const lines = FACTS.filter(({ id }) => SHOWN.has(id)).map(
    (fact) => [language === 'en' ? fact.name.en : fact.name.zh, figures.fact(fact.value(picture), fact.unit)] as const,
  );
  terminal.print(summaryBox(`${project.config.name}: ${facts.month}`, lines, { columns: terminal.columns }));
  if (html !== undefined) terminal.print(html);
  return {
    json: { month: facts.month, currency: facts.currency, file: html, facts: factsJson(picture), ...figuresOfMonth },
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
