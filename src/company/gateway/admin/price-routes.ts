import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { parsePriceBook } from '../../billing/price-book.js';
import { publishPriceBook } from '../../billing/publish-prices.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, auditOf } from './admin-route.js';

const publication = z.strictObject({ book: z.record(z.string(), z.unknown()), acceptLoss: z.boolean().default(false) });

/** Price books come into force from here as from the command line. */
export const priceRoutes: readonly AdminRoute[] = [
  { method: 'POST', path: '/api/prices', needs: 'prices', handle: publish },
];

/** At once. What lies below the cost of serving is refused with the figures, unless the loss is accepted. */
async function publish(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { book: written, acceptLoss } = await readJson(c.env.incoming, publication);
  const book = parsePriceBook(written, 'book');
  const { currency, timeZone } = context.overview;
  if (book.currency !== currency)
    throw new MoatError('bad-price-book', `book: its currency is ${book.currency}, the project's ${currency}`);
  const costs = (await context.servingCosts?.()) ?? new Map();
  const published = await publishPriceBook(context.books, book, {
    timeZone,
    costs,
    acceptLoss,
    audit: auditOf(context, c),
  });
  return c.json({ name: published.name, version: published.version, startsAt: published.startsAt.toISOString() }, 201);
}
