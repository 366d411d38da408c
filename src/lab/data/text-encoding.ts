/**
 * From bytes to text: says of a file whether it is text, and in which encoding, before a character of it is used; then
 * decodes it in chunks. Memory stays at one chunk, however large the file.
 */
import { isUtf8 } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';
import { analyse } from 'chardet';
import iconv from 'iconv-lite';
import { declaredEncoding } from './declared-encoding.js';
import { isWestern } from './western-encoding.js';

export type Inspection =
  | { readonly kind: 'text'; readonly encoding: string }
  | { readonly kind: 'binary'; readonly detail: string }
  | { readonly kind: 'invalid-utf8'; readonly detail: string };

const CHUNK_BYTES = 1 << 18;
/** What chardet sees: text around the first byte that is not UTF-8. */
const SAMPLE_BYTES = 1 << 16;
/** Where a page says its encoding: HTML wants it in the first 1024, generators write more before it. */
const HEAD_BYTES = 1 << 12;
/**
 * Only these are believed: their byte patterns are distinctive. chardet's guesses among the single-byte encodings are
 * little better than chance, and a wrong one would put wrong characters into the corpus unseen; see `isWestern`.
 */
const TRUSTED_ENCODINGS = new Set(['GB18030', 'Big5', 'Shift_JIS', 'EUC-JP', 'EUC-KR']);
const MIN_CONFIDENCE = 80;
const MIN_LEAD = 10;
/** Of the characters of a page that says it is UTF-8. */
const MAX_BROKEN_SHARE = 1 / 2000;

const BINARY_SIGNATURES: readonly (readonly [name: string, bytes: string])[] = [
  ['PDF', '%PDF-'],
  ['ZIP', 'PK\x03\x04'],
  ['gzip', '\x1f\x8b'],
  ['PNG', '\x89PNG'],
  ['JPEG', '\xff\xd8\xff'],
  ['GIF', 'GIF8'],
  ['ELF', '\x7fELF'],
];

/** Reads the whole file once, in chunks. */
export async function inspectFile(path: string): Promise<Inspection> {
  const handle = await open(path, 'r');
  try {
    const head = await readAt(handle, 0, 16);
    const marked = byteOrderMark(head);
    if (marked !== undefined) return { kind: 'text', encoding: marked };
    const signature = BINARY_SIGNATURES.find(([, bytes]) => head.toString('latin1').startsWith(bytes));
    if (signature !== undefined) return { kind: 'binary', detail: `starts like a ${signature[0]} file` };
    const flaw = await firstFlaw(handle);
    if (flaw === undefined) return { kind: 'text', encoding: 'utf-8' };
    if (flaw.kind === 'nul') return { kind: 'binary', detail: `has a NUL byte at offset ${flaw.offset}` };
    const sampleStart = Math.max(0, flaw.offset - SAMPLE_BYTES / 2);
    const sample = await readAt(handle, sampleStart, SAMPLE_BYTES);
    const encoding = encodingOf(sample, await readAt(handle, 0, HEAD_BYTES));
    if (encoding !== undefined) return { kind: 'text', encoding };
    return { kind: 'invalid-utf8', detail: `the byte at offset ${flaw.offset} is not UTF-8; convert it to UTF-8` };
  } finally {
    await handle.close();
  }
}

function byteOrderMark(head: Buffer): string | undefined {
  if (head[0] === 0xff && head[1] === 0xfe) return 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  return undefined;
}

/** What the file says of itself, if the bytes can be that; then what their pattern says; then what the words say. */
function encodingOf(sample: Buffer, head: Buffer): string | undefined {
  const declared = declaredEncoding(head);
  if (declared === 'utf-8' ? isNearlyUtf8(sample) : declared !== undefined && canBe(declared, sample)) return declared;
  return detectEncoding(sample) ?? (isWestern(sample) ? 'windows-1252' : undefined);
}

/** Pages are put together of pieces, of which one may be cut inside a character; readers see a mark there (U+FFFD). */
function isNearlyUtf8(sample: Buffer): boolean {
  const text = sample.toString('utf8').slice(2, -2);
  return text.split('\uFFFD').length - 1 <= Math.max(1, text.length * MAX_BROKEN_SHARE);
}

/** The sample may start and end inside a character; anything undecodable between, or a control character, is a wrong guess. */
function canBe(encoding: string, sample: Buffer): boolean {
  return !/[\uFFFD\u0080-\u009F]/.test(iconv.decode(sample, encoding).slice(2, -2));
}

function detectEncoding(sample: Buffer): string | undefined {
  const [best, second] = analyse(sample);
  if (best === undefined || !TRUSTED_ENCODINGS.has(best.name)) return undefined;
  if (best.confidence < MIN_CONFIDENCE || best.confidence - (second?.confidence ?? 0) < MIN_LEAD) return undefined;
  return canBe(best.name, sample) ? best.name : undefined;
}

type Flaw = { kind: 'nul' | 'not-utf8'; offset: number };

/** A NUL byte anywhere means binary, so the whole file is looked at even after bytes that are not UTF-8. */
async function firstFlaw(handle: FileHandle): Promise<Flaw | undefined> {
  const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
  let carried = 0;
  let offset = 0;
  let flaw: Flaw | undefined;
  for (;;) {
    const { bytesRead } = await handle.read(buffer, carried, CHUNK_BYTES - carried, offset + carried);
    const filled = buffer.subarray(0, carried + bytesRead);
    const nul = filled.indexOf(0);
    if (nul !== -1) return { kind: 'nul', offset: offset + nul };
    const whole = bytesRead === 0 ? filled.length : completeLength(filled);
    if (flaw === undefined && !isUtf8(filled.subarray(0, whole))) {
      flaw = { kind: 'not-utf8', offset: offset + validPrefixLength(filled.subarray(0, whole)) };
    }
    if (bytesRead === 0) return flaw;
    filled.copy(buffer, 0, whole);
    carried = filled.length - whole;
    offset += whole;
  }
}

/** Length without a UTF-8 sequence cut off by the end of the chunk. */
function completeLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] as number;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return needed > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}

/** Index of the first byte no valid UTF-8 sequence covers: bisection over prefixes, each cut at a character. */
function validPrefixLength(bytes: Buffer): number {
  let valid = 0;
  let end = bytes.length;
  while (end - valid > 4) {
    const half = valid + ((end - valid) >> 1);
    const middle = completeLength(bytes.subarray(0, half));
    if (middle > valid && isUtf8(bytes.subarray(valid, middle))) valid = middle;
    else end = half;
  }
  for (let length = Math.min(8, bytes.length - valid); length > 0; length--) {
    if (isUtf8(bytes.subarray(valid, valid + length))) return valid + length;
  }
  return valid;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(buffer, 0, length, position);
  return buffer.subarray(0, bytesRead);
}

/** The file's text in chunks, byte order mark removed. */
export async function* decodeFile(path: string, encoding: string): AsyncGenerator<string> {
  const decoder = iconv.getDecoder(encoding, { stripBOM: true });
  const handle = await open(path, 'r');
  try {
    for await (const chunk of handle.createReadStream({ highWaterMark: CHUNK_BYTES, autoClose: false })) {
      const text = decoder.write(chunk as Buffer);
      if (text !== '') yield text;
    }
    const rest = decoder.end();
    if (rest !== undefined && rest !== '') yield rest;
  } finally {
    await handle.close();
  }
}
