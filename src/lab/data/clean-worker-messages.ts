import type { Examined, ExaminationSettings } from './clean-document.js';
import type { NamedTestSet } from './contamination.js';
import type { RawItem } from './read-documents.js';

/** What a cleaning thread is started with. */
export interface CleanWorkerStart {
  readonly settings: ExaminationSettings;
  /** Each thread makes an index of its own. */
  readonly testSets: readonly NamedTestSet[];
}

/** Batches are answered in the order they are sent. */
export type ToCleanWorker = readonly RawItem[];

export type FromCleanWorker =
  | { readonly kind: 'examined'; readonly batch: readonly Examined[] }
  | { readonly kind: 'failed'; readonly error: unknown };
