/** A customer's top-ups as JSON: the back office and the customer's portal show the same. */
import { parseMicros } from '../../base/money.js';
import type { Books } from '../billing/customers.js';
import type { Seller } from '../billing/invoices/parties.js';
import { type TopUp, listTopUps } from '../billing/top-ups/top-up.js';
import type { TopUpOffer, TopUpSummary } from './api-types.js';

export async function readTopUps(books: Books, customerId: string): Promise<TopUpSummary[]> {
  return (await listTopUps(books, { customerId })).map(topUpJson);
}

export const topUpJson = ({ requestedAt, settledAt, ...topUp }: TopUp): TopUpSummary => ({
  number: topUp.number,
  reference: topUp.reference,
  state: topUp.state,
  currency: topUp.currency,
  amountMicros: topUp.amountMicros.toString(),
  dueMicros: topUp.dueMicros.toString(),
  payment: topUp.state === 'open' ? topUp.seller.payment : [],
  requestedAt: requestedAt.toISOString(),
  settledAt: settledAt?.toISOString() ?? null,
  invoice: topUp.invoice,
});

/** What can be asked for; null where nobody is named who would issue the invoice. */
export const topUpOffer = (seller: Seller | undefined): TopUpOffer | null =>
  seller === undefined
    ? null
    : {
        minimumMicros: parseMicros(seller.topUp.minimum).toString(),
        maximumMicros: parseMicros(seller.topUp.maximum).toString(),
        tax: seller.taxPercent === undefined ? null : { name: seller.taxName, percent: seller.taxPercent },
      };
