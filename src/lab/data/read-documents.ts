/**
 * From files to raw documents: one reader a kind of file, each a record in `READERS`. Texts come out as they stand in
 * the file; cleaning is the next stage. Memory stays at one document.
 */
import path from 'node:path';
import { systemCode } from '../../base/errors.js';
import type { Document, Dropped } from './document.js';
import { readDocComments } from './doc-comments.js';
import type { FormatReader, Passage, ReadOptions } from './format-reader.js';
import { findFiles, type FoundFile } from './find-files.js';
import { readJsonLines } from './json-lines.js';
import { splitLines } from './lines.js';
import { readPlainText } from './plain-text.js';
import { readCsv, readTsv } from './readers/delimited.js';
import { decodeFile, inspectFile, type Inspection } from './text-encoding.js';

/** A text longer than this in one line, comment or record is dropped with reason `too-long`. */
export const MAX_DOCUMENT_CHARACTERS = 1_000_000;

const READERS: readonly FormatReader[] = [
  { extensions: ['.txt', '.md', '.markdown'], read: readPlainText },
  { extensions: ['.jsonl', '.ndjson'], read: readJsonLines },
  { extensions: ['.csv'], read: readCsv },
  { extensions: ['.tsv'], read: readTsv },
  {
    extensions: ['.ts', '.mts', '.cts', '.tsx', '.js', '.mjs', '.cjs', '.jsx'],
    read: readDocComments,
  },
];

export type RawItem =
  { readonly kind: 'document'; readonly document: Document } | { readonly kind: 'dropped'; readonly dropped: Dropped };

export interface ReadDocumentsOptions extends Partial<ReadOptions> {
  readonly licence?: string | undefined;
}

/**
 * All documents of a file, folder or glob, in the order of the files' paths.
 * @throws MoatError `data-missing`, `data-empty`, `bad-jsonl`
 */
export async function* readDocuments(source: string, options: ReadDocumentsOptions = {}): AsyncGenerator<RawItem> {
  const maxCharacters = options.maxCharacters ?? MAX_DOCUMENT_CHARACTERS;
  for (const file of await findFiles(source)) yield* readFile(file, { ...options, maxCharacters });
}

async function* readFile(
  file: FoundFile,
  options: ReadOptions & { licence?: string | undefined },
): AsyncGenerator<RawItem> {
  const { origin } = file;
  const { licence, maxCharacters } = options;
  const drop = (reason: string, detail: string): RawItem => {
    return { kind: 'dropped', dropped: { id: origin, origin, reason, detail } };
  };
  if (file.isSymbolicLink) return yield drop('symbolic-link', 'symbolic links are not followed');
  const extension = path.extname(origin).toLowerCase();
  const reader = READERS.find(({ extensions }) => extensions.includes(extension));
  if (reader === undefined) {
    return yield drop('unsupported-type', `${extension === '' ? 'a file without extension' : extension} is not read`);
  }
  const inspection = await inspectReadable(file.path);
  if (inspection.kind !== 'text') return yield drop(inspection.kind, `${origin} ${inspection.detail}`);

  const lines = splitLines(decodeFile(file.path, inspection.encoding), maxCharacters);
  let position = 0;
  for await (const passage of reader.read(lines, origin, options)) {
    const id = `${origin}#${++position}`;
    if (passage.kind === 'text') {
      const document: Document = { id, text: passage.text, origin, line: passage.line };
      if (licence !== undefined) document.licence = licence;
      yield { kind: 'document', document };
    } else {
      yield { kind: 'dropped', dropped: { id, origin, ...reasonOf(passage, origin, maxCharacters) } };
    }
  }
}

function reasonOf(passage: Exclude<Passage, { kind: 'text' }>, origin: string, maxCharacters: number) {
  if (passage.kind === 'malformed') return { reason: passage.reason, detail: passage.detail };
  const detail = `${origin}:${passage.line}: ${passage.length} characters, the limit is ${maxCharacters}`;
  return { reason: 'too-long', detail };
}

async function inspectReadable(file: string): Promise<Inspection | { kind: 'unreadable'; detail: string }> {
  try {
    return await inspectFile(file);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EACCES' || code === 'EPERM') return { kind: 'unreadable', detail: 'may not be read by this user' };
    if (code === 'ENOENT') return { kind: 'unreadable', detail: 'was gone when it was its turn' };
    throw error;
  }
}
