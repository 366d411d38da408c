/**
 * The data stage: source → readers → filters → duplicates, exact and near → split → corpus folder and report. Everything
 * streams; memory holds one document, and some 400 bytes a document kept to know its copies by.
 */
import { MoatError } from '../../base/errors.js';
import { type CorpusFacts, type CorpusWriter, writeCorpus } from './corpus.js';
import type { Document, Dropped } from './document.js';
import { type DuplicateIndex, createDuplicateIndex } from './exact-duplicates.js';
import { FILTERS, applyFilters } from './filters.js';
import { identifyLanguage } from './language.js';
import { type NearDuplicateIndex, createNearDuplicateIndex } from './min-hash.js';
import { type Passport, hashSource } from './passport.js';
import { type PersonalDataPolicy, findPersonalData, maskPersonalData } from './personal-data.js';
import { type RawItem, readDocuments } from './read-documents.js';
import { createReport, type DataReport, type ReportBuilder } from './report.js';
import { splitDocuments } from './split.js';

export interface PrepareOptions {
  /** A file, a folder or a glob. */
  readonly source: string;
  /** SPDX identifier of everything in the source, when it is known. */
  readonly licence?: string | undefined;
  /** Replaces thresholds of `FILTERS` by name, e.g. `{ 'too-short': 32 }`. */
  readonly thresholds?: Readonly<Record<string, number>>;
  /** Texts at least this alike to one before (0 to 1) are left out; 0 leaves them in. Default 0.7, near FineWeb's 0.72. */
  readonly nearDuplicates?: number;
  /** What happens to addresses, numbers and keys of persons in a text. Default `mask`. */
  readonly personalData?: PersonalDataPolicy;
  /** Tags of languages to keep, such as `en` and `zh-Hans`; what is written in another, or in none that can be told, is left out. */
  readonly languages?: readonly string[] | undefined;
  /** In (0, 1). Default 0.05. */
  readonly heldOutFraction?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Called with the passport before the corpus takes its place; what it throws leaves the earlier one. */
  readonly check?: (passport: Passport) => void;
  /** Called now and then with the number of documents read so far. */
  readonly onProgress?: (documentsRead: number) => void;
}

const PROGRESS_EVERY = 500;
const NEAR_DUPLICATES = 0.7;
const HELD_OUT = 0.05;
const PERSONAL_DATA: PersonalDataPolicy = 'mask';

/**
 * Makes the corpus folder; when anything fails, a corpus that was there before is untouched.
 * @throws MoatError `data-missing`, `data-empty`, `data-unreadable`, `bad-jsonl`, `nothing-kept`, `corpus-too-small`,
 *   `disk-full`
 */
export async function prepareCorpus(folder: string, options: PrepareOptions): Promise<DataReport> {
  const { source, licence, heldOutFraction = HELD_OUT, seed = 1 } = options;
  const report = createReport({ source, licence, heldOutFraction, seed });
  const drop = async (writer: CorpusWriter, dropped: Dropped): Promise<void> => {
    report.dropped(dropped);
    await writer.drop(dropped);
  };
  const files = await hashSource(source);
  const fill = async (writer: CorpusWriter): Promise<CorpusFacts> => {
    const raw = countRead(readDocuments(source, { licence }), report, options.onProgress);
    const clean = cleanDocuments(raw, options, report, (dropped) => drop(writer, dropped));
    const something = failWhenNone(clean, () => nothingKept(source, report.finish()));
    for await (const { document, side } of splitDocuments(something, heldOutFraction, seed)) {
      report.kept(side, document);
      await writer.keep(document, side);
    }
    return { report: report.finish(), inputs: { licence, files, settings: settingsOf(options) } };
  };
  return writeCorpus(folder, fill, { check: options.check });
}

/** Whatever decides what is kept, under the names a founder gives it. */
function settingsOf(options: PrepareOptions): Passport['settings'] {
  const { thresholds = {}, nearDuplicates, languages, personalData, heldOutFraction, seed } = options;
  return {
    ...Object.fromEntries(FILTERS.map(({ name, threshold }) => [name, thresholds[name] ?? threshold])),
    nearDuplicates: nearDuplicates ?? NEAR_DUPLICATES,
    personalData: personalData ?? PERSONAL_DATA,
    languages: [...(languages ?? [])],
    heldOutFraction: heldOutFraction ?? HELD_OUT,
    seed: seed ?? 1,
  };
}

