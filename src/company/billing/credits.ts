import type { Micros } from '../../base/money.js';
import type { Books } from './customers.js';

/** Prepaid credit as it came. */
export interface CreditLot {
  readonly id: string;
  /** `payment`: money came in; `grant`: a gift; other kinds are corrections. */
  readonly kind: string;
  readonly reference: string | null;
  readonly createdAt: Date;
  readonly expiresAt: Date | null;
  readonly amountMicros: Micros;
}

/** A customer's credit, newest first; at most 200. */
export async function listCredits({ database: { sql } }: Books, customerId: string): Promise<CreditLot[]> {
  return sql<CreditLot[]>`
    select c.id::text, t.kind, t.reference, c.created_at as "createdAt", c.expires_at as "expiresAt",
           c.amount_micros as "amountMicros"
      from moat.credits c join moat.accounts a on a.id = c.account_id join moat.journal_transactions t on t.id = c.transaction_id
     where a.customer_id = ${customerId} and a.kind = 'prepaid' order by c.created_at desc, c.id desc limit 200`;
}
