import { z } from 'zod';
import { type Micros, parseMicros } from '../../../base/money.js';
import { SCOPES } from '../../billing/admission.js';
import { createCustomer, type CustomerRow, findCustomer, listCustomers } from '../../billing/customers.js';
import { ROTATION_OVERLAP_MS, createKey, findKey, listKeys, revokeKey, rotateKey } from '../../billing/keys.js';
import { listRateLimits, setRateLimit } from '../../billing/key-terms.js';
import { grantCredit } from '../../billing/ledger.js';
import { chargedByCustomer } from '../../billing/usage-history.js';
import type { CustomerSummary } from '../api-types.js';
import { keyJson } from '../customer-account.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf, line } from './admin-route.js';

const newCustomer = z.strictObject({ name: line(200), currency: line(3).optional() });
const moment = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const newKey = z.strictObject({
  name: line(100).default('default'),
  expiresAt: moment.optional(),
  scopes: z.array(z.enum(SCOPES)).optional(),
  models: z.array(line(200)).max(100).optional(),
});
const rotation = z.strictObject({
  /** How long the old secret works on; 0 for one that leaked. Default a week. */
  overlapHours: z
    .number()
    .min(0)
    .max(24 * 90)
    .default(ROTATION_OVERLAP_MS / 3_600_000),
});
const perMinute = z.number().int().min(1).max(1e12).optional();
const limit = z.strictObject({
  keyId: line(100).optional(),
  model: line(200).optional(),
  requestsPerMinute: perMinute,
  tokensPerMinute: perMinute,
  concurrentRequests: perMinute,
});
const credit = z.strictObject({
  /** As people write it: `25.00`. */
  amount: z.string().max(30),
  kind: z.enum(['payment', 'grant']).default('payment'),
  /** The same one books once. */
  reference: line(200).optional(),
  /** What is left of it then is gone. Default never. */
  expiresAt: moment.optional(),
});

/** Customers, their keys and their credit. A key is reached through its own customer alone. */
export const customerRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/customers',
    needs: 'figures',
    handle: showCustomers,
  },
  { method: 'POST', path: '/api/customers', needs: 'customers', handle: addCustomer },
  { method: 'POST', path: '/api/customers/:customer/credit', needs: 'credit', handle: addCredit },
  {
    method: 'GET',
    path: '/api/customers/:customer/limits',
    needs: 'limits',
    async handle({ books }, c) {
      const { id } = await findCustomer(books, customerOf(c));
      return c.json({ limits: await listRateLimits(books, id) });
    },
  },
  { method: 'POST', path: '/api/customers/:customer/limits', needs: 'limits', handle: setLimit },
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
      const { expiresAt, scopes, models, name } = await readJson(c.env.incoming, newKey);
      const { key, secretKey } = await createKey(
        context.books,
        {
          customerId: customerOf(c),
          name,
          ...(expiresAt === undefined ? {} : { expiresAt }),
          ...(scopes === undefined ? {} : { scopes }),
          ...(models === undefined ? {} : { models }),
        },
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
      const { overlapHours } = await readJson(c.env.incoming, rotation);
      const { key, secretKey } = await rotateKey(context.books, keyOf(c), overlapHours * 3_600_000, more);
      return c.json({ key: keyJson(key), secretKey }, 201);
    },
  },
];

const RECENT_MS = 30 * 24 * 3_600_000;

const customerOf = (c: AdminRequest): string => c.req.param('customer') ?? '';
const keyOf = (c: AdminRequest): string => c.req.param('key') ?? '';

async function showCustomers({ books }: AdminContext, c: AdminRequest): Promise<Response> {
  const from = new Date(books.clock.now() - RECENT_MS);
  const [customers, charged] = await Promise.all([listCustomers(books), chargedByCustomer(books, from)]);
  return c.json({ customers: customers.map((row) => customerJson(row, charged.get(row.id) ?? 0n)) });
}

async function addCustomer(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { name, currency = context.overview.currency } = await readJson(c.env.incoming, newCustomer);
  const customer = await createCustomer(context.books, { name, currency }, auditOf(context, c));
  return c.json({ customer: customerJson({ ...customer, balanceMicros: 0n, keyCount: 0 }, 0n) }, 201);
}

/** In the place of an earlier one of the same key and model; without figures it is taken off. */
async function setLimit(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { books } = context;
  const given = await readJson(c.env.incoming, limit);
  const { id: customerId } = await findCustomer(books, customerOf(c));
  if (given.keyId !== undefined) await findKey(books, given.keyId, customerId);
  const set = Object.entries(given).filter(([, value]) => value !== undefined);
  await setRateLimit(books, { customerId, ...Object.fromEntries(set) }, auditOf(context, c));
  return c.json({ limits: await listRateLimits(books, customerId) });
}

async function addCredit(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { amount, kind, reference, expiresAt } = await readJson(c.env.incoming, credit);
  const { balanceMicros, currency } = await grantCredit(
    context.books,
    {
      customerId: customerOf(c),
      amountMicros: parseMicros(amount),
      kind,
      ...(reference === undefined ? {} : { reference }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
    auditOf(context, c),
  );
  return c.json({ balanceMicros: balanceMicros.toString(), currency });
}

const customerJson = (
  { id, name, balanceMicros, currency, keyCount, createdAt }: CustomerRow,
  recentChargedMicros: Micros,
): CustomerSummary => ({
  id,
  name,
  balanceMicros: balanceMicros.toString(),
  recentChargedMicros: recentChargedMicros.toString(),
  currency,
  keyCount,
  createdAt: createdAt.toISOString(),
});
