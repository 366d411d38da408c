/**
 * The header of a GGUF file, versions 2 and 3 (ggml's `docs/gguf.md`): metadata, then the directory of tensors. A file
 * comes from anywhere, so every count is held against the bytes that are left before a loop starts or memory is taken.
 * As strict as llama.cpp: no key or tensor twice, no array in an array, tensors in order without overlap or hole.
 */
import { type GgufCursor, ggufCursor, quoted } from './gguf-cursor.js';
import { GGUF_TYPES, type GgufType, ggufBytes, ggufTypeOf } from './gguf-types.js';
import { readGgufValue } from './gguf-read-value.js';
import type { GgufMetadata, GgufValue } from './gguf-values.js';

export interface GgufTensor {
  readonly type: GgufType;
  /** Outermost dimension first, as everywhere here: `[out, in]` for a matrix. The file has them in reverse. */
  readonly shape: readonly number[];
  /** Byte range in the data, which begins at `dataStart`. */
  readonly begin: number;
  readonly end: number;
}

export interface GgufHeader {
  readonly version: number;
  readonly metadata: GgufMetadata;
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /** Position of the tensors' data in the file. */
  readonly dataStart: number;
  readonly alignment: number;
}

/** "GGUF", read as a little-endian number. */
export const GGUF_MAGIC = 0x46554747;
export const DEFAULT_ALIGNMENT = 32;
export const ALIGNMENT_KEY = 'general.alignment';
/** Many times those of the largest models; without them a file of empty entries would cost ten times its size in memory. */
const MAX_KEYS = 65536;
const MAX_TENSORS = 131072;
const MAX_KEY_BYTES = 65535;
const MAX_NAME_BYTES = 255;
const MAX_DIMENSIONS = 4;
const MAX_ALIGNMENT = 2 ** 20;
/** Key length, one character, type, one byte of value. */
const MIN_ENTRY_BYTES = 8 + 1 + 4 + 1;
/** Name length, one character, dimension count, type, offset. */
const MIN_TENSOR_BYTES = 8 + 1 + 4 + 4 + 8;

/**
 * @param bytes the beginning of the file, all of it or not
 * @param fileBytes size of the whole file
 * @throws MoatError `bad-gguf`, naming the file and the key or tensor; `MoreBytesNeeded` when `bytes` ends too early
 */
export function parseGgufHeader(bytes: Uint8Array, fileBytes: number, file: string): GgufHeader {
  const cursor = ggufCursor(bytes, fileBytes, file);
  const version = readVersion(cursor);
  const tensorCount = cursor.size('tensor count');
  const entryCount = cursor.size('key count');
  if (entryCount * MIN_ENTRY_BYTES + tensorCount * MIN_TENSOR_BYTES > cursor.remaining)
    cursor.fail(`${entryCount} keys and ${tensorCount} tensors do not fit into a file of ${fileBytes} bytes`);
  if (entryCount > MAX_KEYS) cursor.fail(`${entryCount} keys, over the limit of ${MAX_KEYS}`);
  if (tensorCount > MAX_TENSORS) cursor.fail(`${tensorCount} tensors, over the limit of ${MAX_TENSORS}`);
  const metadata = readMetadata(cursor, entryCount);
  const alignment = alignmentOf(cursor, metadata.get(ALIGNMENT_KEY));
  const directory = readDirectory(cursor, tensorCount);
  const dataStart = alignUp(cursor.position, alignment);
  const tensors = placeTensors(cursor, directory, { alignment, dataBytes: Math.max(0, fileBytes - dataStart) });
  return { version, metadata, tensors, dataStart, alignment };
}

export function alignUp(position: number, alignment: number): number {
  return Math.ceil(position / alignment) * alignment;
}

function readVersion(cursor: GgufCursor): number {
  if (cursor.remaining < 4 || cursor.uint32() !== GGUF_MAGIC) cursor.fail('it does not begin with "GGUF"');
  const version = cursor.uint32();
  if (version !== 0 && (version & 0xffff) === 0) cursor.fail('it is written for big-endian machines');
  if (version !== 2 && version !== 3) cursor.fail(`version ${version}; 2 and 3 are known`);
  return version;
}

