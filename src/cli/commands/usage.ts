import { MoatError } from '../../base/errors.js';
import { formatMicros } from '../../base/money.js';
import { type AuditWriter, auditAs } from '../../company/access/audit-log.js';
import { correctUsage, dropUsageBefore, recordLateUsage } from '../../company/billing/corrections.js';
import { type Books, findCustomer } from '../../company/billing/customers.js';
import { usageOf } from '../../company/billing/usage.js';
import { type CommandResult, defineCommand } from '../command.js';
import { withBooks } from '../stages/open-books.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';
import { displayWidth } from '../terminal/width.js';

interface Request {
  readonly books: Books;
  readonly audit: AuditWriter;
  readonly target: string | undefined;
  readonly input: number;
  readonly cached: number;
  readonly output: number;
  readonly reasoning: number;
  readonly reason: string | undefined;
  readonly model: string | undefined;
  readonly time: string | undefined;
  readonly reference: string | undefined;
  readonly before: string | undefined;
  readonly limit: number;
  readonly terminal: Terminal;
}

const countOption = (what: string) =>
  ({
    kind: 'integer',
    placeholder: 'N',
    minimum: 0,
    maximum: 100_000_000,
    default: 0,
    description: `${what} tokens`,
  }) as const;

export const command = defineCommand({
  name: 'usage',
  summary: 'what was used; correct it, add what came late, drop what is old',
  description:
    "list: a customer's usage events, or everybody's, newest first. correct: takes an event back and puts the right counts in its place, with reversing entries; nothing is changed. add: usage that was measured elsewhere, at the prices of its time; the same --reference counts once. drop: whole months of events before one, for good; the ledger, hours and invoices keep their sums.",
  arguments: {
    action: { description: 'list, correct, add or drop', count: 'one' },
    target: { description: "a customer; for correct, an event's id", count: 'optional' },
  },
  options: {
    input: countOption('input (those that no cache had)'),
    cached: countOption('cached input'),
    output: countOption('output'),
    reasoning: countOption('reasoning'),
    reason: { kind: 'text', placeholder: 'TEXT', description: 'why it is corrected' },
    model: { kind: 'text', placeholder: 'NAME', description: 'the model that was used' },
    time: { kind: 'text', placeholder: 'TIME', description: 'when, as 2026-01-31T12:00:00Z' },
    reference: { kind: 'text', placeholder: 'TEXT', description: 'your own name for late usage' },
    before: { kind: 'text', placeholder: 'MONTH', description: 'drop what is older than this month, as 2025-01' },
    limit: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 1,
      maximum: 10_000,
      default: 20,
      description: 'events to list',
    },
  },
  settings: ['database'],
  examples: [
    { command: 'moat usage list "Acme Ltd" --limit 100', does: 'the newest hundred' },
    {
      command: 'moat usage correct use_019… --input 1200 --reason "counted twice"',
      does: 'with its money',
    },
    {
      command: 'moat usage add Acme --model m --time 2026-01-31 --output 9 --reference a-1',
      does: 'at the prices of January',
    },
    { command: 'moat usage drop --before 2025-01', does: 'events of 2024 and before' },
  ],
  async run({ arguments: { action, target }, options, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined)
      throw new MoatError('usage', `usage: "${action}" is not an action`, { fix: 'Write list, correct, add or drop.' });
    const project = await loadProject();
    return withBooks(project, clock, (books) =>
      handler({ books, audit: auditAs('command line', clock), target, ...options, terminal }),
    );
  },
});

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = { list, correct, add, drop };

function required(value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new MoatError('usage', `usage: ${what} is missing`, { fix: 'See moat usage --help for examples.' });
}

const countsOf = ({ input, cached, output, reasoning }: Request) => ({
  inputTokens: input,
  cachedInputTokens: cached,
  outputTokens: output,
  reasoningTokens: reasoning,
});

async function list({ books, target, limit, terminal }: Request): Promise<CommandResult> {
  const customer = target === undefined ? undefined : await findCustomer(books, target);
  const events = await usageOf(books, { limit, ...(customer === undefined ? {} : { customerId: customer.id }) });
  const rows = events.map((event) => [
    event.time.toISOString().slice(0, 19),
    event.customerName,
    event.model,
    String(event.inputTokens),
    String(event.outputTokens),
    formatMicros(event.chargedMicros),
    event.status,
    event.id,
  ]);
  terminal.print(rows.length === 0 ? 'Nothing was used yet.' : usageTable(rows, terminal.columns));
  return { json: { events } };
}

/** An id that was cut could not be copied: where the line has no room for it, it stands below its event. */
function usageTable(rows: readonly (readonly string[])[], width: number): string {
  const right = (title: string) => ({ title, align: 'right' as const });
  const columns = [
    { title: 'time (UTC)' },
    { title: 'customer' },
    { title: 'model' },
    right('input'),
    right('output'),
    right('charged'),
    { title: 'status' },
    { title: 'id' },
  ];
  const whole = table(columns, rows, { columns: Infinity });
  if (whole.split('\n').every((line) => displayWidth(line) <= width)) return whole;
  const [heading = '', ...lines] = table(columns.slice(0, -1), rows, { columns: width }).split('\n');
  return [heading, ...lines.flatMap((line, index) => [line, `  ${rows[index]?.at(-1) ?? ''}`])].join('\n');
}

async function correct(request: Request): Promise<CommandResult> {
  const { books, audit, target, reason, terminal } = request;
  const done = await correctUsage(
    books,
    required(target, "the event's id"),
    countsOf(request),
    required(reason, '--reason'),
    audit,
  );
  terminal.print(
    `${done.correctedId}: ${formatMicros(done.chargedMicros)} instead of ${formatMicros(done.chargedBeforeMicros)}`,
  );
  if (done.chargedMicros < 0n) terminal.print('Below zero: its tokens had made other use of the month dearer.');
  return { json: done };
}

async function add(request: Request): Promise<CommandResult> {
  const { books, audit, target, model, time, reference, terminal } = request;
  const customer = await findCustomer(books, required(target, 'the customer'));
  const at = new Date(required(time, '--time'));
  if (Number.isNaN(at.getTime()))
    throw new MoatError('bad-option', `--time: "${time}" is not a time`, { fix: 'Write it as 2026-01-31T12:00:00Z.' });
  const added = await recordLateUsage(
    books,
    {
      customerId: customer.id,
      model: required(model, '--model'),
      time: at,
      reference: required(reference, '--reference'),
      ...countsOf(request),
    },
    audit,
  );
  terminal.print(`${added.eventId}: ${formatMicros(added.chargedMicros)} ${customer.currency}`);
  return { json: added };
}

async function drop({ books, audit, before, terminal }: Request): Promise<CommandResult> {
  const events = await dropUsageBefore(books, required(before, '--before'), audit);
  terminal.print(`${events} events are gone`);
  return { json: { events } };
}
