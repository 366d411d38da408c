import { MoatError } from '../../base/errors.js';
import { formatMicros, parseMicros } from '../../base/money.js';
import { type AuditWriter, auditAs } from '../../company/access/audit-log.js';
import { type Books, findCustomer } from '../../company/billing/customers.js';
import { payTopUp } from '../../company/billing/top-ups/pay-top-up.js';
import { refundCredit } from '../../company/billing/top-ups/refund-credit.js';
import { listTopUps, requestTopUp, voidTopUp } from '../../company/billing/top-ups/top-up.js';
import { type CommandResult, defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { withBooks } from '../stages/open-books.js';
import { readSeller } from '../stages/seller.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly books: Books;
  readonly audit: AuditWriter;
  readonly project: Project;
  readonly target: string | undefined;
  readonly amount: string | undefined;
  readonly reason: string | undefined;
  readonly terminal: Terminal;
}

export const command = defineCommand({
  name: 'top-ups',
  summary: 'credit that customers asked for: paid, void, paid back',
  description:
    'A customer asks for credit in the portal, and gets a number and a payment reference; nothing is booked until it is paid. list: all, or those of a customer. request: asks for --amount of credit in a customer\'s name. paid: the money came in; credit, tax and a numbered invoice are booked at once, and once only. void: nobody will pay it. refund: pays unused credit of an invoice back, with a credit note. A payment service can say "paid" itself: docs/BILLING.md.',
  arguments: {
    action: { description: 'list, request, paid, void or refund', count: 'one' },
    target: {
      description: 'a customer; for paid and void a number or payment reference; for refund an invoice',
      count: 'optional',
    },
  },
  options: {
    amount: {
      kind: 'text',
      placeholder: 'AMOUNT',
      description: 'the credit asked for; of a refund what goes back, tax included (default: all that is left)',
    },
    reason: { kind: 'text', placeholder: 'TEXT', description: 'why a refund is given' },
  },
  settings: ['database'],
  examples: [
    { command: 'moat top-ups list', does: 'what waits for its payment' },
    { command: 'moat top-ups request "Acme Ltd" --amount 50.00', does: 'in his name' },
    { command: 'moat top-ups paid TU-2026-000001', does: 'the money came in' },
    { command: 'moat top-ups refund 2026-000007 --reason "moved away"', does: 'what is left of it goes back' },
  ],
  async run({ arguments: { action, target }, options, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined)
      throw new MoatError('usage', `top-ups: "${action}" is not an action`, {
        fix: 'Write list, request, paid, void or refund.',
      });
    const project = await loadProject();
    return withBooks(project, clock, (books) =>
      handler({ books, audit: auditAs('command line', clock), project, target, ...options, terminal }),
    );
  },
});

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  list,
  request,
  paid,
  void: takeBack,
  refund,
};

function required(value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new MoatError('usage', `top-ups: ${what} is missing`, { fix: 'See moat top-ups --help for examples.' });
}

async function list({ books, target, terminal }: Request): Promise<CommandResult> {
  const customer = target === undefined ? undefined : await findCustomer(books, target);
  const topUps = await listTopUps(books, customer === undefined ? {} : { customerId: customer.id });
  const rows = topUps.map(({ number, reference, state, amountMicros, dueMicros, currency, invoice }) => [
    number,
    reference,
    state,
    `${formatMicros(amountMicros)} ${currency}`,
    formatMicros(dueMicros),
    invoice ?? '',
  ]);
  const columns = [
    { title: 'number' },
    { title: 'reference' },
    { title: 'state' },
    { title: 'credit', align: 'right' as const },
    { title: 'to pay', align: 'right' as const },
    { title: 'invoice' },
  ];
  terminal.print(
    rows.length === 0
      ? 'Nobody has asked for credit yet: moat top-ups request CUSTOMER --amount AMOUNT'
      : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { topUps } };
}

async function request({ books, audit, project, target, amount, terminal }: Request): Promise<CommandResult> {
  const customer = await findCustomer(books, required(target, 'the customer'));
  const amountMicros = parseMicros(required(amount, '--amount'), '--amount');
  const seller = await readSeller(project);
  const topUp = await requestTopUp(books, { customerId: customer.id, amountMicros, seller }, audit);
  terminal.print(
    `${topUp.number}: ${formatMicros(topUp.dueMicros)} ${topUp.currency} to pay, with the reference ${topUp.reference}`,
  );
  for (const way of seller.payment) terminal.print(`  ${way}`);
  return { json: { topUp } };
}

async function paid({ books, audit, target, terminal }: Request): Promise<CommandResult> {
  const topUp = await payTopUp(books, required(target, 'the number'), { audit });
  terminal.print(
    `${topUp.number} is paid: ${formatMicros(topUp.amountMicros)} ${topUp.currency} of credit, invoice ${topUp.invoice ?? ''}`,
  );
  return { json: { topUp } };
}

async function takeBack({ books, audit, target, terminal }: Request): Promise<CommandResult> {
  const topUp = await voidTopUp(books, required(target, 'the number'), { audit });
  terminal.print(`${topUp.number} is void`);
  return { json: { topUp } };
}

async function refund({ books, audit, target, amount, reason, terminal }: Request): Promise<CommandResult> {
  const note = await refundCredit(
    books,
    {
      invoice: required(target, 'the invoice'),
      amountMicros: amount === undefined ? undefined : parseMicros(amount, '--amount'),
      reason: required(reason, '--reason'),
    },
    audit,
  );
  terminal.print(
    `${note.number}: pay ${formatMicros(note.amountMicros)} ${note.currency} back; moat invoices pdf ${note.number}`,
  );
  return { json: { creditNote: note } };
}
