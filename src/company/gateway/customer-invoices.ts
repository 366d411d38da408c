/** A customer's invoices as JSON and PDF: the back office and the customer's portal show the same. */
import { invoicePdf } from '../billing/invoices/invoice-pdf.js';
import { sheetOf } from '../billing/invoices/invoice-sheet.js';
import {
  type Invoice,
  type InvoiceSummary as StoredSummary,
  findInvoice,
  listInvoices,
} from '../billing/invoices/invoice.js';
import type { Books } from '../billing/customers.js';
import { MoatError } from '../../base/errors.js';
import type { InvoiceDetail, InvoiceSummary } from './api-types.js';

/** Newest first; drafts are nobody's business yet. */
export async function readInvoices(books: Books, customerId: string): Promise<InvoiceSummary[]> {
  return (await listInvoices(books, { customerId })).flatMap(summaryJson);
}

/**
 * @param language of the sheet's words
 * @throws MoatError `unknown-invoice`, also for another customer's
 */
export async function readInvoice(
  books: Books,
  customerId: string,
  number: string,
  language: 'en' | 'zh',
): Promise<InvoiceDetail> {
  const invoice = await ownInvoice(books, customerId, number);
  const { title, state, seller, buyer, facts, headings, rows, totals, payment } = sheetOf(invoice, language);
  return { kind: invoice.kind, title, state, seller, buyer, facts, headings, rows, totals, payment };
}

/** As `readInvoice`, as a file. */
export async function readInvoicePdf(
  books: Books,
  customerId: string,
  number: string,
  language: 'en' | 'zh',
): Promise<Response> {
  const invoice = await ownInvoice(books, customerId, number);
  const pdf = await invoicePdf(sheetOf(invoice, language), invoice.issuedAt);
  return new Response(new Uint8Array(pdf), {
    headers: {
      'content-type': 'application/pdf',
      // A number is digits and a hyphen: nothing in it ends the quoted name.
      'content-disposition': `attachment; filename="${invoice.number ?? 'draft'}.pdf"`,
      'cache-control': 'no-store',
    },
  });
}

/** The language that was asked for, English else. */
export const languageOf = (request: { query(name: string): string | undefined }): 'en' | 'zh' =>
  request.query('language') === 'zh' ? 'zh' : 'en';

async function ownInvoice(books: Books, customerId: string, number: string): Promise<Invoice> {
  const invoice = await findInvoice(books, number);
  if (invoice.customerId === customerId) return invoice;
  throw new MoatError('unknown-invoice', `invoice "${number}" does not exist`);
}

function summaryJson({ number, state, kind, currency, totalMicros, ...invoice }: StoredSummary): InvoiceSummary[] {
  if (number === null || state === 'draft') return [];
  return [
    {
      number,
      state,
      kind,
      currency,
      totalMicros: totalMicros.toString(),
      dueMicros: (state === 'open' ? invoice.dueMicros - invoice.creditedMicros : 0n).toString(),
      issuedAt: invoice.issuedAt.toISOString(),
      dueAt: invoice.dueAt.toISOString(),
    },
  ];
}