async function* countRead(
  items: AsyncIterable<RawItem>,
  report: ReportBuilder,
  onProgress: ((documentsRead: number) => void) | undefined,
): AsyncGenerator<RawItem> {
  let documentsRead = 0;
  for await (const item of items) {
    if (item.kind === 'document') {
      report.read(item.document.origin, item.document.text);
      if (++documentsRead % PROGRESS_EVERY === 0) onProgress?.(documentsRead);
    }
    yield item;
  }
  onProgress?.(documentsRead);
}

/** Clean, unique documents; what is left out goes to `drop`. */
async function* cleanDocuments(
  items: AsyncIterable<RawItem>,
  options: PrepareOptions,
  report: ReportBuilder,
  drop: (dropped: Dropped) => Promise<void>,
): AsyncGenerator<Document> {
  const { thresholds, nearDuplicates = NEAR_DUPLICATES, languages, personalData = PERSONAL_DATA } = options;
  const duplicates = createDuplicateIndex();
  const near = nearDuplicates > 0 ? createNearDuplicateIndex(nearDuplicates) : undefined;
  for await (const item of items) {
    if (item.kind === 'dropped') {
      await drop(item.dropped);
      continue;
    }
    const { id, origin } = item.document;
    const filtered = applyFilters(item.document.text, thresholds);
    if (filtered.kind === 'dropped') {
      const { reason, detail } = filtered;
      await drop({ id, origin, reason, detail, ...traceOf(item.document.text) });
      continue;
    }
    const personal = personalData === 'keep' ? [] : findPersonalData(filtered.text);
    if (personalData === 'drop' && personal.length > 0) {
      const kinds = [...new Set(personal.map(({ kind }) => kind))].join(', ');
      await drop({
        id,
        origin,
        reason: 'personal-data',
        detail: `holds ${kinds}`,
        bytes: Buffer.byteLength(filtered.text),
      });
      continue;
    }
    report.masked(personal);
    const text = personal.length === 0 ? filtered.text : maskPersonalData(filtered.text, personal);
    const { language } = identifyLanguage(text);
    if (languages !== undefined && !languages.includes(language)) {
      const detail = `is ${language}, wanted are ${languages.join(', ')}`;
      await drop({ id, origin, reason: 'language', detail, ...traceOf(text) });
      continue;
    }
    const copy = copyOf(text, id, duplicates, near);
    if (copy === undefined) yield { ...item.document, text, language };
    else await drop({ id, origin, ...copy, ...traceOf(text) });
  }
}

const EXCERPT_CHARACTERS = 160;

/** What is kept of a text that is left out: enough to know it again. */
function traceOf(text: string): Pick<Dropped, 'bytes' | 'excerpt'> {
  return {
    bytes: Buffer.byteLength(text),
    excerpt: Array.from(text.slice(0, 2 * EXCERPT_CHARACTERS))
      .slice(0, EXCERPT_CHARACTERS)
      .join(''),
  };
}

/** Why a text is a copy of one before, or undefined. */
function copyOf(
  text: string,
  id: string,
  exact: DuplicateIndex,
  near: NearDuplicateIndex | undefined,
): Pick<Dropped, 'reason' | 'detail'> | undefined {
  const first = exact.firstWith(text, id);
  if (first !== undefined) return { reason: 'exact-duplicate', detail: `is the same text as ${first}` };
  const alike = near?.findOrKeep(text, id);
  if (alike === undefined) return undefined;
  const share = Math.round(alike.similarity * 100);
  return { reason: 'near-duplicate', detail: `shares ${share} % of its 5-grams with ${alike.id}` };
}

async function* failWhenNone<T>(items: AsyncIterable<T>, explain: () => MoatError): AsyncGenerator<T> {
  let isEmpty = true;
  for await (const item of items) {
    isEmpty = false;
    yield item;
  }
  if (isEmpty) throw explain();
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
