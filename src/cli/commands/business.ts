import { audit } from '../../company/billing/audit.js';
import { businessSummary } from '../../company/business/business-summary.js';
import { defineCommand } from '../command.js';
import { readBusinessFacts } from '../stages/business-facts.js';
import { businessLines } from '../stages/business-lines.js';
import { withBooks } from '../stages/open-books.js';
import { summaryBox } from '../terminal/summary-box.js';

export const command = defineCommand({
  name: 'business',
  summary: 'what the model cost, what it earns, and when it pays',
  description:
    'Training cost from the measured wall time of every run, serving cost from measured throughput, revenue from the ledger, margin and break-even. What was not measured is said to be so. Also proves the books: every entry balances, every charge has its usage.',
  settings: ['business', 'currency', 'timeZone', 'serve.modelId', 'database'],
  examples: [
    { command: 'moat business', does: 'the figures now' },
    { command: 'moat business --machine-hourly-price 0.35', does: 'on a dearer machine' },
    { command: 'moat business --json', does: 'for a spreadsheet or a dashboard' },
  ],
  async run({ loadProject, clock, terminal }) {
    const project = await loadProject();
    return withBooks(project, clock, async (books) => {
      const facts = await readBusinessFacts(project, books, undefined);
      const summary = businessSummary(facts);
      const proved = await audit(books);
      const proof = proved.balanced
        ? `balanced: ${proved.transactionCount} transactions, ${proved.usageEventCount} usage events`
        : `NOT balanced: ${proved.findings[0] ?? ''}`;
      const lines = [...businessLines(facts, summary), ['books', proof] as const];
      terminal.print(summaryBox(`${project.config.name}: business`, lines, { columns: terminal.columns }));
      return { json: { facts, summary, audit: proved }, exitCode: proved.balanced ? 0 : 1 };
    });
  },
});
