import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { businessLanguages } from '../../company/business/figures.js';
import type { BusinessAction } from '../business/request.js';
import { showCosts } from '../business/show-costs.js';
import { showFacts } from '../business/show-facts.js';
import { showLoad } from '../business/show-load.js';
import { showMarket } from '../business/show-market.js';
import { showScenario } from '../business/show-scenario.js';
import { showSummary } from '../business/show-summary.js';
import { writeCanvas } from '../business/write-canvas.js';
import { writeReport } from '../business/write-report.js';
import { defineCommand } from '../command.js';
import { withBooks } from '../stages/open-books.js';

const actions: Readonly<Record<string, BusinessAction>> = {
  summary: showSummary,
  costs: showCosts,
  load: showLoad,
  facts: showFacts,
  scenario: showScenario,
  market: showMarket,
  canvas: writeCanvas,
  report: writeReport,
};

export const command = defineCommand({
  name: 'business',
  summary: 'what the model cost, what it earns, and when it pays',
  description:
    'summary (the default): training cost from the measured wall time of every run, serving cost from measured throughput, revenue from the ledger, margin and break-even; it also proves the books: every entry balances, every charge has its usage. costs: every run, failed ones too, with time, energy and money. load: what a token costs at the load there is, and at which load it pays. facts: every figure by name. report: a month as a page or a PDF. From business.yaml (docs/BUSINESS.md): canvas, scenario, market. What was not measured is said to be so.',
  arguments: { action: { description: Object.keys(actions).join(', '), count: 'optional' } },
  options: {
    month: { kind: 'text', placeholder: 'MONTH', description: 'such as 2026-11 (default: the one that runs)' },
    html: { kind: 'text', placeholder: 'FILE', description: 'of report and canvas: write it as a page' },
    pdf: { kind: 'text', placeholder: 'FILE', description: 'of report and canvas: write it as a PDF, on A4' },
    md: { kind: 'text', placeholder: 'FILE', description: 'of canvas: write it as Markdown' },
    pageLanguage: {
      kind: 'choice',
      choices: businessLanguages,
      default: 'en',
      description: 'what pages and tables are written in',
    },
  },
  settings: ['business', 'currency', 'timeZone', 'serve.modelId', 'database'],
  examples: [
    { command: 'moat business', does: 'the figures now' },
    { command: 'moat business --machine-hourly-price 0.35', does: 'on a dearer machine' },
    { command: 'moat business costs', does: 'what every run cost' },
    { command: 'moat business load --month 2026-11', does: 'cost of a token, and break-even' },
    { command: 'moat business canvas --html canvas.html', does: 'the nine blocks' },
    { command: 'moat business scenario', does: 'low, base, high, and by chance' },
    { command: 'moat business report --month 2026-11 --pdf report.pdf', does: 'for investors' },
    { command: 'moat business canvas --pdf canvas.pdf --page-language zh-CN', does: 'one sheet, in Chinese' },
    { command: 'moat business --json', does: 'for a spreadsheet or a dashboard' },
  ],
  async run({ arguments: { action = 'summary' }, options, cwd, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined) {
      throw new MoatError('usage', `business: "${action}" is not an action`, {
        fix: `Write one of ${Object.keys(actions).join(', ')}.`,
      });
    }
    const project = await loadProject();
    const fileAt = (file: string | undefined) => (file === undefined ? undefined : path.resolve(cwd, file));
    const { month, html, md, pdf, pageLanguage: language } = options;
    return withBooks(project, clock, (books) =>
      handler({
        project,
        books,
        month,
        html: fileAt(html),
        markdown: fileAt(md),
        pdf: fileAt(pdf),
        language: languageOf(language),
        terminal,
      }),
    );
  },
});

const languageOf = (written: string) => businessLanguages.find((each) => each === written) ?? 'en';
