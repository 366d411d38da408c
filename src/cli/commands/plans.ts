import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatMicros } from '../../base/money.js';
import { type AuditWriter, auditAs } from '../../company/access/audit-log.js';
import { type Books, findCustomer } from '../../company/billing/customers.js';
import { type Plan, findPlan, listPlans, lossesOfPlan, publishPlan } from '../../company/billing/plans.js';
import { cancelSubscription, changePlan, listSubscriptions, subscribe } from '../../company/billing/subscriptions.js';
import { type CommandResult, defineCommand } from '../command.js';
import type { Project } from '../config/project.js';
import { readJsonFile } from '../stages/json-file.js';
import { withBooks } from '../stages/open-books.js';
import { readServingCosts } from '../stages/serving-costs.js';
import { table } from '../terminal/table.js';
import type { Terminal } from '../terminal/terminal.js';

interface Request {
  readonly books: Books;
  readonly audit: AuditWriter;
  readonly target: string | undefined;
  readonly plan: string | undefined;
  readonly seats: number | undefined;
  readonly trial: boolean;
  readonly now: boolean;
  readonly acceptLoss: boolean;
  readonly project: Project;
  readonly cwd: string;
  readonly terminal: Terminal;
}

export const command = defineCommand({
  name: 'plans',
  summary: 'monthly plans, and who is on which',
  description:
    'publish: offers the plan of a file, as its next version; who subscribed stays on the version that he has. list: plans, and who is on them. subscribe, change, cancel: a customer; a change and an end wait for the end of the period, or come at once with --now, by the second. moat invoices run bills what is due. A plan: {"name": "pro", "currency": "USD", "timeZone": "Europe/Berlin", "book": "list", "fee": "20.00", "credit": "10.00", "seat": "5.00", "minimum": "0.00", "trialDays": 14, "beyondCredit": {"overage": "100.00"}, "alertPercents": [80, 100], "dueDays": 14, "suspendAfterDays": 30}. All but name and currency may be left out; beyondCredit is "stop" unless said.',
  arguments: {
    action: { description: 'publish, list, subscribe, change or cancel', count: 'one' },
    target: { description: 'the file of a plan; else a customer', count: 'optional' },
    plan: { description: "the plan's name", count: 'optional' },
  },
  options: {
    seats: {
      kind: 'integer',
      placeholder: 'N',
      minimum: 0,
      maximum: 1_000_000,
      description: 'how many people may use it',
    },
    trial: { kind: 'flag', description: "begin with the plan's free days" },
    now: { kind: 'flag', description: 'change or cancel at once, not at the end of the period' },
    acceptLoss: { kind: 'flag', description: 'publish it although it can cost more to serve than it brings' },
  },
  settings: ['business', 'currency', 'serve.modelId', 'database'],
  examples: [
    { command: 'moat plans publish pro.json', does: 'a plan, or its next version' },
    { command: 'moat plans subscribe "Acme Ltd" pro --seats 3 --trial', does: 'free days first, then three seats' },
    { command: 'moat plans change "Acme Ltd" team --now', does: 'what is not used is given back' },
    { command: 'moat plans cancel "Acme Ltd"', does: 'with the period' },
  ],
  async run({ arguments: { action, target, plan }, options, cwd, loadProject, clock, terminal }) {
    const handler = actions[action];
    if (handler === undefined)
      throw new MoatError('usage', `plans: "${action}" is not an action`, {
        fix: 'Write publish, list, subscribe, change or cancel.',
      });
    const project = await loadProject();
    return withBooks(project, clock, (books) =>
      handler({ books, project, audit: auditAs('command line', clock), target, plan, ...options, cwd, terminal }),
    );
  },
});

const actions: Readonly<Record<string, (request: Request) => Promise<CommandResult>>> = {
  publish,
  list: show,
  subscribe: begin,
  change,
  cancel,
};

