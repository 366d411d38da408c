/**
 * What a customer sees of his own account at `/portal`. A key is all the proof there is, and whose key it is decides whose account is
 * read: no address names a customer. A key that is limited to some uses, as one gives to a program or a partner, does not open it.
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { Books } from '../../billing/customers.js';
import { findKey, listKeys } from '../../billing/keys.js';
import { keyTermsOf } from '../../billing/key-terms.js';
import { usagePageOf } from '../admin/customer-account-routes.js';
import { MoatError } from '../../../base/errors.js';
import { askBooks } from '../ask-books.js';
import { ApiProblem, invalidKey } from '../api-problem.js';
import { keyJson, readAccount, readChargedEvent, readCredits, readUsage } from '../customer-account.js';
import { languageOf, readInvoice, readInvoicePdf, readInvoices } from '../customer-invoices.js';
import type { OverviewOptions } from '../overview.js';
import { payerOf } from './requests.js';

type Env = { Bindings: HttpBindings };

interface PortalContext {
  readonly books: Books;
  readonly overview: Pick<OverviewOptions, 'timeZone'>;
}

/** Reads what the customer whose key was sent may see: JSON, or a file. */
type PortalRead = (customerId: string, c: Context<Env>) => Promise<object | Response>;

export function addPortalRoutes(app: Hono<Env>, { books, overview }: PortalContext): void {
  const reads: Readonly<Record<string, PortalRead>> = {
    account: (customerId) => readAccount(books, customerId, overview.timeZone),
    keys: async (customerId) => ({ keys: (await listKeys(books, customerId)).map(keyJson) }),
    credits: async (customerId) => ({ credits: await readCredits(books, customerId) }),
    usage: (customerId, c) => readUsage(books, customerId, usagePageOf(c.req)),
    'usage/:event': (customerId, c) => readChargedEvent(books, customerId, c.req.param('event') ?? ''),
    invoices: async (customerId) => ({ invoices: await readInvoices(books, customerId) }),
    'invoices/:number': (customerId, c) =>
      readInvoice(books, customerId, c.req.param('number') ?? '', languageOf(c.req)).catch(refuse),
    'invoices/:number/pdf': (customerId, c) =>
      readInvoicePdf(books, customerId, c.req.param('number') ?? '', languageOf(c.req)).catch(refuse),
  };
  for (const [path, read] of Object.entries(reads)) {
    app.get(`/portal/api/${path}`, async (c) => {
      const customerId = await askBooks(customerOf(books, c));
      c.header('cache-control', 'no-store');
      const found = await read(customerId, c);
      return found instanceof Response ? found : c.json(found);
    });
  }
  app.all('/portal/api/*', () => {
    throw new ApiProblem(404, 'unknown_url', 'There is nothing at this address.');
  });
}

/** Another customer's invoice is as good as none. */
function refuse(error: unknown): never {
  if (!(error instanceof MoatError) || error.code !== 'unknown-invoice') throw error;
  throw new ApiProblem(404, 'unknown_invoice', 'There is no such invoice.', { cause: error });
}

/** @throws ApiProblem 401 `invalid_api_key`, 403 `key_is_limited` */
async function customerOf(books: Books, c: Context<Env>): Promise<string> {
  const terms = await keyTermsOf(books, payerOf(c.env.incoming).keyHash);
  if (terms === undefined) throw invalidKey();
  const { scopes } = await findKey(books, terms.keyId, terms.customerId);
  if (scopes === null) return terms.customerId;
  throw new ApiProblem(
    403,
    'key_is_limited',
    'This key is limited to some uses, and the account is not one of them. Use one without limits.',
  );
}
