/** What happened to a source: how much came in, what was left out and why, what is in the corpus. */
import { z } from 'zod';
import { formatBytes, formatCount } from '../../base/units.js';
import { codePoints } from './code-points.js';
import type { Document, Dropped } from './document.js';
import type { Side } from './split.js';

/** `bytes` are those of the text in UTF-8. */
const tallySchema = z.object({ documents: z.int().min(0), bytes: z.int().min(0) });

export const droppedSchema = z.object({
  id: z.string(),
  origin: z.string(),
  reason: z.string(),
  detail: z.string(),
  bytes: z.int().min(0).optional(),
  excerpt: z.string().optional(),
  copyOf: z.string().optional(),
  augmentedFrom: z.string().optional(),
});

/** The content of `report.json`. */
export const reportSchema = z.object({
  /** As given: a path or a glob. */
  source: z.string(),
  licence: z.string().optional(),
  /** Files from which at least one document was read. */
  files: z.int().min(0),
  /** Documents as read, before cleaning; whole files that were dropped are not among them. */
  read: tallySchema,
  kept: tallySchema,
  train: tallySchema,
  validation: tallySchema,
  test: tallySchema,
  /** What was masked in texts, by kind. */
  masked: z.record(z.string(), z.int().min(1)).default({}),
  /** What was kept, by language. */
  languages: z.record(z.string(), tallySchema).default({}),
  /** What was kept, by length in characters, each bin twice as wide as the one before; `from` is part of it, `to` is not. */
  lengths: z.array(z.object({ from: z.int().min(0), to: z.int().min(1), documents: z.int().min(0) })).default([]),
  /** By the first part of where a text is from: a source, a folder or a file. */
  origins: z.record(z.string(), z.object({ read: tallySchema, kept: tallySchema })).default({}),
  /** What was kept, by licence; `unknown` where nobody said. */
  licences: z.record(z.string(), tallySchema).default({}),
  /** By reason, most frequent first, each with the first few to look at. */
  dropped: z.record(
    z.string(),
    z.object({ documents: z.int().min(1), bytes: z.int().min(0).default(0), examples: z.array(droppedSchema) }),
  ),
  validationFraction: z.number(),
  testFraction: z.number(),
  seed: z.number(),
});

export type Tally = z.infer<typeof tallySchema>;
export type DataReport = z.infer<typeof reportSchema>;

const MAX_EXAMPLES = 3;
/** Of more, the rest is told together. */
const MAX_ORIGINS = 50;
const MAX_LICENCES = 50;
const OTHERS = '…';

/** Collects the report while documents pass. */
export function createReport(
  settings: Pick<DataReport, 'source' | 'licence' | 'validationFraction' | 'testFraction' | 'seed'>,
) {
  const report: DataReport = {
    ...settings,
    files: 0,
    read: none(),
    kept: none(),
    train: none(),
    validation: none(),
    test: none(),
    masked: {},
    languages: {},
    lengths: [],
    origins: {},
    licences: {},
    dropped: {},
  };
  const originOf = (origin: string) => {
    const [first = origin] = origin.split('/', 1);
    const name = first in report.origins || Object.keys(report.origins).length < MAX_ORIGINS ? first : OTHERS;
    return (report.origins[name] ??= { read: none(), kept: none() });
  };
  let lastOrigin: string | undefined;
  /** Documents by the number of binary digits of their length. */
  const byDigits: number[] = [];
  return {
    read(origin: string, text: string): void {
      if (origin !== lastOrigin) report.files++;
      lastOrigin = origin;
      add(report.read, text);
      add(originOf(origin).read, text);
    },
    kept(side: Side, { text, origin, licence = 'unknown', language = 'und' }: Omit<Document, 'id'>): void {
      add(report.kept, text);
      add(originOf(origin).kept, text);
      const known = licence in report.licences || Object.keys(report.licences).length < MAX_LICENCES;
      add((report.licences[known ? licence : OTHERS] ??= none()), text);
      add((report.languages[language] ??= none()), text);
      add(report[side], text);
      const digits = 32 - Math.clz32(codePoints(text));
      byDigits[digits] = (byDigits[digits] ?? 0) + 1;
    },
    masked(counts: Readonly<Record<string, number>>): void {
      for (const [kind, count] of Object.entries(counts)) report.masked[kind] = (report.masked[kind] ?? 0) + count;
    },
    dropped(dropped: Dropped): void {
      const tally = (report.dropped[dropped.reason] ??= { documents: 0, bytes: 0, examples: [] });
      tally.documents++;
      tally.bytes += dropped.bytes ?? 0;
      if (tally.examples.length < MAX_EXAMPLES) tally.examples.push(dropped);
    },
    finish(): DataReport {
      const byCount = Object.entries(report.dropped).sort(([, a], [, b]) => b.documents - a.documents);
      const byBytes = Object.entries(report.languages).sort(([, a], [, b]) => b.bytes - a.bytes);
      return {
        ...report,
        dropped: Object.fromEntries(byCount),
        languages: Object.fromEntries(byBytes),
        lengths: lengthBins(byDigits),
      };
    },
  };
}

