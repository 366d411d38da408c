import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { parsePriceBook } from '../../billing/price-book.js';
import { ASSUMPTIONS, type Assumption } from '../../business/forecast.js';
import type { BusinessPicture } from '../../business/picture.js';
import { ApiProblem } from '../api-problem.js';
import { businessReplay, businessReport, businessScenario } from '../business-report.js';
import { languageOf } from '../customer-invoices.js';
import { readJson } from '../request-body.js';
import { type AdminContext, type AdminRequest, type AdminRoute, line } from './admin-route.js';

const month = line(10).optional();
/** Shares of the whole, where a customer can be lost once and a payment be kept once. */
const share = z.number().min(0).max(0.99);
const amount = z.number().min(0).max(1e12);
const tried: Record<Assumption, z.ZodNumber> = {
  customers: amount,
  newCustomers: amount,
  churn: share,
  tokens: amount,
  price: amount,
  fee: amount,
  capacity: amount.min(0.001),
  machineHour: amount,
  fixedCosts: amount,
  acquisition: amount,
  paymentShare: share,
};
const trial = z.strictObject({ month, assumptions: z.strictObject(tried).partial() });
const replay = z.strictObject({ month, book: z.record(z.string(), z.unknown()) });

/** What the business costs, earns and may become. Nothing here changes anything. */
export const businessRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/api/business',
    needs: 'figures',
    handle: async (context, c) =>
      c.json(businessReport(await pictureOf(context, c.req.query('month')), context.overview.timeZone)),
  },
  {
    method: 'GET',
    path: '/api/business/report.pdf',
    needs: 'figures',
    handle: (context, c) => showPdf(context, c, 'report'),
  },
  {
    method: 'GET',
    path: '/api/business/canvas.pdf',
    needs: 'figures',
    handle: (context, c) => showPdf(context, c, 'canvas'),
  },
  { method: 'POST', path: '/api/business/scenario', needs: 'figures', handle: tryAssumptions },
  { method: 'POST', path: '/api/business/replay', needs: 'figures', handle: replayBook },
];

async function showPdf({ businessPdf }: AdminContext, c: AdminRequest, what: 'report' | 'canvas'): Promise<Response> {
  if (businessPdf === undefined)
    throw new ApiProblem(404, 'no_business', 'This server was started without a project, so it knows no business.');
  const pdf = await businessPdf(what, { month: c.req.query('month'), language: languageOf(c.req) });
  return new Response(new Uint8Array(pdf), {
    headers: {
      'content-type': 'application/pdf',
      'content-disposition': `attachment; filename="${what}.pdf"`,
      'cache-control': 'no-store',
    },
  });
}

/** @throws MoatError `bad-month`, and what is wrong with the project's business file or load curve */
async function pictureOf({ businessOf }: AdminContext, asked: string | undefined): Promise<BusinessPicture> {
  if (businessOf === undefined)
    throw new ApiProblem(404, 'no_business', 'This server was started without a project, so it knows no business.');
  return businessOf(asked);
}

async function tryAssumptions(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { month: asked, assumptions } = await readJson(c.env.incoming, trial);
  const known = ASSUMPTIONS.flatMap((name) => {
    const value = assumptions[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return c.json(businessScenario(await pictureOf(context, asked), Object.fromEntries(known)));
}

async function replayBook(context: AdminContext, c: AdminRequest): Promise<Response> {
  const { month: asked, book: written } = await readJson(c.env.incoming, replay);
  const book = parsePriceBook(written, 'book');
  const { currency, timeZone } = context.overview;
  if (book.currency !== currency)
    throw new MoatError('bad-price-book', `book: its currency is ${book.currency}, the project's ${currency}`);
  const picture = await pictureOf(context, asked);
  return c.json(await businessReplay(context.books, { picture, book, timeZone }));
}
