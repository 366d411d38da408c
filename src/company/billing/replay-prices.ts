/** What customers would have paid under other prices, for what they really used. */
import type { Micros } from '../../base/money.js';
import { type PriceBook, billOf } from './price-book.js';
import type { MonthOfUsage } from './usage.js';

export interface ReplayedCustomer {
  readonly customerId: string;
  readonly customerName: string;
  /** As the ledger has it. */
  readonly paidMicros: Micros;
  /** Σ of a bill a month. */
  readonly wouldPayMicros: Micros;
}

export interface Replay {
  readonly customers: readonly ReplayedCustomer[];
  readonly paidMicros: Micros;
  readonly wouldPayMicros: Micros;
  /** Models that were used and that the book does not sell. */
  readonly unpriced: readonly string[];
}

/**
 * A month with usage is a bill; a customer without any is not there, so a minimum that nobody uses is not counted.
 * @param usage rows of one currency, as `usageByMonth` gives them
 */
export function replayPrices(book: PriceBook, usage: readonly MonthOfUsage[]): Replay {
  const months = new Map<string, MonthOfUsage[]>();
  for (const row of usage) {
    const key = `${row.customerId} ${row.month}`;
    months.set(key, [...(months.get(key) ?? []), row]);
  }
  const customers = new Map<string, ReplayedCustomer>();
  const unpriced = new Set<string>();
  for (const rows of months.values()) {
    const [{ customerId, customerName }] = rows as [MonthOfUsage];
    const bill = billOf(book, { models: rows.map(quantitiesOf), seats: 0n });
    for (const model of bill.unpriced) unpriced.add(model);
    const before = customers.get(customerId) ?? { customerId, customerName, paidMicros: 0n, wouldPayMicros: 0n };
    customers.set(customerId, {
      ...before,
      paidMicros: before.paidMicros + rows.reduce((sum, { chargedMicros }) => sum + chargedMicros, 0n),
      wouldPayMicros: before.wouldPayMicros + bill.totalMicros,
    });
  }
  const all = [...customers.values()];
  return {
    customers: all,
    paidMicros: all.reduce((sum, { paidMicros }) => sum + paidMicros, 0n),
    wouldPayMicros: all.reduce((sum, { wouldPayMicros }) => sum + wouldPayMicros, 0n),
    unpriced: [...unpriced].sort(),
  };
}

const quantitiesOf = ({ model, requests, inputTokens, cachedTokens, outputTokens }: MonthOfUsage) => ({
  model,
  quantities: { input: inputTokens, cachedInput: cachedTokens, output: outputTokens, request: requests },
});
