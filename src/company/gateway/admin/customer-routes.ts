import { z } from 'zod';
import { parseMicros } from '../../../base/money.js';
import {
  type ApiKey,
  createCustomer,
  createKey,
  type CustomerRow,
  findCustomer,
  listCustomers,
  listKeys,
  revokeKey,
  rotateKey,
} from '../../billing/customers.js';
import { grantCredit } from '../../billing/ledger.js';
import type { CustomerSummary, KeySummary } from '../api-types.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf, line } from './admin-route.js';

const newCustomer = z.strictObject({ name: line(200), currency: line(3).optional() });
const newKey = z.strictObject({ name: line(100).default('default') });
const credit = z.strictObject({
  /** As people write it: `25.00`. */
  amount: z.string().max(30),
  kind: z.enum(['payment', 'grant']).default('payment'),
  /** The same one books once. */
  reference: line(200).optional(),
});

/** Customers, their keys and their credit. A key is reached through its own customer alone. */
export const customerRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/customers',
    needs: 'figures',
    handle: async ({ books }, c) => c.json({ customers: (await listCustomers(books)).map(customerJson) }),
  },
  { method: 'POST', path: '/api/customers', needs: 'customers', handle: addCustomer },
  { method: 'POST', path: '/api/customers/:customer/credit', needs: 'credit', handle: addCredit },
  {
    method: 'GET',
    path: '/api/customers/:customer/keys',
    needs: 'keys',
    async handle({ books }, c) {
      const { id } = await findCustomer(books, customerOf(c));
      return c.json({ keys: (await listKeys(books, id)).map(keyJson) });
    },
  },
  {
    method: 'POST',
    path: '/api/customers/:customer/keys',
    needs: 'keys',
    async handle(context, c) {
      const { name } = await readJson(c.env.incoming, newKey);
      const { key, secretKey } = await createKey(
        context.books,
        { customerId: customerOf(c), name },
        auditOf(context, c),
      );
      return c.json({ key: keyJson(key), secretKey }, 201);
    },
  },
  {
    method: 'POST',
    path: '/api/customers/:customer/keys/:key/revoke',
    needs: 'keys',
    async handle(context, c) {
      await revokeKey(context.books, keyOf(c), { customerId: customerOf(c), audit: auditOf(context, c) });
      return c.json({ revoked: true });
    },
  },
  {
    method: 'POST',
    path: '/api/customers/:customer/keys/:key/rotate',
    needs: 'keys',
    async handle(context, c) {
      const more = { customerId: customerOf(c), audit: auditOf(context, c) };
      const { key, secretKey } = await rotateKey(context.books, keyOf(c), more);
      return c.json({ key: keyJson(key), secretKey }, 201);
    },
  },
];

const customerOf = (c: AdminRequest): string => c.req.param('customer') ?? '';
const keyOf = (c: AdminRequest): string => c.req.param('key') ?? '';

async function addCustomer(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { name, currency = context.overview.currency } = await readJson(c.env.incoming, newCustomer);
  const customer = await createCustomer(context.books, { name, currency }, auditOf(context, c));
  return c.json({ customer: customerJson({ ...customer, balanceMicros: 0n, keyCount: 0 }) }, 201);
}

async function addCredit(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { amount, kind, reference } = await readJson(c.env.incoming, credit);
  const { balanceMicros, currency } = await grantCredit(
    context.books,
    {
      customerId: customerOf(c),
      amountMicros: parseMicros(amount),
      kind,
      ...(reference === undefined ? {} : { reference }),
    },
    auditOf(context, c),
  );
  return c.json({ balanceMicros: balanceMicros.toString(), currency });
}

const customerJson = ({ id, name, balanceMicros, currency, keyCount, createdAt }: CustomerRow): CustomerSummary => ({
  id,
  name,
  balanceMicros: balanceMicros.toString(),
  currency,
  keyCount,
  createdAt: createdAt.toISOString(),
});

const keyJson = ({ id, name, displayPrefix, createdAt, revokedAt }: ApiKey): KeySummary => ({
  id,
  name,
  displayPrefix,
  createdAt: createdAt.toISOString(),
  revokedAt: revokedAt?.toISOString() ?? null,
});
