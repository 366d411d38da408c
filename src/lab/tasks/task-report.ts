/** What a run of a task found out, as it is written to `report.json`: no place on this machine, no secret. */
import type { ItemScores } from './item-scores.js';
import type { LeftOut } from './read-examples.js';
import type { Comparison, Score } from './score.js';
import type { ReportTable, ShownAnswer, TaskSettings } from './task.js';

export interface DataFacts {
  readonly files: readonly { readonly file: string; readonly sizeBytes: number; readonly sha256: string }[];
  readonly records: number;
  readonly leftOut: LeftOut;
  /** Examples left out because they stood there before. */
  readonly sameTwice: number;
  /** Training examples left out because they also stand in the test, or nearly so. */
  readonly removedCopies: number;
  /** Of a model that was fitted before: records it was trained on, which measure its memory. */
  readonly alsoTrainedOn?: number;
  readonly train: number;
  readonly validation: number;
  readonly test: number;
}

export interface ScoredPeer {
  readonly name: string;
  readonly kind: 'baseline' | 'peer';
  /** To fit it and to have its answers. */
  readonly seconds: number;
  readonly scores: readonly Score[];
  readonly comparison: Comparison;
}

export interface SliceScore {
  /** `label: pos`. */
  readonly name: string;
  readonly count: number;
  readonly score: Score;
}

export interface TaskReport {
  readonly schemaVersion: 1;
  /** Of the model, as its founder calls it. */
  readonly name: string;
  readonly task: { readonly name: string; readonly title: string; readonly notice?: string };
  readonly data: DataFacts;
  readonly model: {
    readonly base: string | undefined;
    readonly settings: TaskSettings;
    readonly seed: number;
    readonly facts: Readonly<Record<string, string | number>>;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly time: { readonly fitSeconds: number; readonly predictSeconds: number };
  readonly trainedTokens: number | undefined;
  /** Of fitting and answering, at the project's price of an hour. */
  readonly cost: { readonly micros: string; readonly currency: string; readonly hourlyMicros: string };
  readonly scores: readonly Score[];
  /** Baselines and other models on the same test. */
  readonly peers: readonly ScoredPeer[];
  readonly slices: readonly SliceScore[];
  readonly worst: readonly (ShownAnswer & { readonly place: string | undefined })[];
  readonly tables: readonly ReportTable[];
  /** What each example of the test scored; reports of before have none. */
  readonly items?: ItemScores;
}

/** A score as people write it: `0.912 (0.897–0.925)`. */
export function formatScore({ value, low, high }: Pick<Score, 'value' | 'low' | 'high'>): string {
  if (Number.isNaN(value)) return 'undefined here';
  const digits = Math.abs(value) >= 10 ? 2 : 3;
  return `${value.toFixed(digits)} (${low.toFixed(digits)}–${high.toFixed(digits)})`;
}
