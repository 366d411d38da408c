import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatMicros, parseMicros } from '../../base/money.js';
import { type AuditWriter, auditAs } from '../../company/access/audit-log.js';
import { runBilling } from '../../company/billing/billing-run.js';
import { type Books, findCustomer } from '../../company/billing/customers.js';
import { findInvoice, listInvoices } from '../../company/billing/invoices/invoice.js';
import { invoiceHtml } from '../../company/billing/invoices/invoice-html.js';
import { invoicePdf } from '../../company/billing/invoices/invoice-pdf.js';
import { creditNoteSheet, sheetOf } from '../../company/billing/invoices/invoice-sheet.js';
import { setBuyer } from '../../company/billing/invoices/parties.js';
import {
  creditInvoice,
  findCreditNote,
  listCreditNotes,
  payInvoice,
  voidInvoice,
} from '../../company/billing/invoices/settle-invoice.js';
import { type CommandResult, defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { dayOf } from '../day-option.js';
import { readJsonFile } from '../stages/json-file.js';
import { withBooks } from '../stages/open-books.js';
import { readSeller } from '../stages/seller.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly books: Books;
  readonly audit: AuditWriter;
  readonly project: Project;
  readonly target: string | undefined;
  readonly at: string | undefined;
  readonly output: string | undefined;
  readonly language: 'en' | 'zh' | undefined;
  readonly amount: string | undefined;
  readonly reason: string | undefined;
  readonly details: string | undefined;
  readonly fromCredit: boolean;
  readonly cwd: string;
  readonly terminal: Terminal;
}

export const command = defineCommand({
  name: 'invoices',
  summary: 'bill what is due, and follow it until it is paid',
  description:
    'run: bills every period that is due, once, however often it is run; the gateway does it too. list: all, or those of a customer. show, pdf, html: one, by its number; pdf and html of a credit note too. pay: the money came in, or is taken from prepaid credit. void: takes back what is due. credit: a credit note of --amount. buyer: how invoices name a customer, from a JSON file of --details. Who issues them is in company.json beside moat.config.ts.',
  arguments: {
    action: { description: 'run, list, show, pdf, html, pay, void, credit or buyer', count: 'one' },
    target: { description: "an invoice's number; for list and buyer, a customer", count: 'optional' },
  },
  options: {
    at: { kind: 'text', placeholder: 'DAY', description: 'bill only what was due at the beginning of this day (UTC)' },
    output: {
      kind: 'text',
      short: 'o',
      placeholder: 'FILE',
      description: 'where to write (default: NUMBER.pdf or .html)',
    },
    language: { kind: 'choice', choices: ['en', 'zh'], description: "of the document (default: the buyer's)" },
    amount: { kind: 'text', placeholder: 'AMOUNT', description: 'of a credit note, tax included, such as 5.00' },
    reason: { kind: 'text', placeholder: 'TEXT', description: 'why a credit note is given' },
    details: {
      kind: 'text',
      placeholder: 'FILE',
      description: 'name, address, taxId, email and language of a customer',
    },
    fromCredit: { kind: 'flag', description: 'pay: from prepaid credit' },
  },
  settings: ['database'],
  examples: [
    { command: 'moat invoices run', does: 'bill what is due' },
    { command: 'moat invoices list "Acme Ltd"', does: "a customer's" },
    { command: 'moat invoices pdf 2026-000123 -o acme.pdf --language zh', does: 'to send' },
    { command: 'moat invoices pay 2026-000123', does: 'the money came in' },
    { command: 'moat invoices credit 2026-000123 --amount 5.00 --reason "slow"', does: 'a credit note' },
  ],
  async run({ arguments: { action, target }, options, cwd, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined)
      throw new MoatError('usage', `invoices: "${action}" is not an action`, {
        fix: 'Write run, list, show, pdf, html, pay, void, credit or buyer.',
      });
    const project = await loadProject();
    return withBooks(project, clock, (books) =>
      handler({ books, audit: auditAs('command line', clock), project, target, ...options, cwd, terminal }),
    );
  },
});

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  run: bill,
  list,
  show,
  pdf: (request) => write(request, 'pdf'),
  html: (request) => write(request, 'html'),
  pay,
  void: takeBack,
  credit,
  buyer,
};

function required(value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new MoatError('usage', `invoices: ${what} is missing`, { fix: 'See moat invoices --help for examples.' });
}