/** From the shortest to the longest; empty bins between are told. @param byDigits documents by the number of binary digits of their length */
export function lengthBins(byDigits: readonly number[]): DataReport['lengths'] {
  const bins = Array.from(byDigits, (documents = 0, digits) => ({
    from: digits === 0 ? 0 : 2 ** (digits - 1),
    to: 2 ** digits,
    documents,
  }));
  return bins.slice(
    Math.max(
      0,
      bins.findIndex(({ documents }) => documents > 0),
    ),
  );
}

function none(): Tally {
  return { documents: 0, bytes: 0 };
}

function add(tally: Tally, text: string): void {
  tally.documents++;
  tally.bytes += Buffer.byteLength(text);
}

export type ReportBuilder = ReturnType<typeof createReport>;

const formatShare = (part: number, whole: number): string => `${((100 * part) / Math.max(1, whole)).toFixed(1)} %`;

const MAX_LANGUAGES_SHOWN = 8;

function languageLines({ languages, kept }: DataReport): string[] {
  const all = Object.entries(languages);
  if (all.length === 0) return [];
  const shown = all.slice(0, MAX_LANGUAGES_SHOWN).map(([tag, { bytes }]) => `${tag} ${formatShare(bytes, kept.bytes)}`);
  const rest = all.length > shown.length ? [`${all.length - shown.length} more`] : [];
  return [`  languages ${[...shown, ...rest].join(', ')}`];
}

/** The report as lines for a terminal, without colour. */
export function renderDataReport(report: DataReport): string[] {
  const describe = ({ documents, bytes }: Tally): string =>
    `${formatCount(documents)} documents, ${formatBytes(bytes)}`;
  const dropped = Object.entries(report.dropped);
  const lines = [
    `source    ${report.source}${report.licence === undefined ? '' : ` (licence: ${report.licence})`}`,
    `read      ${describe(report.read)} from ${formatCount(report.files)} files`,
    `kept      ${describe(report.kept)}`,
    `  train       ${describe(report.train)}`,
    `  validation  ${describe(report.validation)}`,
    `  test        ${describe(report.test)}`,
    ...languageLines(report),
  ];
  const masked = Object.entries(report.masked).map(([kind, count]) => `${formatCount(count)} ${kind}`);
  if (masked.length > 0) lines.push(`masked    ${masked.join(', ')}`);
  for (const [reason, { documents, bytes, examples }] of dropped) {
    const [example] = examples;
    const shown = example === undefined ? '' : `  e.g. ${example.id}: ${example.detail}`;
    const size =
      bytes === 0 ? '' : ` (${formatBytes(bytes)}, ${formatShare(bytes, report.read.bytes)} of what was read)`;
    lines.push(`dropped   ${formatCount(documents)} ${reason}${size}${shown}`);
  }
  return lines;
}
