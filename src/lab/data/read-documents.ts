/**
 * From files to raw documents: each file is taken for what its content says, archives are unpacked on the way. Texts come
 * out as they stand in the file; cleaning is the next stage. Memory stays at one document.
 */
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { MoatError, systemCode } from '../../base/errors.js';
import { ContainerError } from './containers/container.js';
import { UNPACK_LIMITS, type UnpackBudget, type UnpackLimits, unpack } from './containers/unpack.js';
import { type Detected, detectFormat } from './detect-format.js';
import type { Document, Dropped } from './document.js';
import { findFiles, type FoundFile } from './find-files.js';
import { FORMAT_NAMES, TEXT_FORMATS } from './formats.js';
import type { OpenedFile, OpenedText, Passage, ReadOptions, TextFormat } from './format-reader.js';
import { splitLines } from './lines.js';
import { decodeFile } from './text-encoding.js';

/** A text longer than this in one line, comment or record is dropped with reason `too-long`. */
export const MAX_DOCUMENT_CHARACTERS = 1_000_000;

export type RawItem =
  { readonly kind: 'document'; readonly document: Document } | { readonly kind: 'dropped'; readonly dropped: Dropped };

export interface ReadDocumentsOptions extends Partial<ReadOptions> {
  readonly licence?: string | undefined;
  /** The format of every text, by name, in place of what it looks like. */
  readonly format?: string | undefined;
  /** Where archives are unpacked, a file at a time. Default: a folder of its own under the system's temporary one. */
  readonly scratchFolder?: string | undefined;
  readonly unpackLimits?: UnpackLimits;
}

interface Reading extends ReadOptions {
  readonly licence: string | undefined;
  readonly format: TextFormat | undefined;
  readonly scratch: () => Promise<string>;
  readonly limits: UnpackLimits;
}

/**
 * All documents of a file, folder or glob, in the order of the files' paths.
 * @throws MoatError `data-missing`, `data-empty`, `unknown-format`, and what the formats throw
 */
export async function* readDocuments(source: string, options: ReadDocumentsOptions = {}): AsyncGenerator<RawItem> {
  let scratch: string | undefined;
  const reading: Reading = {
    ...options,
    maxCharacters: options.maxCharacters ?? MAX_DOCUMENT_CHARACTERS,
    licence: options.licence,
    format: formatNamed(options.format),
    scratch: async () => (scratch ??= await makeScratch(options.scratchFolder ?? tmpdir())),
    limits: options.unpackLimits ?? UNPACK_LIMITS,
  };
  try {
    for (const file of await findFiles(source)) yield* readFound(file, reading);
  } finally {
    if (scratch !== undefined) await rm(scratch, { recursive: true, force: true });
  }
}

const SCRATCH_PREFIX = 'moat-unpack-';

async function makeScratch(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return mkdtemp(path.join(folder, SCRATCH_PREFIX));
}

/** Removes what a run that was killed had unpacked in its scratch folder. */
export async function removeLeftovers(scratchFolder: string): Promise<void> {
  const names = await readdir(scratchFolder).catch(() => []);
  for (const name of names.filter((each) => each.startsWith(SCRATCH_PREFIX)))
    await rm(path.join(scratchFolder, name), { recursive: true, force: true });
}

function formatNamed(name: string | undefined): TextFormat | undefined {
  if (name === undefined) return undefined;
  const format = TEXT_FORMATS.find((each) => each.name === name);
  if (format !== undefined) return format;
  throw new MoatError('unknown-format', `"${name}" is not a format`, { fix: `Known are ${FORMAT_NAMES.join(', ')}.` });
}

async function* readFound(found: FoundFile, reading: Reading): AsyncGenerator<RawItem> {
  const { origin } = found;
  if (found.isSymbolicLink) return yield drop(origin, 'symbolic-link', 'symbolic links are not followed');
  const file = await opened(found);
  if (typeof file === 'string') return yield drop(origin, 'unreadable', file);
  yield* readFile(file, 1, { limits: reading.limits, packedBytes: file.sizeBytes, unpackedBytes: 0 }, reading);
}

