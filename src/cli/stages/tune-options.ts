/** What the command line asks of fine-tuning. */
import { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import type { Micros } from '../../base/money.js';
import type { Reporter } from '../terminal/reporter.js';

const objectiveSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('sft') }),
  z.object({ kind: z.literal('dpo'), beta: z.number() }),
  z.object({
    kind: z.literal('distil'),
    teacher: z.string(),
    alpha: z.number(),
    temperature: z.number(),
    hiddenWeight: z.number(),
  }),
  /** The teacher answers in words, through an API. */
  z.object({ kind: z.literal('answers'), teacher: z.string(), maxRequests: z.number(), maxTokens: z.number() }),
]);

const adapterSchema = z.object({
  rank: z.number(),
  /** How the model itself is kept while the adapter learns. */
  precision: z.enum(['float32', 'int8', 'int4']),
  /** Twice the rank when not given. */
  alpha: z.number().optional(),
  /** Last names of layers; every linear one but the head when not given. */
  modules: z.array(z.string()).optional(),
  dropout: z.number(),
  dora: z.boolean(),
});

/** What a run is asked to do, kept in its folder, so that a resumed run needs nothing else. Paths are absolute. */
export const tuneRequestSchema = z.object({
  data: z.string(),
  from: z.string(),
  batchSize: z.number(),
  /** Tokens of one row at most; shorter where no record needs as many. */
  maxLength: z.number(),
  packed: z.boolean(),
  heldOutFraction: z.number(),
  objective: objectiveSchema,
  /** Trains a low-rank adapter beside the model, which stays as it is; undefined trains all of it. */
  adapter: adapterSchema.optional(),
  settings: z.object({
    epochs: z.number(),
    maxSteps: z.number().optional(),
    maxSeconds: z.number().optional(),
    learningRate: z.number(),
    warmupFraction: z.number(),
    weightDecay: z.number(),
    clipNorm: z.number(),
    gradientAccumulation: z.number(),
    evalEvery: z.number().optional(),
    patience: z.number().optional(),
    recompute: z.boolean(),
    seed: z.number(),
    threads: z.number().optional(),
  }),
});

export type TuneRequest = z.output<typeof tuneRequestSchema>;
export type Objective = TuneRequest['objective'];
export type AdapterOptions = NonNullable<TuneRequest['adapter']>;

/** Where it is trained, when not by this process. */
export interface WorkersOptions {
  /** The HTTP address of a Ray cluster's Jobs API; undefined: torchrun, on this machine. */
  readonly cluster: URL | undefined;
  readonly workers: number | undefined;
  readonly workerCpus: number | undefined;
  readonly storage: string | undefined;
  readonly detach: boolean;
  readonly install: boolean;
  readonly env: NodeJS.ProcessEnv;
}

export interface TuneOptions {
  readonly request: TuneRequest;
  readonly out: string;
  /** Go on with the run in `out`. */
  readonly resume: boolean;
  readonly there: WorkersOptions | undefined;
  /** Of a teacher behind an API. */
  readonly apiKey: string | undefined;
  /** For a million tokens of a teacher; undefined when the cost is not asked for. */
  readonly prices: { readonly inputMicros: Micros; readonly outputMicros: Micros } | undefined;
  /** What the machine costs for an hour. */
  readonly hourlyMicros: Micros;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly reporter: Reporter;
}