async function bill({ books, project, at, terminal }: Request): Promise<CommandResult> {
  const day = dayOf(at, '--at');
  if (day !== undefined && day.getTime() > books.clock.now())
    throw new MoatError('bad-option', `--at: ${at} is still to come`, { fix: 'Give a day that has begun.' });
  const seller = await readSeller(project);
  const run = await runBilling(books, { seller, ...(day === undefined ? {} : { at: day }) });
  terminal.print(
    run.invoices.length === 0 ? 'Nothing is due.' : `${run.invoices.length} invoices: ${run.invoices.join(', ')}`,
  );
  return { json: run };
}

async function list({ books, target, terminal }: Request): Promise<CommandResult> {
  const customer = target === undefined ? undefined : await findCustomer(books, target);
  const invoices = await listInvoices(books, customer === undefined ? {} : { customerId: customer.id });
  const rows = invoices.map(({ number, state, totalMicros, dueMicros, creditedMicros, currency, dueAt }) => [
    number ?? '',
    state,
    `${formatMicros(totalMicros)} ${currency}`,
    formatMicros(dueMicros - creditedMicros),
    dueAt.toISOString().slice(0, 10),
  ]);
  const columns = [
    { title: 'number' },
    { title: 'state' },
    { title: 'total', align: 'right' as const },
    { title: 'due', align: 'right' as const },
    { title: 'until' },
  ];
  terminal.print(
    rows.length === 0 ? 'No invoices yet: moat invoices run' : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { invoices } };
}

async function show({ books, target, language, terminal }: Request): Promise<CommandResult> {
  const invoice = await findInvoice(books, required(target, 'the number'));
  const creditNotes = await listCreditNotes(books, required(target, 'the number'));
  const sheet = sheetOf(invoice, language);
  const [what, ...figures] = sheet.headings;
  terminal.print(`${sheet.title}, ${sheet.state}: ${sheet.buyer[0] ?? ''}`);
  const rows = [
    ...sheet.rows.map((row) => [row.isDetail ? `  ${row.what}` : row.what, row.quantity, row.price, row.amount]),
    ...sheet.totals.map(([label, value]) => [label, '', '', value]),
  ];
  const columns = [{ title: what }, ...figures.map((title) => ({ title, align: 'right' as const }))];
  terminal.print(table(columns, rows, { columns: terminal.columns }));
  return { json: { ...invoice, creditNotes } };
}

async function write(
  { books, target, output, language, cwd, terminal }: Request,
  format: 'pdf' | 'html',
): Promise<CommandResult> {
  const number = required(target, 'the number');
  const note = number.startsWith('CN-') ? await findCreditNote(books, number) : undefined;
  const invoice = await findInvoice(books, note?.invoice ?? number);
  const sheet = note === undefined ? sheetOf(invoice, language) : creditNoteSheet(note, invoice, language);
  const file = path.resolve(cwd, output ?? `${number}.${format}`);
  await writeFile(file, format === 'pdf' ? await invoicePdf(sheet, (note ?? invoice).issuedAt) : invoiceHtml(sheet));
  terminal.print(file);
  return { json: { number, file } };
}

async function pay({ books, audit, target, fromCredit, terminal }: Request): Promise<CommandResult> {
  const number = required(target, 'the number');
  await payInvoice(books, number, { fromCredit, audit });
  terminal.print(`${number} is paid`);
  return { json: { number, state: 'paid' } };
}

async function takeBack({ books, audit, target, terminal }: Request): Promise<CommandResult> {
  const number = required(target, 'the number');
  await voidInvoice(books, number, audit);
  terminal.print(`${number} is void`);
  return { json: { number, state: 'void' } };
}

async function credit({ books, audit, target, amount, reason, terminal }: Request): Promise<CommandResult> {
  const note = await creditInvoice(
    books,
    {
      invoice: required(target, 'the number'),
      amountMicros: parseMicros(required(amount, '--amount'), '--amount'),
      reason: required(reason, '--reason'),
    },
    audit,
  );
  terminal.print(
    `${note.number}: ${formatMicros(note.offDueMicros)} ${note.currency} less to pay, ${formatMicros(note.amountMicros - note.offDueMicros)} added to credit`,
  );
  return { json: note };
}

async function buyer({ books, audit, target, details, cwd, terminal }: Request): Promise<CommandResult> {
  const customer = await findCustomer(books, required(target, 'the customer'));
  const file = path.resolve(cwd, required(details, '--details'));
  const named = await setBuyer(
    books,
    customer.id,
    await readJsonFile(file, 'bad-customer', 'docs/BILLING.md shows one.'),
    audit,
  );
  terminal.print(`${customer.name} is "${named.name}" on invoices from now on`);
  return { json: { customer, buyer: named } };
}
