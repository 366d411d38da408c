import { formatMicros } from '../../base/money.js';
import { verifyAuditLog } from '../../company/access/audit-log.js';
import { audit } from '../../company/billing/audit.js';
import { defineCommand } from '../command.js';
import { withBooks } from '../stages/open-books.js';
import { summaryBox } from '../terminal/summary-box.js';

export const command = defineCommand({
  name: 'audit',
  summary: 'prove that usage, ledger and invoices agree',
  description:
    'Recomputes the books in one snapshot: every transaction sums to zero, every charge has its usage event and is booked once, balances are the sums of their entries, every invoice is the sum of what it covers, nothing is covered twice, and numbers have no gap. Also recomputes the chain of the audit log. Exits with 1 when something is wrong, and says what.',
  settings: ['database'],
  examples: [
    { command: 'moat audit', does: 'the proof' },
    { command: 'moat audit --json', does: 'for a check that runs every night' },
  ],
  async run({ loadProject, clock, terminal }) {
    const project = await loadProject();
    return withBooks(project, clock, async (books) => {
      const proof = await audit(books);
      const chain = await verifyAuditLog(books.database);
      const isSound = proof.balanced && chain.broken === undefined;
      const lines = [
        ['journal', `${proof.transactionCount} transactions, their sum is ${formatMicros(proof.journalSumMicros)}`],
        ['usage', `${proof.usageEventCount} events charged ${formatMicros(proof.usageChargedMicros)}`],
        ['ledger', `booked ${formatMicros(proof.ledgerChargedMicros)} for them`],
        ['invoices', `${proof.invoiceCount} with ${formatMicros(proof.invoicedMicros)} of usage`],
        ['ledger', `${formatMicros(proof.coveredMicros)} in the transactions that they cover`],
        ['audit log', chain.broken === undefined ? `${chain.entryCount} entries, their chain is whole` : 'BROKEN'],
        ['books', proof.balanced ? 'balanced' : 'NOT balanced'],
      ] as const;
      terminal.print(summaryBox(`${project.config.name}: audit`, lines, { columns: terminal.columns }));
      for (const finding of proof.findings) terminal.print(finding);
      if (chain.broken !== undefined) terminal.print(`audit log, entry ${chain.broken.id}: ${chain.broken.why}`);
      return { json: { ...proof, auditLog: chain }, exitCode: isSound ? 0 : 1 };
    });
  },
});
