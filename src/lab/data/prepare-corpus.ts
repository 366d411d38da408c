/**
 * The data stage: source → readers → cleaning, copies included → split → corpus folder, report and passport. Everything
 * streams; memory holds a few batches of documents, and some 250 bytes a document kept to know its copies by.
 */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { AUGMENTED } from './clean-copies.js';
import { type CleaningSettings, cleanDocuments } from './clean-corpus.js';
import type { NamedTestSet } from './contamination.js';
import { type CorpusFacts, type CorpusWriter, writeCorpus } from './corpus.js';
import { type CorpusSource, hashSources, readSources } from './corpus-sources.js';
import type { Document, Dropped } from './document.js';
import { FILTERS } from './filters.js';
import { type Passport, hashSource } from './passport.js';
import type { PiiPolicy } from './pii.js';
import { type QualitySet, qualityRules } from './quality.js';
import { type RawItem, type ReadDocumentsOptions, readDocuments, removeLeftovers } from './read-documents.js';
import { createDuplicateCollector } from './duplicate-groups.js';
import { createReport, type DataReport, type ReportBuilder } from './report.js';
import { decideLicence, type LicenceDecision, type LicencePolicy } from './sources/licence-policy.js';
import { splitDocuments } from './split.js';

export interface PrepareOptions {
  /** A file, a folder or a glob, or several. */
  readonly source: string | readonly CorpusSource[];
  /** SPDX identifier of everything in a single source, when it is known. */
  readonly licence?: string | undefined;
  /** Which licences may be trained on. Default: any, and none. */
  readonly licences?: LicencePolicy;
  /** Replaces thresholds of `FILTERS` by name, e.g. `{ 'too-short': 32 }`. */
  readonly thresholds?: Readonly<Record<string, number>>;
  /** Texts at least this alike to one before (0 to 1) are left out; 0 leaves them in. Default 0.7, near FineWeb's 0.72. */
  readonly nearDuplicates?: number;
  /** Passages of at least so many characters that stood in an earlier text are cut, 50 or more; 0 leaves them. Default 0. */
  readonly repeatedPassages?: number;
  /** What happens to addresses, numbers and keys of persons in a text. Default `mask`. */
  readonly personalData?: PiiPolicy;
  /** Tags of languages to keep, such as `en` and `zh-Hans`; what is written in another, or in none that can be told, is left out. */
  readonly languages?: readonly string[] | undefined;
  /** Which published rules of quality are held to. Default `basic`. */
  readonly quality?: QualitySet;
  /** A file, a folder or a glob with the texts of tests: what shares 13 words in a row with one is left out. */
  readonly testSets?: string | undefined;
  /** The field of a record that holds its text, where records have none of the usual names. */
  readonly textField?: string | undefined;
  /** The format of every text, by name, where it is taken for another. */
  readonly format?: string | undefined;
  /** Refuse a file with a broken line instead of leaving the line out. Default false. */
  readonly strict?: boolean;
  /** Shares kept away from training, in (0, 1). Defaults 0.02 and 0.05. */
  readonly validationFraction?: number;
  readonly testFraction?: number;
  /** Default 1. */
  readonly seed?: number;
  /** Called with the passport before the corpus takes its place; what it throws leaves the earlier one. */
  readonly check?: (passport: Passport) => void;
  /** Called now and then with the number of documents read so far. */
  readonly onProgress?: (documentsRead: number) => void;
}

const PROGRESS_EVERY = 500;
const VALIDATION = 0.02;
const TEST = 0.05;
const MAX_LICENCES_REMEMBERED = 10_000;

/**
 * Makes the corpus folder; when anything fails, a corpus that was there before is untouched.
 * @throws MoatError `data-missing`, `data-empty`, `data-unreadable`, `bad-jsonl`, `nothing-kept`, `corpus-too-small`,
 *   `disk-full`
 */
export async function prepareCorpus(folder: string, options: PrepareOptions): Promise<DataReport> {
  const { validationFraction = VALIDATION, testFraction = TEST, seed = 1 } = options;
  const sources = sourcesOf(options);
  const source = sources.map(({ name, path }) => (name === '' ? path : name)).join(', ');
  const licence = commonLicence(sources);
  const report = createReport({ source, licence, validationFraction, testFraction, seed });
  const duplicates = createDuplicateCollector();
  const drop = async (writer: CorpusWriter, dropped: Dropped, text?: string): Promise<void> => {
    report.dropped(dropped);
    if (text !== undefined) duplicates.add(dropped, text);
    await writer.drop(dropped);
  };
  const fractions = { validation: validationFraction, test: testFraction };
  await removeLeftovers(path.dirname(folder));
  const reading: ReadDocumentsOptions = { ...readingOf(options), scratchFolder: path.dirname(folder) };
  const files = await hashSources(sources);
  const settings = await cleaningOf(options);
  const fill = async (writer: CorpusWriter): Promise<CorpusFacts> => {
    const raw = countRead(readSources(sources, reading), report, options.onProgress);
    const licensed = checkLicences(raw, options.licences ?? {});
    const clean = cleanDocuments(licensed, settings, report, (...dropped) => drop(writer, ...dropped));
    const something = failWhenNone(clean, () => nothingKept(source, report.finish()));
    for await (const { document, side } of splitDocuments(something, fractions, seed)) {
      const copy = side === 'train' ? undefined : copyToMeasure(document);
      if (copy !== undefined) {
        await drop(writer, copy);
        continue;
      }
      report.kept(side, document);
      await writer.keep(document, side);
    }
    const named = sources.filter(({ name }) => name !== '').map((each) => ({ name: each.name, licence: each.licence }));
    const inputs = { licence, sources: named, files, settings: await settingsOf(options, settings) };
    return { report: report.finish(), inputs };
  };
  return writeCorpus(folder, fill, { check: options.check, finish: (written) => duplicates.write(written) });
}

