/** What a picture of the business is made from. Whoever calls brings it: nothing here reads a database or a file. */
import type { Currency, Micros } from '../../base/money.js';
import type { BusinessFile } from './business-file.js';
import type { LedgerMonth } from './ledger-months.js';
import type { LoadCurve } from './load-curve.js';
import type { SoldUsage } from './margins.js';
import type { SubscriptionFacts } from './recurring.js';
import type { RunFacts } from './run-costs.js';
import type { Elsewhere } from './serving-cost.js';

/** A month's usage of one customer and model; internal use costs and earns nothing. */
export interface SoldMonth extends SoldUsage {
  readonly month: string;
  readonly isInternal: boolean;
}

export interface MeasuredQuality {
  readonly model: string;
  readonly metric: string;
  readonly better: 'higher' | 'lower';
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** The giant on the same test; null when it was not asked. */
  readonly giant: { readonly name: string; readonly value: number; readonly verdict: string } | null;
}

export interface PictureFacts {
  readonly project: string;
  readonly currency: Currency;
  readonly now: Date;
  /** `2026-11`, and when it begins and ends in the project's time zone. */
  readonly month: string;
  readonly startsAt: Date;
  readonly endsAt: Date;
  readonly hourlyMicros: Micros | null;
  /** Models that run elsewhere, and what is paid for them. */
  readonly elsewhere: Elsewhere;
  readonly runs: readonly RunFacts[];
  /** Of all months up to this one. */
  readonly sales: readonly SoldMonth[];
  readonly ledger: readonly LedgerMonth[];
  readonly subscriptions: readonly SubscriptionFacts[];
  readonly price: { readonly inputMicros: Micros; readonly outputMicros: Micros } | null;
  readonly curve: LoadCurve | null;
  readonly file: BusinessFile | null;
  readonly quality: MeasuredQuality | null;
}
