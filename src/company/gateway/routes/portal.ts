/**
 * What a customer sees of his own account at `/portal`. A key is all the proof there is, and whose key it is decides whose account is
 * read: no address names a customer. A key that is limited to some uses, as one gives to a program or a partner, does not open it.
 */
import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Books } from '../../billing/customers.js';
import type { Seller } from '../../billing/invoices/parties.js';
import { findKey, listKeys } from '../../billing/keys.js';
import { keyTermsOf } from '../../billing/key-terms.js';
import { requestTopUp, voidTopUp } from '../../billing/top-ups/top-up.js';
import { usagePageOf } from '../admin/customer-account-routes.js';
import { MoatError } from '../../../base/errors.js';
import { parseMicros } from '../../../base/money.js';
import { auditAs } from '../../access/audit-log.js';
import { askBooks } from '../ask-books.js';
import { ApiProblem, invalidKey } from '../api-problem.js';
import { keyJson, readAccount, readChargedEvent, readCredits, readUsage } from '../customer-account.js';
import { languageOf, readInvoice, readInvoicePdf, readInvoices } from '../customer-invoices.js';
import { readTopUps, topUpJson, topUpOffer } from '../customer-top-ups.js';
import type { OverviewOptions } from '../overview.js';
import { readJson } from '../request-body.js';
import { payerOf } from './requests.js';

type Env = { Bindings: HttpBindings };

interface PortalContext {
  readonly books: Books;
  readonly overview: Pick<OverviewOptions, 'timeZone'>;
  /** Who issues invoices. Undefined: nobody can ask for credit. */
  readonly seller: Seller | undefined;
}

/** As people write it: `25.00`. */
const asked = z.strictObject({ amount: z.string().max(30) });

/** Reads what the customer whose key was sent may see: JSON, or a file. */
type PortalRead = (customerId: string, c: Context<Env>) => Promise<object | Response>;

export function addPortalRoutes(app: Hono<Env>, context: PortalContext): void {
  const { books, overview, seller } = context;
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
    'top-ups': async (customerId) => ({ topUps: await readTopUps(books, customerId), offer: topUpOffer(seller) }),
  };
  for (const [path, read] of Object.entries(reads)) {
    app.get(`/portal/api/${path}`, async (c) => {
      const customerId = await askBooks(customerOf(books, c));
      c.header('cache-control', 'no-store');
      const found = await read(customerId, c);
      return found instanceof Response ? found : c.json(found);
    });
  }
  addTopUpRoutes(app, context);
  app.all('/portal/api/*', () => {
    throw new ApiProblem(404, 'unknown_url', 'There is nothing at this address.');
  });
}

/** The one thing that a customer can write: he asks for credit, and takes it back while it is not paid. */
function addTopUpRoutes(app: Hono<Env>, { books, seller }: PortalContext): void {
  const auditOf = (customerId: string) => auditAs(`customer ${customerId}`, books.clock);
  app.post('/portal/api/top-ups', async (c) => {
    const customerId = await askBooks(customerOf(books, c));
    if (seller === undefined)
      throw new ApiProblem(409, 'no_top_ups', 'Nobody issues invoices here yet, so credit cannot be asked for.');
    const { amount } = await readJson(c.env.incoming, asked);
    const request = async () =>
      requestTopUp(books, { customerId, amountMicros: parseMicros(amount), seller }, auditOf(customerId));
    return c.json(topUpJson(await request().catch(refuse)), 201);
  });
  app.post('/portal/api/top-ups/:number/void', async (c) => {
    const customerId = await askBooks(customerOf(books, c));
    const audit = auditOf(customerId);
    return c.json(topUpJson(await voidTopUp(books, c.req.param('number'), { customerId, audit }).catch(refuse)));
  });
}

const STATUS_OF: Readonly<Record<string, ApiProblem['status']>> = {
  'bad-amount': 400,
  'unknown-invoice': 404,
  'unknown-top-up': 404,
  'too-many-top-ups': 409,
  'top-up-closed': 409,
};

/** What is another customer's is as good as none. The operator's commands are nothing to a customer. */
function refuse(error: unknown): never {
  const status = error instanceof MoatError ? STATUS_OF[error.code] : undefined;
  if (!(error instanceof MoatError) || status === undefined) throw error;
  const message = status === 404 ? 'There is no such document.' : status === 400 ? error.line : error.message;
  throw new ApiProblem(status, error.code.replaceAll('-', '_'), message, { cause: error });
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
