import { availableParallelism } from 'node:os';
import { createCopyFilter } from './clean-copies.js';
import { type Examined, type ExaminationSettings, createExaminer } from './clean-document.js';
import { type CleanThreads, openCleanThreads } from './clean-threads.js';
import { type NamedTestSet, createContaminationIndex } from './contamination.js';
import type { Document, Dropped } from './document.js';
import type { RawItem } from './read-documents.js';
import type { ReportBuilder } from './report.js';

export interface CleaningSettings extends ExaminationSettings {
  /** Texts at least this alike to one before are left out; 0 leaves them in. */
  readonly nearDuplicates: number;
  /** Test sets whose n-grams must not be trained on. */
  readonly testSets: readonly NamedTestSet[];
  /** Passages of so many characters that stood before are cut; 0 leaves them. */
  readonly repeatedPassages: number;
}

export interface CleanDocument {
  readonly document: Document;
  /** The same number for texts that share much: they belong on the same side of a split. */
  readonly cluster: number;
}

export interface CleaningThreads {
  /** Threads beside the calling one; 0 does everything there. Default: one a core, where there are several. */
  readonly threads?: number;
  /** Characters that the calling thread examines before others are started. Default 2 million. */
  readonly charactersBefore?: number;
}

/** What is handed to a thread at once. */
const BATCH_CHARACTERS = 262_144;
/** Starting a thread takes as long as cleaning about half a megabyte. */
const CHARACTERS_BEFORE = 2_000_000;
const MAX_THREADS = 16;
/** Batches a thread has or is given next: while it works on one, the other waits. */
const BATCHES_PER_THREAD = 2;

/** Clean, unique documents, the same ones with any number of threads; what is left out goes to `drop`, a copy with its text. */
export async function* cleanDocuments(
  items: AsyncIterable<RawItem>,
  settings: CleaningSettings,
  report: ReportBuilder,
  drop: (dropped: Dropped, text?: string) => Promise<void>,
  options: CleaningThreads = {},
): AsyncGenerator<CleanDocument> {
  const copies = createCopyFilter({ ...settings, minCharacters: Math.max(1, settings.thresholds['too-short'] ?? 1) });
  for await (const batch of examineAll(items, settings, options)) {
    for (const examined of batch) {
      const result = copies(examined);
      if (result.kind === 'dropped') {
        await drop(result.dropped, examined.kind === 'clean' ? examined.document.text : undefined);
        continue;
      }
      report.masked(result.masked);
      yield { document: result.document, cluster: result.cluster };
    }
  }
}

/** Batches in the order of the documents: the first ones here, the others in threads, which end with the loop. */
async function* examineAll(
  items: AsyncIterable<RawItem>,
  { testSets, ...settings }: CleaningSettings,
  options: CleaningThreads,
): AsyncGenerator<readonly Examined[]> {
  const { threads = defaultThreads(), charactersBefore = CHARACTERS_BEFORE } = options;
  const contamination = testSets.length === 0 ? undefined : createContaminationIndex(testSets);
  const examine = createExaminer(settings, contamination);
  const pending: Promise<readonly Examined[]>[] = [];
  let pool: CleanThreads | undefined;
  let charactersSeen = 0;
  try {
    for await (const { batch, characters } of batchesOf(items)) {
      charactersSeen += characters;
      if (threads === 0 || charactersSeen <= charactersBefore) {
        yield batch.map(examine);
        continue;
      }
      pool ??= openCleanThreads(threads, { settings, testSets });
      const answer = pool.examine(batch);
      // a failure is thrown when it is this batch's turn, and must not end the process before
      answer.catch(() => undefined);
      pending.push(answer);
      const [first] = pending;
      if (first === undefined || pending.length < BATCHES_PER_THREAD * threads) continue;
      pending.shift();
      yield await first;
    }
    for (const answer of pending) yield await answer;
  } finally {
    await pool?.close();
  }
}

/** None where one core does all. */
function defaultThreads(): number {
  const cores = availableParallelism();
  return cores === 1 ? 0 : Math.min(cores, MAX_THREADS);
}

interface Batch {
  readonly batch: readonly RawItem[];
  readonly characters: number;
}

async function* batchesOf(items: AsyncIterable<RawItem>): AsyncGenerator<Batch> {
  let batch: RawItem[] = [];
  let characters = 0;
  for await (const item of items) {
    batch.push(item);
    // what has no text counts too, or a folder of refused files would be one batch
    characters += item.kind === 'document' ? item.document.text.length + ITEM_CHARACTERS : ITEM_CHARACTERS;
    if (characters < BATCH_CHARACTERS) continue;
    yield { batch, characters };
    batch = [];
    characters = 0;
  }
  if (batch.length > 0) yield { batch, characters };
}

/** About what the fields of an item take beside its text. */
const ITEM_CHARACTERS = 128;