/** The file, or why it cannot be read. */
async function opened({ path: place, origin }: FoundFile): Promise<OpenedFile | string> {
  try {
    return { origin, path: place, sizeBytes: (await stat(place)).size };
  } catch (error) {
    return whyUnreadable(error);
  }
}

function whyUnreadable(error: unknown): string {
  const code = systemCode(error);
  if (code === 'EACCES' || code === 'EPERM') return 'may not be read by this user';
  if (code === 'ENOENT') return 'was gone when it was its turn';
  throw error;
}

/** @param depth how many archives it lies in, and one */
async function* readFile(
  file: OpenedFile,
  depth: number,
  budget: UnpackBudget,
  reading: Reading,
): AsyncGenerator<RawItem> {
  const detected = await detectReadable(file, reading.format);
  switch (detected.kind) {
    case 'unreadable':
      return yield drop(file.origin, detected.reason, `${file.origin} ${detected.detail}`);
    case 'binary':
      return yield* documentsOf(detected.format.read(file, reading), file.origin, reading);
    case 'text':
      return yield* documentsOf(
        detected.format.read(asText(file, detected.encoding, reading), reading),
        file.origin,
        reading,
      );
    case 'container':
      try {
        const place = { folder: await reading.scratch(), depth, budget };
        for await (const entry of unpack(detected.container, file, place)) {
          if (entry.kind === 'refused') yield drop(entry.origin, entry.reason, `${entry.origin} ${entry.detail}`);
          else yield* readFile(entry.file, depth + 1, budget, reading);
        }
      } catch (error) {
        if (!(error instanceof ContainerError)) throw error;
        yield drop(file.origin, error.reason, `${file.origin} ${error.message}`);
      }
  }
}

async function detectReadable(file: OpenedFile, format: TextFormat | undefined): Promise<Detected> {
  try {
    return await detectFormat(file, format);
  } catch (error) {
    return { kind: 'unreadable', reason: 'unreadable', detail: whyUnreadable(error) };
  }
}

function asText(file: OpenedFile, encoding: string, { maxCharacters }: Reading): OpenedText {
  const text = (): AsyncGenerator<string> => decodeFile(file.path, encoding);
  return { ...file, text, lines: () => splitLines(text(), maxCharacters) };
}

async function* documentsOf(
  passages: AsyncIterable<Passage>,
  origin: string,
  { licence, maxCharacters }: Reading,
): AsyncGenerator<RawItem> {
  let position = 0;
  for await (const passage of passages) {
    const id = `${origin}#${++position}`;
    if (passage.kind === 'text') {
      const ownId = passage.fragment === undefined ? id : `${origin}#${passage.fragment}`;
      const document: Document = { id: ownId, text: passage.text, origin };
      if (passage.line !== undefined) document.line = passage.line;
      const own = passage.licence ?? licence;
      if (own !== undefined) document.licence = own;
      if (passage.augmentedFrom !== undefined) document.augmentedFrom = passage.augmentedFrom;
      yield { kind: 'document', document };
    } else {
      yield { kind: 'dropped', dropped: { id, origin, ...reasonOf(passage, origin, maxCharacters) } };
    }
  }
}

function drop(origin: string, reason: string, detail: string): RawItem {
  return { kind: 'dropped', dropped: { id: origin, origin, reason, detail } };
}

function reasonOf(passage: Exclude<Passage, { kind: 'text' }>, origin: string, maxCharacters: number) {
  if (passage.kind === 'malformed') return { reason: passage.reason, detail: passage.detail };
  const detail = `${origin}:${passage.line}: ${passage.length} characters, the limit is ${maxCharacters}`;
  return { reason: 'too-long', detail };
}
