import { z } from 'zod';
import { findCustomer } from '../../billing/customers.js';
import { readAccount, readChargedEvent, readCredits, readUsage } from '../customer-account.js';
import type { AdminContext, AdminRequest, AdminRoute } from './admin-route.js';

/** One customer: what he has, what he used, and why he was charged what he was. */
export const customerAccountRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/customers/:customer',
    needs: 'figures',
    handle: async ({ books, overview }, c) =>
      c.json(await readAccount(books, c.req.param('customer') ?? '', overview.timeZone)),
  },
  {
    method: 'GET',
    path: '/api/customers/:customer/credits',
    needs: 'figures',
    handle: async (context, c) => c.json({ credits: await readCredits(context.books, await customerIdOf(context, c)) }),
  },
  {
    method: 'GET',
    path: '/api/customers/:customer/usage',
    needs: 'figures',
    handle: async (context, c) =>
      c.json(await readUsage(context.books, await customerIdOf(context, c), usagePageOf(c.req))),
  },
  {
    method: 'GET',
    path: '/api/customers/:customer/usage/:event',
    needs: 'figures',
    handle: async (context, c) =>
      c.json(await readChargedEvent(context.books, await customerIdOf(context, c), c.req.param('event') ?? '')),
  },
];

async function customerIdOf({ books }: AdminContext, c: AdminRequest): Promise<string> {
  return (await findCustomer(books, c.req.param('customer') ?? '')).id;
}

/** `?before=CURSOR&limit=N`. */
export function usagePageOf(request: { query(name: string): string | undefined }): {
  cursor: string | undefined;
  limit: number;
} {
  const limit = z.coerce.number().int().min(1).max(200).catch(50).parse(request.query('limit'));
  return { cursor: request.query('before'), limit };
}
