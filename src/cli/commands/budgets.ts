import { MoatError } from '../../base/errors.js';
import { formatMicros, parseMicros } from '../../base/money.js';
import { type AuditWriter, auditAs } from '../../company/access/audit-log.js';
import { endBudget, listBudgets, setBudget } from '../../company/billing/budgets.js';
import { type Books, findCustomer } from '../../company/billing/customers.js';
import { listSpendAlerts } from '../../company/billing/spend-alerts.js';
import { type CommandResult, defineCommand } from '../command.js';
import { withBooks } from '../stages/open-books.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly books: Books;
  readonly audit: AuditWriter;
  readonly target: string | undefined;
  readonly limit: string | undefined;
  readonly span: 'day' | 'month' | 'total';
  readonly key: string | undefined;
  readonly model: string | undefined;
  readonly timeZone: string;
  readonly terminal: Terminal;
}

export const command = defineCommand({
  name: 'budgets',
  summary: 'how much customers, keys and models may spend',
  description:
    "set: a limit for a customer, for one of his keys, on one model, or both; a request that would go beyond it is refused. Days and months are those of the project's time zone. end: lifts one, by its number. list: all, or those of a customer. alerts: which thresholds were passed.",
  arguments: {
    action: { description: 'set, end, list or alerts', count: 'one' },
    target: { description: "a customer; for end, a budget's number", count: 'optional' },
  },
  options: {
    limit: { kind: 'text', placeholder: 'AMOUNT', description: 'what may be spent, such as 50.00' },
    span: { kind: 'choice', choices: ['day', 'month', 'total'], default: 'month', description: 'in which time' },
    key: { kind: 'text', placeholder: 'ID', description: 'with this key alone' },
    model: { kind: 'text', placeholder: 'NAME', description: 'on this model alone' },
  },
  settings: ['timeZone', 'database'],
  examples: [
    { command: 'moat budgets set "Acme Ltd" --limit 50.00', does: 'in a month' },
    { command: 'moat budgets set "Acme Ltd" --limit 5.00 --span day --model poet', does: 'a day, on one model' },
    { command: 'moat budgets alerts', does: 'who has used up most of it' },
  ],
  async run({ arguments: { action, target }, options, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined)
      throw new MoatError('usage', `budgets: "${action}" is not an action`, { fix: 'Write set, end, list or alerts.' });
    const project = await loadProject();
    const { timeZone } = project.config;
    return withBooks(project, clock, (books) =>
      handler({ books, audit: auditAs('command line', clock), target, ...options, timeZone, terminal }),
    );
  },
});

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = { set, end, list, alerts };

function required(value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new MoatError('usage', `budgets: ${what} is missing`, { fix: 'See moat budgets --help for examples.' });
}

async function set({
  books,
  audit,
  target,
  limit,
  span,
  key,
  model,
  timeZone,
  terminal,
}: Request): Promise<CommandResult> {
  const customer = await findCustomer(books, required(target, 'the customer'));
  const limitMicros = parseMicros(required(limit, '--limit'), '--limit');
  const id = await setBudget(books, { customerId: customer.id, keyId: key, model, span, timeZone, limitMicros }, audit);
  terminal.print(`budget ${id}: ${customer.name} may spend ${formatMicros(limitMicros)} ${customer.currency}, ${span}`);
  return { json: { id, customer, limitMicros } };
}

async function end({ books, audit, target, terminal }: Request): Promise<CommandResult> {
  const number = required(target, 'the number');
  if (!/^\d{1,18}$/.test(number))
    throw new MoatError('usage', `budgets: "${number}" is not a number`, { fix: 'List them with: moat budgets list.' });
  await endBudget(books, BigInt(number), audit);
  terminal.print(`budget ${number} is lifted`);
  return { json: { id: number } };
}

async function list({ books, target, terminal }: Request): Promise<CommandResult> {
  const customer = target === undefined ? undefined : await findCustomer(books, target);
  const budgets = await listBudgets(books, customer?.id);
  const rows = budgets.map((budget) => [
    String(budget.id),
    budget.customerId,
    budget.keyId ?? 'all',
    budget.model ?? 'all',
    budget.span,
    formatMicros(budget.spentMicros),
    formatMicros(budget.limitMicros),
  ]);
  const columns = ['number', 'customer', 'key', 'model', 'span', 'spent', 'limit'].map((title) => ({ title }));
  terminal.print(
    rows.length === 0
      ? 'No budgets: moat budgets set CUSTOMER --limit AMOUNT'
      : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { budgets } };
}

async function alerts({ books, target, terminal }: Request): Promise<CommandResult> {
  const customer = target === undefined ? undefined : await findCustomer(books, target);
  const fired = await listSpendAlerts(books, customer?.id);
  const rows = fired.map((alert) => [
    alert.firedAt.toISOString().slice(0, 16),
    alert.customerId,
    alert.subject,
    `${alert.percent} %`,
    `${formatMicros(alert.spentMicros)} of ${formatMicros(alert.limitMicros)}`,
  ]);
  const columns = ['time (UTC)', 'customer', 'of', 'passed', 'spent'].map((title) => ({ title }));
  terminal.print(rows.length === 0 ? 'No alerts.' : table(columns, rows, { columns: terminal.columns }));
  return { json: { alerts: fired } };
}
