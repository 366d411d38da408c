import { audit } from '../../company/billing/audit.js';
import { businessSummary } from '../../company/business/business-summary.js';
import { readBusinessFacts } from '../stages/business-facts.js';
import { businessLines } from '../stages/business-lines.js';
import { summaryBox } from '../terminal/summary-box.js';
import type { BusinessAction } from './request.js';

/** Cost, revenue, margin and break-even of all time, and the proof of the books. */
export const showSummary: BusinessAction = async ({ project, books, terminal }) => {
  const facts = await readBusinessFacts(project, books, undefined);
  const summary = businessSummary(facts);
  const proved = await audit(books);
  const proof = proved.balanced
    ? `balanced: ${proved.transactionCount} transactions, ${proved.usageEventCount} usage events`
    : `NOT balanced: ${proved.findings[0] ?? ''}`;
  const lines = [...businessLines(facts, summary), ['books', proof] as const];
  terminal.print(summaryBox(`${project.config.name}: business`, lines, { columns: terminal.columns }));
  return { json: { facts, summary, audit: proved }, exitCode: proved.balanced ? 0 : 1 };
};
