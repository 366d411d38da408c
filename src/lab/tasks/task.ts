/**
 * What a model is asked to do. A task is one record: what a line of its data looks like, how a model is fitted to it, what
 * it is compared with and by which measures. Everything else (reading, splitting, intervals, tests, reports, search) is the
 * same for all tasks and knows none of them; adding one is a file and a line in `registry.ts`.
 */
import type { z } from 'zod';
import type { Clock } from '../../base/clock.js';
import type { ChatTurn } from '../tokenizer/tokenizer.js';

/** A record of a data file, its fields by name. */
export type DataRecord = Readonly<Record<string, unknown>>;

/** Hyperparameters by name; `--set name=value` and `moat search` change them. */
export type TaskSettings = Readonly<Record<string, number | string | boolean>>;

export interface TaskContext<Settings extends TaskSettings = TaskSettings> {
  readonly settings: Settings;
  readonly seed: number;
  readonly threads: number | undefined;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** A folder of a model in Hugging Face layout to begin with; from nothing when absent. */
  readonly base?: string;
  /** Said while training: how far it is in [0, 1], and in a few words what it does. */
  readonly onProgress?: (fraction: number, text: string) => void;
}

export interface Examples<Example> {
  readonly train: readonly Example[];
  /** Tells when to stop, and thresholds; may be empty. */
  readonly validation: readonly Example[];
}

/** A model that answers, whether it was fitted, loaded, or stands behind an API. */
export interface Predictor<Example, Output> {
  /** One output an example, in their order. */
  predict(examples: readonly Example[]): Promise<Output[]>;
  close?(): Promise<void>;
}

export interface FittedModel<Example, Output> extends Predictor<Example, Output> {
  /** What it is, for the report: `architecture`, `parameters`, `epochs` … */
  readonly facts: Readonly<Record<string, string | number>>;
  /** Tokens (or rows) that were trained on, epochs counted. */
  readonly trainedTokens?: number;
  /** Writes into an existing empty folder everything that `load` needs. */
  save(folder: string): Promise<void>;
}

/** What anyone would try first; fitted on the same examples, scored on the same test. */
export interface Baseline<Example, Output> {
  readonly name: string;
  fit(examples: Examples<Example>, context: TaskContext): Promise<Predictor<Example, Output>>;
}

export interface Metric<Example, Output> {
  readonly name: string;
  readonly better: 'higher' | 'lower';
  /** How the figure is made, as its field writes it down: a signature, the edges of bins, a tokenizer. */
  readonly signature?: string;
  /**
   * Looks at every example once, so that drawing examples again is cheap.
   * @returns the figure over some examples, by their numbers; a number may occur several times. NaN where it is undefined.
   */
  prepare(examples: readonly Example[], outputs: readonly Output[]): (rows: ArrayLike<number>) => number;
}

/** How one answer is shown to a person. */
export interface ShownAnswer {
  readonly input: string;
  readonly expected: string;
  readonly given: string;
  /** How bad it is; the worst examples are those with the most. */
  readonly badness: number;
}

/** How a model behind an API is asked for what a fitted one would answer. */
export interface AskedTask<Example, Output> {
  messages(example: Example, examples: Examples<Example>): readonly ChatTurn[];
  /** Longest answer that is waited for. */
  readonly maxTokens: number;
  /** @returns undefined for an answer that cannot be read, which then counts as wrong */
  read(answer: string, examples: Examples<Example>): Output | undefined;
  /** What stands for an answer that could not be read. */
  readonly unreadable: Output;
}

export interface Task<Example, Output, Settings extends TaskSettings = TaskSettings> {
  /** As it is named on the command line. */
  readonly name: string;
  readonly title: string;
  /** One sentence: what goes in, what comes out, and by whom it was described. */
  readonly description: string;
  /** Which names a record may use for a field of an example; the field's own name is always one. */
  readonly fieldNames: Readonly<Record<string, readonly string[]>>;
  /** An example from a record whose fields have been given the names above. */
  readonly example: z.ZodType<Example>;
  /** A record that only asks: what is to be answered may be missing from it, and stands in the example as nothing. */
  readonly question: z.ZodType<Example>;
  /** Every setting with its default. */
  readonly settings: z.ZodType<Settings>;
  /** What `moat search` tries, by the setting's name. */
  readonly searchSpace: Readonly<Record<string, SearchDimension>>;
  /** Examples that are the same are looked at once: a text that stands there ten times is one text. Default false. */
  readonly leavesOutCopies?: boolean;
  /** What makes two examples alike: those alike never stand on two sides of a split. */
  textOf(example: Example): string;
  /** Examples of one group stand on one side; by near-copies of their text when absent. */
  groupOf?(example: Example): string | undefined;
  /** Examples of one name are drawn together when intervals are made, because they say less than as many that do not belong together. */
  drawnWith?(example: Example): string;
  /** Where the split is by position in time and not by chance, it is the task's own. */
  split?(examples: readonly Example[], seed: number): Sides<Example>;
  /** What is wrong with the examples as a whole, in one line; undefined when nothing is. */
  problem?(sides: Sides<Example>): string | undefined;
  fit(examples: Examples<Example>, context: TaskContext<Settings>): Promise<FittedModel<Example, Output>>;
  load(folder: string, context: TaskContext<Settings>): Promise<Predictor<Example, Output>>;
  readonly baselines: readonly Baseline<Example, Output>[];
  /** The first is the one that models are compared by. */
  readonly metrics: readonly Metric<Example, Output>[];
  /** What groups are scored by, where the first metric says nothing within one. Default: the first metric. */
  readonly sliceMetric?: Metric<Example, Output>;
  /** Groups that are scored apart: `{ label: 'pos', length: 'short' }`. */
  slices?(example: Example): Readonly<Record<string, string>>;
  show(example: Example, output: Output): ShownAnswer;
  /** Further tables of the report: a confusion matrix, a table of reliability. */
  details?(examples: readonly Example[], outputs: readonly Output[]): readonly ReportTable[];
  readonly asked?: AskedTask<Example, Output>;
  /** What must stand under every report of this task. */
  readonly notice?: string;
}

export interface Sides<Example> {
  readonly train: readonly Example[];
  readonly validation: readonly Example[];
  readonly test: readonly Example[];
}

export type SearchDimension =
  | { readonly kind: 'choice'; readonly values: readonly (number | string | boolean)[] }
  | {
      readonly kind: 'range';
      readonly low: number;
      readonly high: number;
      readonly isLog?: boolean;
      readonly isInteger?: boolean;
    };

export interface ReportTable {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

/** A task whose types nobody needs to know: what the registry holds. */
export interface AnyTask {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  /** Hands the task, with its types, to work that is the same for all. */
  use<Result>(
    work: <Example, Output, Settings extends TaskSettings>(task: Task<Example, Output, Settings>) => Result,
  ): Result;
}

/** Closes a task over its types, so that all of them fit into one registry. */
export function defineTask<Example, Output, Settings extends TaskSettings>(
  task: Task<Example, Output, Settings>,
): AnyTask {
  const { name, title, description } = task;
  return { name, title, description, use: (work) => work(task) };
}