function readMetadata(cursor: GgufCursor, count: number): Map<string, GgufValue> {
  const metadata = new Map<string, GgufValue>();
  for (let index = 0; index < count; index++) {
    cursor.about = `key ${index + 1} of ${count}`;
    const key = readName(cursor, 'key', MAX_KEY_BYTES);
    cursor.about = `key ${quoted(key)}`;
    if (metadata.has(key)) cursor.fail('given twice');
    metadata.set(key, readGgufValue(cursor));
  }
  return metadata;
}

function readName(cursor: GgufCursor, what: string, limit: number): string {
  const before = cursor.position;
  const name = cursor.string(what);
  const length = cursor.position - before - 8;
  if (length === 0 || length > limit) cursor.fail(`${what} of ${length} bytes; 1 to ${limit} are allowed`);
  return name;
}

function alignmentOf(cursor: GgufCursor, value: GgufValue | undefined): number {
  if (value === undefined) return DEFAULT_ALIGNMENT;
  cursor.about = `key "${ALIGNMENT_KEY}"`;
  if (value.type !== 'uint32') return cursor.fail(`its type is ${value.type}, not uint32`);
  const isPowerOfTwo = value.value > 0 && (value.value & (value.value - 1)) === 0;
  if (!isPowerOfTwo || value.value > MAX_ALIGNMENT)
    return cursor.fail(`${value.value} is not a power of two up to ${MAX_ALIGNMENT}`);
  return value.value;
}

interface DirectoryEntry {
  readonly type: GgufType;
  readonly shape: readonly number[];
  readonly offset: number;
}

function readDirectory(cursor: GgufCursor, count: number): Map<string, DirectoryEntry> {
  const directory = new Map<string, DirectoryEntry>();
  for (let index = 0; index < count; index++) {
    cursor.about = `tensor ${index + 1} of ${count}`;
    const name = readName(cursor, 'name', MAX_NAME_BYTES);
    cursor.about = `tensor ${quoted(name)}`;
    if (directory.has(name)) cursor.fail('given twice');
    directory.set(name, readTensor(cursor));
  }
  return directory;
}

function readTensor(cursor: GgufCursor): DirectoryEntry {
  const dimensions = cursor.uint32();
  if (dimensions > MAX_DIMENSIONS) cursor.fail(`${dimensions} dimensions, over the limit of ${MAX_DIMENSIONS}`);
  const reversed: number[] = [];
  let elements = 1;
  for (let i = 0; i < dimensions; i++) {
    const dimension = cursor.uint64();
    elements *= Number(dimension);
    if (!Number.isSafeInteger(elements) || dimension > Number.MAX_SAFE_INTEGER)
      cursor.fail(`dimensions ${[...reversed, dimension].join(' × ')} are too large`);
    reversed.push(Number(dimension));
  }
  const id = cursor.uint32();
  const type = ggufTypeOf(id) ?? cursor.fail(`element type ${id} is not one of ${Object.keys(GGUF_TYPES).join(', ')}`);
  const row = reversed[0] ?? 1;
  const { blockElements } = GGUF_TYPES[type];
  if (row % blockElements !== 0) cursor.fail(`rows of ${row} do not fill ${type}'s blocks of ${blockElements}`);
  return { type, shape: reversed.reverse(), offset: cursor.size('offset') };
}

/** Each tensor begins where the one before it ends, aligned. The last one need not be padded. */
function placeTensors(
  cursor: GgufCursor,
  directory: ReadonlyMap<string, DirectoryEntry>,
  { alignment, dataBytes }: { readonly alignment: number; readonly dataBytes: number },
): Map<string, GgufTensor> {
  const tensors = new Map<string, GgufTensor>();
  let expected = 0;
  for (const [name, { type, shape, offset }] of directory) {
    cursor.about = `tensor ${quoted(name)}`;
    if (offset % alignment !== 0) cursor.fail(`offset ${offset} is not a multiple of ${alignment}`);
    if (offset < expected) cursor.fail(`at offset ${offset} it overlaps the one before it, which ends at ${expected}`);
    if (offset > expected) cursor.fail(`at offset ${offset} it leaves a hole after ${expected}`);
    const sizeBytes = ggufBytes(
      type,
      shape.reduce((product, dimension) => product * dimension, 1),
    );
    const end = offset + sizeBytes;
    if (end > dataBytes)
      cursor.fail(`it ends at byte ${end} of the data, of which the file has ${dataBytes} (truncated?)`);
    tensors.set(name, { type, shape, begin: offset, end });
    expected = alignUp(end, alignment);
  }
  return tensors;
}
