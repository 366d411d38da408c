/** Unused credit that was paid for goes back as money, with a credit note. Nothing is undone; entries take it back. */
import { MoatError, invariant } from '../../../base/errors.js';
import { type Micros, formatMicros } from '../../../base/money.js';
import type { AuditWriter } from '../../access/audit-log.js';
import type { Books } from '../customers.js';
import { nextNumber } from '../invoices/issue-invoice.js';
import { parseSeller } from '../invoices/parties.js';
import {
  type CreditNote,
  type LockedInvoice,
  findCreditNote,
  lockInvoice,
  taxWithin,
} from '../invoices/settle-invoice.js';
import { type MoneySql, lockFreeCredit, post } from '../ledger.js';
import { roundHalfUp, roundToPayable } from '../proration.js';

export interface Refund {
  /** The number of an invoice for credit. */
  readonly invoice: string;
  /** What is paid back, tax included. Default: all that is left. */
  readonly amountMicros?: Micros | undefined;
  readonly reason: string;
  /** Whose it has to be. */
  readonly customerId?: string;
}

/**
 * Pays unused credit back: it leaves the prepaid account with its tax, and the cash. What open requests hold of it stays.
 * @throws MoatError `unknown-invoice`, `invoice-not-of-credit`, `insufficient-credit` where no more is left, `bad-amount`
 */
export async function refundCredit(books: Books, refund: Refund, audit?: AuditWriter): Promise<CreditNote> {
  const at = new Date(books.clock.now());
  const number = await books.database.sql.begin(async (sql) => {
    const invoice = await lockInvoice(sql, refund.invoice);
    checkInvoice(invoice, refund);
    const lot = await lockLot(sql, invoice);
    const most = mostPayable(invoice, lot);
    const amountMicros = refund.amountMicros ?? most;
    checkAmount(amountMicros, most, invoice);
    const taxMicros = taxWithin(invoice, amountMicros);
    const creditMicros = creditWithin(invoice, lot.openedMicros, amountMicros);
    const issued = await nextNumber(sql, parseSeller(invoice.seller, refund.invoice), 'credit-note', at);
    const transactionId = await post(sql, {
      kind: 'refund',
      reference: `credit note ${issued}`,
      description: refund.reason,
      currency: invoice.currency,
      at,
      legs: [
        { account: 'prepaid', customerId: invoice.customerId, amountMicros: creditMicros },
        { account: 'tax-payable', customerId: null, amountMicros: taxMicros },
        // The share of what the invoice was rounded by.
        { account: 'revenue', customerId: null, amountMicros: amountMicros - creditMicros - taxMicros },
        { account: 'cash', customerId: null, amountMicros: -amountMicros },
      ],
    });
    await sql`update moat.credits set remaining_micros = remaining_micros - ${creditMicros} where id = ${lot.id}`;
    await sql`
      insert into moat.credit_notes (number, invoice_id, amount_micros, tax_micros, off_due_micros, refunded_micros, reason, transaction_id, issued_at)
      values (${issued}, ${invoice.id}, ${amountMicros}, ${taxMicros}, 0, ${amountMicros}, ${refund.reason}, ${transactionId ?? null}, ${at})`;
    const details = { invoice: refund.invoice, amountMicros: `${amountMicros}`, reason: refund.reason };
    await audit?.(sql, { action: 'credit.refunded', target: issued, details });
    return issued;
  });
  return findCreditNote(books, number);
}

function checkInvoice(invoice: LockedInvoice, { invoice: number, customerId, reason }: Refund): void {
  if (customerId !== undefined && invoice.customerId !== customerId)
    throw new MoatError('unknown-invoice', `invoice "${number}" does not exist`);
  if (reason.trim() === '') throw new MoatError('bad-reason', 'a refund needs its reason', { fix: 'Say why.' });
  if (invoice.subscriptionId === null) return;
  throw new MoatError('invoice-not-of-credit', `invoice ${number} is not for prepaid credit`, {
    fix: `Give a credit note: moat invoices credit ${number}.`,
  });
}

interface Lot {
  readonly id: bigint;
  readonly openedMicros: Micros;
  /** Neither used nor held by open requests. */
  readonly leftMicros: Micros;
}

/** The credit that the invoice opened. */
async function lockLot(sql: MoneySql, { id, customerId }: LockedInvoice): Promise<Lot> {
  const { account, freeMicros: free } = await lockFreeCredit(sql, customerId);
  await sql`select moat.share_consumption(${account.id})`;
  const [lot] = await sql<{ id: bigint; opened: bigint; remaining: bigint }[]>`
    select c.id, c.amount_micros as opened, c.remaining_micros as remaining
      from moat.credits c join moat.invoices i on i.transaction_id = c.transaction_id where i.id = ${id}`;
  invariant(lot !== undefined, `invoice ${id} opened credit`);
  const least = free < lot.remaining ? free : lot.remaining;
  return { id: lot.id, openedMicros: lot.opened, leftMicros: least > 0n ? least : 0n };
}

type Taxed = Pick<LockedInvoice, 'totalMicros' | 'taxMicros' | 'creditedMicros' | 'creditedTaxMicros' | 'currency'>;

/** The credit's share of what is paid back, so that all refunds together take all of it and no more. Pure. */
function creditWithin({ totalMicros, creditedMicros }: Taxed, openedMicros: Micros, amountMicros: Micros): Micros {
  const upTo = (paidBack: Micros): Micros =>
    roundHalfUp({ numerator: openedMicros * paidBack, denominator: totalMicros });
  return upTo(creditedMicros + amountMicros) - upTo(creditedMicros);
}

/** The most that can be paid back, tax included, in whole cents, without more credit leaving than is left. Pure. */
export function mostPayable(invoice: Taxed, { openedMicros, leftMicros }: Omit<Lot, 'id'>): Micros {
  const { totalMicros, creditedMicros, currency } = invoice;
  if (leftMicros === 0n) return 0n;
  const unit = payableUnit(currency);
  const [share, owed] = [(leftMicros * totalMicros) / openedMicros + unit, totalMicros - creditedMicros];
  let most = ((share < owed ? share : owed) / unit) * unit;
  while (most > 0n && creditWithin(invoice, openedMicros, most) > leftMicros) most -= unit;
  return most;
}

/** A cent, of a currency that has them. */
function payableUnit(currency: string): Micros {
  return (
    [1n, 10n, 100n, 1_000n, 10_000n, 100_000n].find((unit) => roundToPayable(unit, currency) === unit) ?? 1_000_000n
  );
}

function checkAmount(amountMicros: Micros, most: Micros, { currency }: LockedInvoice): void {
  if (most === 0n)
    throw new MoatError('insufficient-credit', 'nothing is left of this credit', {
      fix: 'It is used, held by requests that run, or was paid back.',
    });
  if (amountMicros > 0n && amountMicros <= most && roundToPayable(amountMicros, currency) === amountMicros) return;
  throw new MoatError('bad-amount', `a refund of ${formatMicros(amountMicros)} ${currency}`, {
    fix: `Give an amount above zero and up to ${formatMicros(most)}, tax included.`,
  });
}
