import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { parseMicros } from '../../../base/money.js';
import { type Budget, endBudget, listBudgets, setBudget } from '../../billing/budgets.js';
import { findCustomer } from '../../billing/customers.js';
import { type Buyer, readBuyer, setBuyer } from '../../billing/invoices/parties.js';
import { type Plan, listPlans } from '../../billing/plans.js';
import { cancelSubscription, changePlan, subscribe, subscriptionOf } from '../../billing/subscriptions.js';
import type { BudgetSummary, BuyerDetails, CustomerPlan, PlanSummary } from '../api-types.js';
import { languageOf, readInvoice, readInvoicePdf, readInvoices } from '../customer-invoices.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf, line } from './admin-route.js';

const choice = z.strictObject({ plan: line(100), seats: z.int().min(0).max(1_000_000).optional() });
const ending = z.strictObject({ when: z.enum(['now', 'period-end']) });
const budget = z.strictObject({
  /** As people write it: `25.00`. */
  amount: z.string().max(30),
  span: z.enum(['day', 'month', 'total']),
  keyId: line(100).optional(),
  model: line(200).optional(),
});

/** What customers are invoiced for, on which plan they are, and how much they may spend. */
export const moneyRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/customers/:customer/invoices',
    needs: 'invoices',
    handle: async (context, c) =>
      c.json({ invoices: await readInvoices(context.books, await customerIdOf(context, c)) }),
  },
  {
    method: 'GET',
    path: '/api/customers/:customer/invoices/:number',
    needs: 'invoices',
    handle: async (context, c) =>
      c.json(await readInvoice(context.books, await customerIdOf(context, c), numberOf(c), languageOf(c.req))),
  },
  {
    method: 'GET',
    path: '/api/customers/:customer/invoices/:number/pdf',
    needs: 'invoices',
    handle: async (context, c) =>
      readInvoicePdf(context.books, await customerIdOf(context, c), numberOf(c), languageOf(c.req)),
  },
  {
    method: 'GET',
    path: '/api/plans',
    needs: 'plans',
    handle: async ({ books }, c) => c.json({ plans: (await listPlans(books)).map(planJson) }),
  },
  { method: 'GET', path: '/api/customers/:customer/plan', needs: 'plans', handle: showPlan },
  { method: 'POST', path: '/api/customers/:customer/plan', needs: 'plans', handle: choosePlan },
  { method: 'POST', path: '/api/customers/:customer/plan/cancel', needs: 'plans', handle: cancelPlan },
  {
    method: 'GET',
    path: '/api/customers/:customer/buyer',
    needs: 'invoices',
    handle: async (context, c) => c.json(buyerJson(await readBuyer(context.books, await customerIdOf(context, c)))),
  },
  {
    method: 'POST',
    path: '/api/customers/:customer/buyer',
    needs: 'invoices',
    async handle(context, c) {
      const given = await readJson(c.env.incoming, z.record(z.string(), z.unknown()));
      const customerId = await customerIdOf(context, c);
      return c.json(buyerJson(await setBuyer(context.books, customerId, given, auditOf(context, c))));
    },
  },
  { method: 'GET', path: '/api/customers/:customer/budgets', needs: 'limits', handle: showBudgets },
  { method: 'POST', path: '/api/customers/:customer/budgets', needs: 'limits', handle: addBudget },
  { method: 'POST', path: '/api/customers/:customer/budgets/:budget/end', needs: 'limits', handle: removeBudget },
];

async function customerIdOf({ books }: AdminContext, c: AdminRequest): Promise<string> {
  return (await findCustomer(books, c.req.param('customer') ?? '')).id;
}

const numberOf = (c: AdminRequest): string => c.req.param('number') ?? '';

async function showPlan(context: AdminContext, c: AdminRequest): Promise<Response> {
  return c.json(await readPlan(context, await customerIdOf(context, c)));
}

async function readPlan({ books }: AdminContext, customerId: string): Promise<CustomerPlan> {
  const running = await subscriptionOf(books, customerId);
  if (running === undefined) return { plan: null, seats: 0, nextAt: null, endsAt: null };
  const plan = (await listPlans(books)).find(({ id }) => id === running.planId);
  return {
    plan: plan === undefined ? null : planJson(plan),
    seats: running.seats,
    nextAt: running.nextAt.toISOString(),
    endsAt: running.endsAt?.toISOString() ?? null,
  };
}

/** Begins with a plan, or changes to it when the period that runs is over. */
async function choosePlan(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { plan, seats } = await readJson(c.env.incoming, choice);
  const customerId = await customerIdOf(context, c);
  const chosen = { customerId, plan, ...(seats === undefined ? {} : { seats }) };
  if ((await subscriptionOf(context.books, customerId)) === undefined)
    await subscribe(context.books, chosen, auditOf(context, c));
  else await changePlan(context.books, { ...chosen, when: 'period-end' }, auditOf(context, c));
  return c.json(await readPlan(context, customerId));
}

async function cancelPlan(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { when } = await readJson(c.env.incoming, ending);
  const customerId = await customerIdOf(context, c);
  await cancelSubscription(context.books, customerId, when, auditOf(context, c));
  return c.json(await readPlan(context, customerId));
}

async function showBudgets(context: AdminContext, c: AdminRequest): Promise<Response> {
  return c.json({ budgets: (await listBudgets(context.books, await customerIdOf(context, c))).map(budgetJson) });
}

/** In the days and months of the project; in the place of an earlier one of the same key, model and span. */
async function addBudget(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { amount, ...given } = await readJson(c.env.incoming, budget);
  const customerId = await customerIdOf(context, c);
  const { timeZone } = context.overview;
  await setBudget(
    context.books,
    { ...given, customerId, timeZone, limitMicros: parseMicros(amount) },
    auditOf(context, c),
  );
  return showBudgets(context, c);
}

/** A budget is reached through its own customer alone. */
async function removeBudget(context: AdminContext, c: AdminRequest): Promise<Response> {
  const id = c.req.param('budget') ?? '';
  const own = await listBudgets(context.books, await customerIdOf(context, c));
  const found = own.find((budget) => budget.id.toString() === id);
  if (found === undefined) throw new MoatError('unknown-budget', `the customer has no budget "${id}"`);
  await endBudget(context.books, found.id, auditOf(context, c));
  return showBudgets(context, c);
}

const buyerJson = ({ name, address, taxId, email, language }: Buyer): BuyerDetails => ({
  name,
  address,
  taxId: taxId ?? null,
  email: email ?? null,
  language,
});

const planJson = ({ name, version, currency, fee, seat, credit, minimum, trialDays }: Plan): PlanSummary => ({
  name,
  version,
  currency,
  feeMicros: fee.toString(),
  seatMicros: seat.toString(),
  creditMicros: credit.toString(),
  minimumMicros: minimum.toString(),
  trialDays,
});

const budgetJson = ({ id, keyId, model, span, limitMicros, spentMicros }: Budget): BudgetSummary => ({
  id: id.toString(),
  keyId,
  model,
  span,
  limitMicros: limitMicros.toString(),
  spentMicros: spentMicros.toString(),
});
