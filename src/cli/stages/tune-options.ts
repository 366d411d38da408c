/** What the command line asks of fine-tuning. */
import type { Clock } from '../../base/clock.js';
import type { Micros } from '../../base/money.js';
import type { BasePrecision } from '../../lab/train/adapters/frozen-base.js';
import type { DistillationSettings } from '../../lab/train/supervised/distillation.js';
import type { TuneSettings } from '../../lab/train/supervised/tune-plan.js';
import type { Reporter } from '../terminal/reporter.js';

export type Objective =
  | { readonly kind: 'sft' }
  | { readonly kind: 'dpo'; readonly beta: number }
  | ({ readonly kind: 'distil'; readonly teacher: string } & DistillationSettings)
  /** The teacher answers in words, through an API. */
  | {
      readonly kind: 'answers';
      readonly teacher: string;
      readonly apiKey: string | undefined;
      readonly maxRequests: number;
      readonly maxTokens: number;
      /** For a million tokens; undefined when the cost is not asked for. */
      readonly prices: { readonly inputMicros: Micros; readonly outputMicros: Micros } | undefined;
    };

export interface AdapterOptions {
  readonly rank: number;
  /** How the model itself is kept while the adapter learns. */
  readonly precision: BasePrecision;
  /** Twice the rank when not given. */
  readonly alpha: number | undefined;
  /** Last names of layers; every linear one but the head when not given. */
  readonly modules: readonly string[] | undefined;
  readonly dropout: number;
  readonly dora: boolean;
}

export interface TuneOptions {
  readonly data: string;
  readonly from: string;
  readonly out: string;
  readonly batchSize: number;
  /** Tokens of one row at most; shorter where no record needs as many. */
  readonly maxLength: number;
  readonly packed: boolean;
  readonly heldOutFraction: number;
  readonly objective: Objective;
  /** Trains a low-rank adapter beside the model, which stays as it is; undefined trains all of it. */
  readonly adapter: AdapterOptions | undefined;
  /** What the machine costs for an hour. */
  readonly hourlyMicros: Micros;
  readonly settings: TuneSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}
