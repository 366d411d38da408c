/**
 * The data stage: source → readers → filters → exact duplicates → split → corpus folder and report. Everything streams;
 * memory holds one document and one hash a document.
 */
import { MoatError } from '../../base/errors.js';
import { type CorpusEntry, writeCorpus } from './corpus.js';
import type { Document, Dropped } from './document.js';
import { createDuplicateIndex } from './exact-duplicates.js';
import { applyFilters } from './filters.js';
import { readDocuments } from './read-documents.js';
import { createReport, type DataReport } from './report.js';
import { splitDocuments } from './split.js';

export interface PrepareOptions {
  /** A file, a folder or a glob. */
  readonly source: string;
  /** SPDX identifier of everything in the source, when it is known. */
  readonly licence?: string | undefined;
  /** Replaces thresholds of `FILTERS` by name, e.g. `{ 'too-short': 32 }`. */
  readonly thresholds?: Readonly<Record<string, number>>;
  /** In (0, 1). Default 0.05. */
  readonly heldOutFraction?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Called now and then with the number of documents read so far. */
  readonly onProgress?: (documentsRead: number) => void;
}

const PROGRESS_EVERY = 500;

type Sink = (dropped: Dropped) => void;

/**
 * Makes the corpus folder; when anything fails, a corpus that was there before is untouched.
 * @throws MoatError `data-missing`, `data-empty`, `bad-jsonl`, `nothing-kept`, `corpus-too-small`, `disk-full`
 */
export async function prepareCorpus(folder: string, options: PrepareOptions): Promise<DataReport> {
  const { source, licence, heldOutFraction = 0.05, seed = 1 } = options;
  const report = createReport({ source, licence, heldOutFraction, seed });
  const entries = async function* (): AsyncGenerator<CorpusEntry> {
    let droppedNow: Dropped[] = [];
    let keptCount = 0;
    const kept = countThrough(
      cleanDocuments(options, report, (dropped) => droppedNow.push(dropped)),
      () => keptCount++,
    );
    const drain = function* (): Generator<CorpusEntry> {
      for (const dropped of droppedNow) yield { kind: 'dropped', dropped };
      droppedNow = [];
    };
    try {
      for await (const { document, side } of splitDocuments(kept, heldOutFraction, seed)) {
        report.kept(side, document.text);
        yield* drain();
        yield { kind: 'document', document, side };
      }
    } catch (error) {
      if (keptCount === 0 && error instanceof MoatError && error.code === 'corpus-too-small') {
        throw nothingKept(source, report.finish());
      }
      throw error;
    }
    yield* drain();
  };
  return writeCorpus(folder, entries(), () => report.finish());
}

async function* countThrough<T>(items: AsyncIterable<T>, count: () => void): AsyncGenerator<T> {
  for await (const item of items) {
    count();
    yield item;
  }
}

/** Clean, unique documents; what is left out goes to `report` and `sink`. */
async function* cleanDocuments(
  options: PrepareOptions,
  report: ReturnType<typeof createReport>,
  sink: Sink,
): AsyncGenerator<Document> {
  const duplicates = createDuplicateIndex();
  const drop = (dropped: Dropped): void => {
    report.dropped(dropped);
    sink(dropped);
  };
  let documentsRead = 0;
  for await (const item of readDocuments(options.source, { licence: options.licence })) {
    if (item.kind === 'dropped') {
      drop(item.dropped);
      continue;
    }
    const { document } = item;
    const { id, origin } = document;
    report.read(origin, document.text);
    if (++documentsRead % PROGRESS_EVERY === 0) options.onProgress?.(documentsRead);
    const filtered = applyFilters(document.text, options.thresholds);
    if (filtered.kind === 'dropped') {
      drop({ id, origin, reason: filtered.reason, detail: filtered.detail });
      continue;
    }
    const first = duplicates.firstWith(filtered.text, id);
    if (first === undefined) yield { ...document, text: filtered.text };
    else drop({ id, origin, reason: 'exact-duplicate', detail: `is the same text as ${first}` });
  }
  options.onProgress?.(documentsRead);
}

function nothingKept(source: string, report: DataReport): MoatError {
  const reasons = Object.entries(report.dropped).map(([reason, tally]) => {
    return `${tally.documents} ${reason} (${tally.examples[0]?.detail ?? ''})`;
  });
  return new MoatError(
    'nothing-kept',
    `${source}: no usable document: ${reasons.join('; ') || 'the files hold no text'}`,
    {
      fix: 'Give text in .txt, .md, .jsonl or source files, UTF-8, and look at the reasons above.',
    },
  );
}
