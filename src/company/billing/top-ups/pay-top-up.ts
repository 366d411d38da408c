/** A top-up is paid: credit, invoice and entries are there together, or none of them. */
import { MoatError, invariant } from '../../../base/errors.js';
import type { Currency, Micros } from '../../../base/money.js';
import { formatMicros } from '../../../base/money.js';
import type { AuditWriter } from '../../access/audit-log.js';
import type { Books } from '../customers.js';
import { issueInvoice } from '../invoices/issue-invoice.js';
import { buyerFrom } from '../invoices/parties.js';
import { receivePayment } from '../invoices/settle-invoice.js';
import { type MoneySql, lockAccount, openCredit } from '../ledger.js';
import { type TopUp, creditAlone, lockTopUp } from './top-up.js';

interface PaymentOptions {
  /** Whose it has to be. */
  readonly customerId?: string;
  readonly audit?: AuditWriter;
}

/**
 * The money came in, all of it. Safe to repeat: it is booked once.
 * @param name its number or payment reference
 * @throws MoatError `unknown-top-up`, `top-up-closed` for a void one
 */
export async function payTopUp(books: Books, name: string, options: PaymentOptions = {}): Promise<TopUp> {
  const at = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) =>
    settle(sql, await lockTopUp(sql, name, options.customerId), { at, ...options }),
  );
}

/** What a payment service says of a payment. */
export interface PaymentNotice {
  /** The service's own, which it repeats with the same notice. */
  readonly id: string;
  /** The top-up's number or payment reference. */
  readonly reference: string;
  readonly amountMicros: Micros;
  readonly currency: Currency;
}

/**
 * Books what a payment service says, once for each of its ids, and once for each top-up.
 * @param fingerprint SHA-256 of the notice: the same id with other words is refused
 * @returns `isRepeat`: nothing was booked, because it was before
 * @throws MoatError `unknown-top-up`, `top-up-closed` for a void one, `payment-differs`, `notice-changed`
 */
export async function applyPaymentNotice(
  books: Books,
  notice: PaymentNotice,
  { fingerprint, audit }: { fingerprint: Uint8Array; audit?: AuditWriter },
): Promise<{ topUp: TopUp; isRepeat: boolean }> {
  const at = new Date(books.clock.now());
  return books.database.sql.begin(async (sql) => {
    const topUp = await lockTopUp(sql, notice.reference);
    checkPayment(topUp, notice);
    const isRepeat = topUp.state === 'paid';
    const fresh = await sql`
      insert into moat.payment_notices values (${notice.id}, ${topUp.id}, ${Buffer.from(fingerprint)}, ${at}) on conflict (id) do nothing returning id`;
    if (fresh.length === 0) await checkSameNotice(sql, notice.id, fingerprint);
    return { topUp: await settle(sql, topUp, { at, ...(audit === undefined ? {} : { audit }) }), isRepeat };
  });
}

function checkPayment({ number, dueMicros, currency }: TopUp, notice: PaymentNotice): void {
  if (notice.amountMicros === dueMicros && notice.currency === currency) return;
  const paid = `${formatMicros(notice.amountMicros)} ${notice.currency}`;
  throw new MoatError(
    'payment-differs',
    `top-up ${number} is for ${formatMicros(dueMicros)} ${currency}, ${paid} came in`,
    { fix: 'Nothing was booked. Book what came in by hand: moat keys credit.' },
  );
}

async function checkSameNotice(sql: MoneySql, id: string, fingerprint: Uint8Array): Promise<void> {
  const [same] = await sql`
    select 1 from moat.payment_notices where id = ${id} and fingerprint = ${Buffer.from(fingerprint)}`;
  if (same !== undefined) return;
  throw new MoatError('notice-changed', `payment notice "${id}" came before with other words`, {
    fix: 'Give each notice an id of its own.',
  });
}

/** Books a locked top-up. */
async function settle(sql: MoneySql, topUp: TopUp, { at, audit }: PaymentOptions & { at: Date }): Promise<TopUp> {
  if (topUp.state === 'paid') return topUp;
  if (topUp.state === 'void')
    throw new MoatError('top-up-closed', `top-up ${topUp.number} is void`, {
      fix: 'Nothing was booked. Ask for a new one, or book what came in by hand: moat keys credit.',
    });
  const { customerId, amountMicros, dueMicros, currency, seller, number } = topUp;
  const account = await lockAccount(sql, customerId);
  const [customer] = await sql<{ name: string; details: unknown }[]>`
    select name, details from moat.customers where id = ${customerId}`;
  const nothing = { before: at, through: 0n };
  const invoice = await issueInvoice(sql, {
    ...creditAlone(amountMicros, number),
    seller,
    buyer: buyerFrom(customer?.details, customer?.name ?? customerId),
    customerId,
    accountId: account.id,
    subscriptionId: null,
    period: null,
    currency,
    usageFrom: at,
    after: nothing,
    cut: nothing,
    at,
    dueDays: 0,
  });
  invariant(invoice !== undefined, 'an invoice for credit has a line');
  const [issued] = await sql<{ id: bigint; transactionId: bigint; dueMicros: Micros }[]>`
    select id, transaction_id as "transactionId", due_micros as "dueMicros" from moat.invoices where number = ${invoice}`;
  invariant(issued?.dueMicros === dueMicros, `top-up ${number} costs what was asked for it`);
  await openCredit(sql, { transactionId: issued.transactionId, accountId: account.id, amountMicros, at });
  await receivePayment(sql, invoice, { at });
  await sql`update moat.top_ups set state = 'paid', settled_at = ${at}, invoice_id = ${issued.id} where id = ${topUp.id}`;
  const details = { customer: customerId, invoice, amountMicros: `${amountMicros}` };
  await audit?.(sql, { action: 'top-up.paid', target: number, details });
  return { ...topUp, state: 'paid', settledAt: at, invoice };
}
