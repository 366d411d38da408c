/** The company's own accounts month by month, and the lines of revenue they make. */
import type { Micros } from '../../base/money.js';
import type { BusinessFile } from './business-file.js';

/** Entries of one account, by the kind of their transaction and by the customer it was with. */
export interface LedgerMonth {
  readonly month: string;
  /** `revenue`, `cash`, `credit-grants`, `write-offs`, … */
  readonly account: string;
  /** The transaction's kind: `usage`, `payment`, `grant`, `fee`, … */
  readonly source: string;
  /** Null for usage, of which the meter knows more, and where no customer is concerned. */
  readonly customerId: string | null;
  readonly customerName: string | null;
  readonly entries: number;
  /** Debits less credits: above 0 for cash that came in, below 0 for revenue. */
  readonly amountMicros: Micros;
}

export interface RevenueLines {
  readonly usageMicros: Micros;
  /** Usage with what corrects it: the service. */
  readonly servicesMicros: Micros;
  /** Plans and seats: the software. */
  readonly softwareMicros: Micros;
  /** Lines of other books, as stated: advertising and the like. */
  readonly other: readonly { readonly name: string; readonly micros: Micros }[];
  readonly totalMicros: Micros;
}

/** Transactions of plans and their documents; all other revenue belongs to usage. */
const SOFTWARE = new Set(['fee', 'credit-note', 'refund']);

export function revenueOf(
  facts: {
    readonly ledger: readonly LedgerMonth[];
    readonly sales: readonly { readonly month: string; readonly chargedMicros: Micros }[];
    readonly file: BusinessFile | null;
  },
  month: string,
): RevenueLines {
  const usageMicros = facts.sales
    .filter((row) => row.month === month)
    .reduce((sum, { chargedMicros }) => sum + chargedMicros, 0n);
  const booked = facts.ledger.filter(
    (row) => row.month === month && row.account === 'revenue' && row.source !== 'usage',
  );
  const sum = (isSoftware: boolean): Micros =>
    booked
      .filter(({ source }) => SOFTWARE.has(source) === isSoftware)
      .reduce((total, { amountMicros }) => total - amountMicros, 0n);
  const servicesMicros = usageMicros + sum(false);
  const softwareMicros = sum(true);
  const other = Object.entries(facts.file?.otherRevenue ?? {}).map(([name, months]) => ({
    name,
    micros: months[month] ?? 0n,
  }));
  const totalMicros = other.reduce((total, { micros }) => total + micros, servicesMicros + softwareMicros);
  return { usageMicros, servicesMicros, softwareMicros, other, totalMicros };
}

/** Debits less credits of an account in a month. */
export function ledgerSum(
  ledger: readonly LedgerMonth[],
  { month, account }: { month: string; account: string },
): Micros {
  return ledger
    .filter((row) => row.month === month && row.account === account)
    .reduce((sum, { amountMicros }) => sum + amountMicros, 0n);
}