/** Nothing is measured on changed copies: undefined for any other document. */
function copyToMeasure({ id, origin, text, augmentedFrom }: Document): Dropped | undefined {
  if (augmentedFrom === undefined) return undefined;
  const detail = `is a changed copy of ${augmentedFrom}, which measures the model`;
  return { id, origin, reason: AUGMENTED, detail, bytes: Buffer.byteLength(text) };
}

const sourcesOf = ({ source, licence }: PrepareOptions): readonly CorpusSource[] =>
  typeof source === 'string' ? [{ path: source, name: '', licence }] : source;

/** The licence of all sources, if they have one in common. */
function commonLicence(sources: readonly CorpusSource[]): string | undefined {
  const [first, ...others] = sources.map(({ licence }) => licence);
  return others.every((licence) => licence === first) ? first : undefined;
}

const readingOf = ({ textField, format, strict }: PrepareOptions): ReadDocumentsOptions => ({
  textField,
  format,
  ...(strict === undefined ? {} : { strict }),
});

async function cleaningOf(options: PrepareOptions): Promise<CleaningSettings> {
  const { thresholds = {}, languages, testSets } = options;
  const { personalData = 'mask', quality = 'basic', nearDuplicates = 0.7, repeatedPassages = 0 } = options;
  const tests = testSets === undefined ? [] : await testSetsIn(testSets, readingOf(options));
  return { thresholds, languages, personalData, quality, nearDuplicates, repeatedPassages, testSets: tests };
}

/** Whatever decides what is kept, under the names a founder gives it. */
async function settingsOf(options: PrepareOptions, cleaning: CleaningSettings): Promise<Passport['settings']> {
  const { thresholds, personalData, quality, nearDuplicates, repeatedPassages, languages } = cleaning;
  const rules = [...FILTERS, ...qualityRules(quality)];
  const tests = options.testSets === undefined ? [] : await hashSource(options.testSets);
  return {
    ...Object.fromEntries(rules.map(({ name, threshold }) => [name, thresholds[name] ?? threshold])),
    personalData,
    quality,
    nearDuplicates,
    repeatedPassages,
    languages: [...(languages ?? [])],
    testSets: tests.map(({ origin, sha256 }) => `${origin} ${sha256}`),
    textField: options.textField ?? '',
    format: options.format ?? '',
    allowLicences: [...(options.licences?.allow ?? [])],
    denyLicences: [...(options.licences?.deny ?? [])],
    validationFraction: options.validationFraction ?? VALIDATION,
    testFraction: options.testFraction ?? TEST,
    seed: options.seed ?? 1,
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

/** Documents whose licence the policy refuses are dropped before anything else is done with them. */
async function* checkLicences(items: AsyncIterable<RawItem>, policy: LicencePolicy): AsyncGenerator<RawItem> {
  const decisions = new Map<string | undefined, LicenceDecision>();
  for await (const item of items) {
    if (item.kind === 'dropped') {
      yield item;
      continue;
    }
    const { id, origin, text, licence } = item.document;
    const decision = decisions.get(licence) ?? decideLicence(licence, policy);
    // records name their licence: a file could name a million
    if (decisions.size < MAX_LICENCES_REMEMBERED) decisions.set(licence, decision);
    if (decision.isAllowed) yield item;
    else {
      const bytes = Buffer.byteLength(text);
      yield { kind: 'dropped', dropped: { id, origin, reason: 'licence', detail: decision.why, bytes } };
    }
  }
}

/** The texts that nothing may be trained on, a test set a file. */
async function testSetsIn(source: string, reading: ReadDocumentsOptions): Promise<readonly NamedTestSet[]> {
  const texts = new Map<string, string[]>();
  for await (const item of readDocuments(source, reading)) {
    if (item.kind !== 'document') continue;
    const { origin, text } = item.document;
    texts.set(origin, [...(texts.get(origin) ?? []), text]);
  }
  return [...texts].map(([name, list]) => ({ name, texts: list }));
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
