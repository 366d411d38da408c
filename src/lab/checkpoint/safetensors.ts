/**
 * Reads and writes safetensors files tensor by tensor: memory stays bounded by the largest tensor asked for, never by
 * the file. Written files are byte for byte those of the reference writer.
 */
import { invariant } from '../../base/errors.js';
import { DTYPE_BYTES, type Dtype, WIDEN, integerAt } from './dtypes.js';
import { type FileSystem, type ReadableFile, nodeFileSystem, readFully, writeFully } from './file-system.js';
import { type TensorEntry, badSafetensors, parseHeader, readHeaderLength } from './safetensors-header.js';

/** How much is read or written at once. */
const CHUNK_BYTES = 4 << 20;

export interface SafetensorsReader {
  readonly file: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /**
   * Reads F32, BF16, F16 or F64 as float32.
   * @param into where the elements go, of the tensor's length; a new array when not given
   * @throws MoatError `bad-safetensors` for a missing tensor, another type or another length
   */
  readFloat32(name: string, into?: Float32Array): Promise<Float32Array>;
  /** Reads any integer type, or BOOL as 0 and 1. @throws MoatError `bad-safetensors` as above */
  readIntegers(name: string): Promise<BigInt64Array>;
  /** The bytes as they are in the file. @throws MoatError `bad-safetensors` for a missing tensor */
  readBytes(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/**
 * Opens a file and checks its whole header.
 * @throws MoatError `bad-safetensors`, naming the file and the tensor; Node's error when the file cannot be read
 */
export async function openSafetensors(
  file: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<SafetensorsReader> {
  const source = await fileSystem.open(file);
  try {
    const start = new Uint8Array(8);
    const got = await readFully(source, start, 0);
    const headerBytes = readHeaderLength(start.subarray(0, got), source.sizeBytes, file);
    const header = new Uint8Array(headerBytes);
    if ((await readFully(source, header, 8)) < headerBytes) throw badSafetensors(file, 'it ends within its header');
    const dataStart = 8 + headerBytes;
    const { metadata, tensors } = parseHeader(header, source.sizeBytes - dataStart, file);
    return readerOver(source, file, metadata, tensors, dataStart);
  } catch (error) {
    await source.close();
    throw error;
  }
}

function readerOver(
  source: ReadableFile,
  file: string,
  metadata: ReadonlyMap<string, string>,
  tensors: ReadonlyMap<string, TensorEntry>,
  dataStart: number,
): SafetensorsReader {
  const entryOf = (name: string): TensorEntry => {
    const entry = tensors.get(name);
    if (entry === undefined) throw badSafetensors(file, `it has no tensor "${name}"`);
    return entry;
  };
  const fill = async (name: string, bytes: Uint8Array, offset: number): Promise<void> => {
    const count = await readFully(source, bytes, dataStart + entryOf(name).begin + offset);
    if (count < bytes.byteLength) throw badSafetensors(file, `tensor "${name}": the file ends within it`);
  };
  const readBytes = async (name: string): Promise<Uint8Array> => {
    const { begin, end } = entryOf(name);
    const bytes = new Uint8Array(end - begin);
    await fill(name, bytes, 0);
    return bytes;
  };
  return {
    file,
    metadata,
    tensors,
    readBytes,
    close: () => source.close(),
    async readFloat32(name, into) {
      const { dtype, begin, end } = entryOf(name);
      const widen = WIDEN[dtype];
      if (widen === undefined) throw badSafetensors(file, `tensor "${name}" is ${dtype}, not floating point`);
      const elementBytes = DTYPE_BYTES[dtype];
      const length = (end - begin) / elementBytes;
      const result = into ?? new Float32Array(length);
      if (result.length !== length)
        throw badSafetensors(file, `tensor "${name}" has ${length} elements, ${result.length} are expected`);
      const chunk = new Uint8Array(Math.min(CHUNK_BYTES, end - begin));
      for (let done = 0; done < length; done += CHUNK_BYTES / elementBytes) {
        const part = result.subarray(done, done + CHUNK_BYTES / elementBytes);
        const bytes = chunk.subarray(0, part.length * elementBytes);
        await fill(name, bytes, done * elementBytes);
        widen(new DataView(bytes.buffer, 0, bytes.byteLength), part);
      }
      return result;
    },
    async readIntegers(name) {
      const { dtype, begin, end } = entryOf(name);
      const bytes = await readBytes(name);
      const view = new DataView(bytes.buffer);
      const result = new BigInt64Array((end - begin) / DTYPE_BYTES[dtype]);
      for (let i = 0; i < result.length; i++) {
        const value = integerAt(view, dtype, i);
        if (value === undefined) throw badSafetensors(file, `tensor "${name}" is ${dtype}, not a whole-number type`);
        result[i] = value;
        if (result[i] !== value) throw badSafetensors(file, `tensor "${name}" holds ${value}, over the limit of 2^63`);
      }
      return result;
    },
  };
}

/** The typed arrays that can be written, and the type each becomes. */
export type TensorData = Float32Array | Float64Array | BigInt64Array | Int32Array | Uint8Array;

export interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** Read while it is written: the caller leaves it alone until then. */
  readonly data: TensorData;
}

function dtypeOf(data: TensorData): Dtype {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Float64Array) return 'F64';
  if (data instanceof BigInt64Array) return 'I64';
  return data instanceof Int32Array ? 'I32' : 'U8';
}

/** What the header says of a tensor. */
export interface TensorOutline {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
}

/** The file piece by piece: the header, then each tensor's bytes where they lie, in chunks. */
export function* safetensorsChunks(
  tensors: readonly NamedTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array> {
  for (const { name, shape, data } of tensors)
    invariant(
      elementsOf(shape) === data.length,
      `tensor "${name}" has ${data.length} elements, not shape [${shape.join(', ')}]`,
    );
  const sorted = inFileOrder(tensors.map((tensor) => ({ ...tensor, dtype: dtypeOf(tensor.data) })));
  yield headerBytes(sorted, metadata);
  for (const { data } of sorted) yield* inChunks(data);
}

/** A tensor whose elements are made when it is its turn, and need not be kept after it. */
export interface MadeTensor {
  readonly name: string;
  readonly shape: readonly number[];
  make(): Float32Array;
}

/** The file piece by piece, its tensors in the order they are given, so that one at a time is in memory. */
export function* safetensorsAsMade(
  tensors: readonly MadeTensor[],
  metadata: Readonly<Record<string, string>> = {},
): Generator<Uint8Array> {
  yield headerBytes(
    tensors.map(({ name, shape }) => ({ name, shape, dtype: 'F32' })),
    metadata,
  );
  for (const { name, shape, make } of tensors) {
    const data = make();
    invariant(data.length === elementsOf(shape), `tensor "${name}" has ${data.length} elements`);
    yield* inChunks(data);
  }
}

function* inChunks(data: TensorData): Generator<Uint8Array> {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let start = 0; start < bytes.length; start += CHUNK_BYTES) yield bytes.subarray(start, start + CHUNK_BYTES);
}

const elementsOf = (shape: readonly number[]): number => shape.reduce((product, dimension) => product * dimension, 1);

/** As the reference writer sorts: the widest type first, then by name. */
function inFileOrder<T extends TensorOutline>(tensors: readonly T[]): T[] {
  const order = Object.keys(DTYPE_BYTES);
  return [...tensors].sort(
    (a, b) =>
      order.indexOf(b.dtype) - order.indexOf(a.dtype) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
  );
}

/** A tensor whose bytes are made when it is its turn. */
export interface TensorSource extends TensorOutline {
  read(): Promise<Uint8Array>;
}

/**
 * Writes a new file tensor by tensor, so that memory is bounded by the largest one, and syncs it.
 * @throws Node's error, `EEXIST` when the file exists; whatever a tensor's `read` throws
 */
export async function writeSafetensorsFrom(
  file: string,
  tensors: readonly TensorSource[],
  options: { metadata?: Readonly<Record<string, string>>; fileSystem?: FileSystem } = {},
): Promise<void> {
  const sorted = inFileOrder(tensors);
  const target = await (options.fileSystem ?? nodeFileSystem).create(file);
  try {
    await writeFully(target, headerBytes(sorted, options.metadata ?? {}));
    for (const { name, dtype, shape, read } of sorted) {
      const bytes = await read();
      const expected = elementsOf(shape) * DTYPE_BYTES[dtype];
      invariant(bytes.length === expected, `tensor "${name}" has ${bytes.length} bytes, not ${expected}`);
      for (let start = 0; start < bytes.length; start += CHUNK_BYTES)
        await writeFully(target, bytes.subarray(start, start + CHUNK_BYTES));
    }
    await target.sync();
  } finally {
    await target.close();
  }
}

function headerBytes(tensors: readonly TensorOutline[], metadata: Readonly<Record<string, string>>): Uint8Array {
  const parts = new Map<string, unknown>();
  if (Object.keys(metadata).length > 0) parts.set('__metadata__', metadata);
  let begin = 0;
  for (const { name, shape, dtype } of tensors) {
    invariant(name !== '__metadata__' && name !== '__proto__' && !parts.has(name), `tensor name "${name}" is taken`);
    const end = begin + elementsOf(shape) * DTYPE_BYTES[dtype];
    parts.set(name, { dtype, shape, data_offsets: [begin, end] });
    begin = end;
  }
  // not through an object, which would move names that are numbers to the front
  const members = [...parts].map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
  const json = Buffer.from(`{${members.join(',')}}`);
  // padded with spaces, so that the data begins at a multiple of 8
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  bytes.set(json, 8);
  return bytes;
}

/**
 * Writes a new file and syncs it. For a file that must replace another whole, write beside it and rename, as
 * `saveCheckpoint` does.
 * @throws Node's error, `EEXIST` when the file exists
 */
export async function writeSafetensors(
  file: string,
  tensors: readonly NamedTensor[],
  options: { metadata?: Readonly<Record<string, string>>; fileSystem?: FileSystem } = {},
): Promise<void> {
  const target = await (options.fileSystem ?? nodeFileSystem).create(file);
  try {
    for (const chunk of safetensorsChunks(tensors, options.metadata)) await writeFully(target, chunk);
    await target.sync();
  } finally {
    await target.close();
  }
}