function required(value: string | undefined, what: string): string {
  if (value !== undefined) return value;
  throw new MoatError('usage', `plans: ${what} is missing`, { fix: 'See moat plans --help for examples.' });
}

async function publish({ books, project, audit, target, acceptLoss, cwd, terminal }: Request): Promise<CommandResult> {
  const file = path.resolve(cwd, required(target, 'the file'));
  const costs = await readServingCosts(project, books);
  const plan = await publishPlan(
    books,
    await readJsonFile(file, 'bad-plan', 'moat plans --help shows one.'),
    file,
    audit,
    { costs, acceptLoss },
  );
  for (const loss of await lossesOfPlan(books, plan, costs)) terminal.print(`below cost: ${loss}`);
  terminal.print(`${plan.name} version ${plan.version}: ${termsOf(plan)}`);
  return { json: { plan } };
}

function termsOf({ fee, credit, seat, minimum, currency, trialDays, beyondCredit }: Plan): string {
  const parts = [
    `${formatMicros(fee)} ${currency} a month`,
    ...(seat > 0n ? [`${formatMicros(seat)} a seat`] : []),
    ...(credit > 0n ? [`${formatMicros(credit)} of usage included`] : []),
    ...(minimum > 0n ? [`at least ${formatMicros(minimum)} of usage`] : []),
    ...(trialDays > 0 ? [`${trialDays} days free`] : []),
    beyondCredit === 'stop' ? 'stops beyond credit' : `up to ${formatMicros(beyondCredit.overage)} beyond credit`,
  ];
  return parts.join(', ');
}

async function show({ books, terminal }: Request): Promise<CommandResult> {
  const [plans, subscriptions] = [await listPlans(books), await listSubscriptions(books)];
  const counts = new Map<bigint, number>();
  for (const { planId } of subscriptions) counts.set(planId, (counts.get(planId) ?? 0) + 1);
  const rows = plans.map((plan) => [plan.name, String(plan.version), String(counts.get(plan.id) ?? 0), termsOf(plan)]);
  const columns = [
    { title: 'plan' },
    { title: 'version', align: 'right' as const },
    { title: 'customers', align: 'right' as const },
    { title: 'terms' },
  ];
  terminal.print(
    rows.length === 0 ? 'No plans yet: moat plans publish FILE' : table(columns, rows, { columns: terminal.columns }),
  );
  return { json: { plans, subscriptions } };
}

async function begin({ books, audit, target, plan, seats, trial, terminal }: Request): Promise<CommandResult> {
  const customer = await findCustomer(books, required(target, 'the customer'));
  const name = required(plan, 'the plan');
  const subscription = await subscribe(
    books,
    {
      customerId: customer.id,
      plan: name,
      trial,
      ...(seats === undefined ? {} : { seats }),
    },
    audit,
  );
  terminal.print(`${customer.name} is on ${name}; moat invoices run makes the first invoice`);
  return { json: { subscription } };
}

async function change({ books, audit, target, plan, seats, now, terminal }: Request): Promise<CommandResult> {
  const customer = await findCustomer(books, required(target, 'the customer'));
  const { name, version } = await findPlan(books, required(plan, 'the plan'));
  const when = now ? 'now' : 'period-end';
  await changePlan(
    books,
    { customerId: customer.id, plan: name, when, ...(seats === undefined ? {} : { seats }) },
    audit,
  );
  terminal.print(`${customer.name} is on ${name} version ${version} ${now ? 'now' : 'from the next period on'}`);
  return { json: { customer, plan: name, version, when } };
}

async function cancel({ books, audit, target, now, terminal }: Request): Promise<CommandResult> {
  const customer = await findCustomer(books, required(target, 'the customer'));
  const when = now ? 'now' : 'period-end';
  await cancelSubscription(books, customer.id, when, audit);
  terminal.print(
    `${customer.name}: the plan ends ${now ? 'now' : 'with the period'}; moat invoices run makes the last invoice`,
  );
  return { json: { customer, when } };
}
