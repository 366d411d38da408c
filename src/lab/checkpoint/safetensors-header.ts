/**
 * The header of a safetensors file (github.com/huggingface/safetensors, "Format"): eight bytes of length, then JSON that
 * gives every tensor's type, shape and place. A file comes from anywhere, so everything it claims is checked against its
 * size before it is used. Stricter than the reference reader in three points, two of them its own specification's: a
 * name given twice, white space before the header and the name `__proto__` are refused.
 */
import { MoatError } from '../../base/errors.js';
import { DTYPE_BYTES, type Dtype, isDtype } from './dtypes.js';

export interface TensorEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte range in the data, which begins after the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** As the reference implementation. */
const MAX_HEADER_BYTES = 100_000_000;
/** Enough of a name to find it. */
const MAX_SHOWN_CHARACTERS = 120;

/** The error of this file, always of one form: `file: what`. */
export function badSafetensors(file: string, what: string, cause?: unknown): MoatError {
  return new MoatError('bad-safetensors', `${file}: not a valid safetensors file: ${what}`, {
    fix: 'Copy or download the file again, or use another checkpoint.',
    cause,
  });
}

/**
 * Reads the length that begins a file.
 * @param start the first eight bytes (fewer when the file is shorter)
 * @throws MoatError `bad-safetensors`
 */
export function readHeaderLength(start: Uint8Array, fileBytes: number, file: string): number {
  if (start.byteLength < 8) throw badSafetensors(file, `it has ${fileBytes} bytes, fewer than its length field`);
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES))
    throw badSafetensors(file, `its header claims ${length} bytes, over the limit of ${MAX_HEADER_BYTES}`);
  if (length > BigInt(fileBytes - 8))
    throw badSafetensors(file, `its header claims ${length} bytes, but the file ends after ${fileBytes} (truncated?)`);
  return Number(length);
}

/**
 * @param header the bytes between the length and the data
 * @param dataBytes what follows the header
 * @throws MoatError `bad-safetensors`, naming the file and, where there is one, the tensor
 */
export function parseHeader(header: Uint8Array, dataBytes: number, file: string): SafetensorsHeader {
  const json = parseJson(header, file);
  const metadata = new Map<string, string>();
  const tensors = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') {
      for (const [key, text] of Object.entries(asObject(value, file, '__metadata__'))) {
        if (typeof text !== 'string') throw badSafetensors(file, `__metadata__ "${shown(key)}" is not a string`);
        metadata.set(key, text);
      }
    } else {
      tensors.set(name, readEntry(name, asObject(value, file, tensorName(name)), file));
    }
  }
  checkCoverage(tensors, dataBytes, file);
  return { metadata, tensors };
}

function parseJson(header: Uint8Array, file: string): object {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(header);
  } catch (error) {
    throw badSafetensors(file, 'its header is not UTF-8', error);
  }
  if (!text.startsWith('{')) throw badSafetensors(file, 'its header does not begin with "{"');
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw badSafetensors(file, 'its header is not JSON', error);
  }
  checkTokens(text, file);
  return asObject(json, file, 'the header');
}

/**
 * What `JSON.parse` hides: names given twice, and numbers written as fractions. The text is known to be valid JSON, so
 * strings, numbers and brackets are all there is to look at.
 */
function checkTokens(text: string, file: string): void {
  const open: Set<string>[] = [];
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|-?[\d.][\d.eE+-]*|[{}]/g)) {
    const isKey = token.endsWith(':');
    if (token === '{') open.push(new Set());
    else if (token === '}') open.pop();
    else if (token.startsWith('"')) {
      const key = String(JSON.parse(isKey ? token.slice(0, -1) : token));
      if (/\p{Surrogate}/u.test(key)) throw badSafetensors(file, `${shown(token)} has half a surrogate pair`);
      if (!isKey) continue;
      if (key === '__proto__') throw badSafetensors(file, 'it uses the name __proto__');
      if (open.at(-1)?.has(key)) throw badSafetensors(file, `"${shown(key)}" is given twice`);
      open.at(-1)?.add(key);
    } else if (!/^\d+$/.test(token)) {
      throw badSafetensors(file, `${shown(token)} is not a whole number of 0 or more`);
    }
  }
}

function readEntry(name: string, entry: object, file: string): TensorEntry {
  const fields = new Map(Object.entries(entry));
  const fail = (what: string): never => {
    throw badSafetensors(file, `${tensorName(name)}: ${what}`);
  };
  const dtype: unknown = fields.get('dtype');
  if (typeof dtype !== 'string' || !isDtype(dtype)) return fail(`unknown dtype ${shown(JSON.stringify(dtype))}`);
  const shape = wholeNumbers(fields.get('shape')) ?? fail('its shape is not a list of whole numbers');
  const [begin, end, ...rest] = wholeNumbers(fields.get('data_offsets')) ?? [];
  if (begin === undefined || end === undefined || rest.length > 0) return fail('data_offsets is not a pair');
  if (begin > end) return fail(`it begins at ${begin}, after its end at ${end}`);
  let bytes: number = DTYPE_BYTES[dtype];
  for (const dimension of shape) {
    bytes *= dimension;
    if (!Number.isSafeInteger(bytes)) return fail(`shape [${shown(shape.join(', '))}] is too large`);
  }
  if (bytes !== end - begin)
    return fail(`${dtype} [${shown(shape.join(', '))}] takes ${bytes} bytes, but ${end - begin} are given`);
  return { dtype, shape, begin, end };
}

/** Every byte of the data belongs to exactly one tensor. */
function checkCoverage(tensors: ReadonlyMap<string, TensorEntry>, dataBytes: number, file: string): void {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== covered) {
      const what = begin < covered ? 'overlaps the one before' : `leaves a hole of ${begin - covered} bytes before it`;
      throw badSafetensors(file, `${tensorName(name)}: ${what}`);
    }
    covered = end;
    if (covered > dataBytes)
      throw badSafetensors(
        file,
        `${tensorName(name)} ends at byte ${end} of the data, which has ${dataBytes} (truncated?)`,
      );
  }
  if (covered < dataBytes) throw badSafetensors(file, `${dataBytes - covered} bytes follow the last tensor`);
}

function asObject(value: unknown, file: string, where: string): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw badSafetensors(file, `${where} is not an object`);
  return value;
}

function wholeNumbers(value: unknown): number[] | undefined {
  if (!Array.isArray(value)) return undefined;
  return value.every((item): item is number => Number.isSafeInteger(item) && item >= 0) ? value : undefined;
}

const tensorName = (name: string): string => `tensor "${shown(name)}"`;

function shown(text: string | undefined): string {
  const plain = text ?? 'nothing';
  return plain.length > MAX_SHOWN_CHARACTERS ? `${plain.slice(0, MAX_SHOWN_CHARACTERS)}…` : plain;
}
