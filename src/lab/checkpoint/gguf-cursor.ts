/**
 * Reads the little-endian values of a GGUF header one after another. Knows where the bytes in hand end and where the file
 * ends: what lies beyond the first is asked for, what lies beyond the second is refused before anything is allocated.
 */
import { MoatError } from '../../base/errors.js';

/** Enough of a name to find it. */
const MAX_SHOWN_CHARACTERS = 120;
/** As llama.cpp. */
const MAX_STRING_BYTES = 2 ** 30;

/** The error of a GGUF file, always of one form: `file: what`. */
export function badGguf(file: string, what: string, cause?: unknown): MoatError {
  return new MoatError('bad-gguf', `${file}: not a GGUF file that can be used: ${what}`, {
    fix: 'Copy or download the file again, or use another one.',
    cause,
  });
}

/** A name as an error shows it: quoted, on one line, cut when long. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > MAX_SHOWN_CHARACTERS ? `${name.slice(0, MAX_SHOWN_CHARACTERS)}…` : name);
}

/** Thrown when the bytes in hand end before the header does, though the file goes on. Never leaves this room. */
export class MoreBytesNeeded extends Error {
  /** @param sizeBytes from the start of the file, at least */
  constructor(readonly sizeBytes: number) {
    super(`${sizeBytes} bytes are needed`);
  }
}

export interface GgufCursor {
  /** Bytes read so far. */
  readonly position: number;
  /** Bytes of the file after `position`. */
  readonly remaining: number;
  /** What the errors of the next reads name: `key "general.alignment"`. */
  about: string;
  uint8(): number;
  uint32(): number;
  uint64(): bigint;
  /** A count or an offset. @throws MoatError `bad-gguf` when it cannot be a size in this file */
  size(what: string): number;
  string(what: string): string;
  /** The next bytes, where they lie. */
  bytes(count: number): Uint8Array;
  fail(what: string): never;
}

/**
 * @param bytes the beginning of the file, all of it or not
 * @param fileBytes the size of the whole file
 */
export function ggufCursor(bytes: Uint8Array, fileBytes: number, file: string): GgufCursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  let position = 0;
  const advance = (count: number): number => {
    const start = position;
    if (count > fileBytes - start)
      cursor.fail(`the file ends after ${fileBytes} bytes, within its header (truncated?)`);
    if (count > bytes.byteLength - start) throw new MoreBytesNeeded(start + count);
    position += count;
    return start;
  };
  const cursor: GgufCursor = {
    about: 'header',
    get position() {
      return position;
    },
    get remaining() {
      return fileBytes - position;
    },
    uint8: () => view.getUint8(advance(1)),
    uint32: () => view.getUint32(advance(4), true),
    uint64: () => view.getBigUint64(advance(8), true),
    size(what) {
      const value = cursor.uint64();
      if (value > BigInt(fileBytes)) cursor.fail(`${what} of ${value} in a file of ${fileBytes} bytes`);
      return Number(value);
    },
    string(what) {
      const length = cursor.size(`${what} length`);
      if (length > MAX_STRING_BYTES) cursor.fail(`${what} of ${length} bytes, over the limit of ${MAX_STRING_BYTES}`);
      try {
        return utf8.decode(cursor.bytes(length));
      } catch (error) {
        if (error instanceof TypeError) throw badGguf(file, `${cursor.about}: ${what} is not UTF-8`, error);
        throw error;
      }
    },
    bytes(count) {
      const start = advance(count);
      return bytes.subarray(start, start + count);
    },
    fail(what) {
      throw badGguf(file, `${cursor.about}: ${what}`);
    },
  };
  return cursor;
}
