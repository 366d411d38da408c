import { z } from 'zod';
import { parseMicros } from '../../../base/money.js';
import { findCustomer } from '../../billing/customers.js';
import { payTopUp } from '../../billing/top-ups/pay-top-up.js';
import { refundCredit } from '../../billing/top-ups/refund-credit.js';
import { voidTopUp } from '../../billing/top-ups/top-up.js';
import { readTopUps, topUpJson } from '../customer-top-ups.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf, line } from './admin-route.js';

const refund = z.strictObject({
  /** As people write it, tax included; left out: all that is left. */
  amount: z.string().max(30).optional(),
  reason: line(500).min(1),
});

/** Credit that customers asked for: what is paid, what nobody will pay, and what goes back. */
export const topUpRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/customers/:customer/top-ups',
    needs: 'credit',
    handle: async (context, c) => c.json({ topUps: await readTopUps(context.books, await customerIdOf(context, c)) }),
  },
  { method: 'POST', path: '/api/customers/:customer/top-ups/:number/paid', needs: 'credit', handle: markPaid },
  { method: 'POST', path: '/api/customers/:customer/top-ups/:number/void', needs: 'credit', handle: markVoid },
  { method: 'POST', path: '/api/customers/:customer/invoices/:number/refund', needs: 'credit', handle: payBack },
];

async function customerIdOf({ books }: AdminContext, c: AdminRequest): Promise<string> {
  return (await findCustomer(books, c.req.param('customer') ?? '')).id;
}

const numberOf = (c: AdminRequest): string => c.req.param('number') ?? '';

async function markPaid(context: AdminContext, c: AdminRequest): Promise<Response> {
  const options = { customerId: await customerIdOf(context, c), audit: auditOf(context, c) };
  return c.json(topUpJson(await payTopUp(context.books, numberOf(c), options)));
}

async function markVoid(context: AdminContext, c: AdminRequest): Promise<Response> {
  const options = { customerId: await customerIdOf(context, c), audit: auditOf(context, c) };
  return c.json(topUpJson(await voidTopUp(context.books, numberOf(c), options)));
}

async function payBack(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { amount, reason } = await readJson(c.env.incoming, refund);
  const note = await refundCredit(
    context.books,
    {
      invoice: numberOf(c),
      customerId: await customerIdOf(context, c),
      amountMicros: amount === undefined ? undefined : parseMicros(amount),
      reason,
    },
    auditOf(context, c),
  );
  return c.json({ creditNote: note.number, amountMicros: note.amountMicros.toString(), currency: note.currency });
}
