/** Margin before idle time, line by line: what was charged less what its answers cost. One rule for models, plans and customers. */
import type { Micros, Rate } from '../../base/money.js';
import { type CostBasis, type ServedUsage, usageCost } from './serving-cost.js';
import { grossMargin } from './unit-economics.js';

/** What one customer used of one model in a month, by the ledger and the meter. */
export interface SoldUsage extends ServedUsage {
  readonly customerId: string;
  readonly customerName: string;
  readonly requests: number;
  readonly chargedMicros: Micros;
}

export interface MarginLine {
  readonly name: string;
  readonly requests: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly revenueMicros: Micros;
  /** Machine time and bought tokens of its answers alone; idle time belongs to no line. */
  readonly costMicros: Micros | null;
  readonly marginMicros: Micros | null;
  readonly ratio: Rate | null;
}

/** Lines by a name that `nameOf` gives each row, the highest revenue first. */
export function marginsBy<Row extends SoldUsage>(
  rows: readonly Row[],
  nameOf: (row: Row) => string,
  basis: CostBasis,
): MarginLine[] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = nameOf(row);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [row]);
    else group.push(row);
  }
  return [...groups]
    .map(([name, group]) => marginLine(name, group, basis))
    .sort((a, b) => compare(b.revenueMicros, a.revenueMicros) || compare(a.name, b.name));
}

/** Adds revenue that is no usage (fees, seats) to the lines of those who paid it. */
export function withOtherRevenue(
  lines: readonly MarginLine[],
  other: readonly { readonly name: string; readonly micros: Micros }[],
): MarginLine[] {
  const extra = new Map<string, Micros>();
  for (const { name, micros } of other) extra.set(name, (extra.get(name) ?? 0n) + micros);
  const known = new Set(lines.map(({ name }) => name));
  const fresh = [...extra.keys()].filter((name) => !known.has(name)).map((name) => marginLine(name, [], NO_USE));
  return [...lines, ...fresh]
    .map((line) => {
      const revenueMicros = line.revenueMicros + (extra.get(line.name) ?? 0n);
      return { ...line, revenueMicros, ...marginOf(revenueMicros, line.costMicros) };
    })
    .sort((a, b) => compare(b.revenueMicros, a.revenueMicros) || compare(a.name, b.name));
}

/** Who used nothing cost nothing, whatever a machine costs. */
const NO_USE: CostBasis = { hourlyMicros: null, elsewhere: new Map() };

function marginLine(name: string, rows: readonly SoldUsage[], basis: CostBasis): MarginLine {
  const sum = (count: (row: SoldUsage) => number): number => rows.reduce((total, row) => total + count(row), 0);
  const revenueMicros = rows.reduce((total, { chargedMicros }) => total + chargedMicros, 0n);
  const costMicros = usageCost(rows, basis);
  return {
    name,
    requests: sum(({ requests }) => requests),
    inputTokens: sum(({ inputTokens }) => inputTokens),
    outputTokens: sum(({ outputTokens }) => outputTokens),
    revenueMicros,
    costMicros,
    ...marginOf(revenueMicros, costMicros),
  };
}

function marginOf(revenueMicros: Micros, costMicros: Micros | null) {
  return costMicros === null ? { marginMicros: null, ratio: null } : grossMargin({ revenueMicros, costMicros });
}

const compare = <T extends bigint | string>(a: T, b: T): number => (a < b ? -1 : a > b ? 1 : 0);

/** What a payment service keeps: a share of the sum and a fixed amount for each payment. */
export interface PaymentTerms {
  readonly rate: Rate;
  readonly fixedMicros: Micros;
}

/** `Σ paid × rate + payments × fixed`, rounded up. */
export function paymentFees(
  payments: { count: number; paidMicros: Micros },
  { rate, fixedMicros }: PaymentTerms,
): Micros {
  const product = payments.paidMicros * rate.numerator;
  const share = product / rate.denominator + (product % rate.denominator > 0n ? 1n : 0n);
  return share + BigInt(payments.count) * fixedMicros;
}
