/** Writes GGUF files, version 3, tensor by tensor: memory stays bounded by the header and the largest tensor. */
import { writeFileAtomic } from '../../base/atomic-file.js';
import { invariant } from '../../base/errors.js';
import { writeFully } from './file-system.js';
import { ALIGNMENT_KEY, DEFAULT_ALIGNMENT, GGUF_MAGIC, alignUp } from './gguf-header.js';
import { GGUF_TYPES, type GgufType, ggufBytes } from './gguf-types.js';
import { GGUF_VALUE_TYPES, type GgufMetadata, type GgufNumberType, type GgufValue } from './gguf-values.js';

export interface GgufTensorSource {
  readonly name: string;
  readonly type: GgufType;
  /** Outermost dimension first, `[out, in]` for a matrix; rows are whole blocks of the type. */
  readonly shape: readonly number[];
  /** The tensor's bytes, asked for once, when it is its turn. */
  read(): Promise<Uint8Array>;
}

const VERSION = 3;
const CHUNK_BYTES = 4 << 20;

/**
 * Writes a whole file or none: aside, synced, renamed over what was there. Keys and tensors keep their order.
 * @throws MoatError as `writeFileAtomic`; whatever a tensor's `read` throws
 */
export async function writeGguf(
  file: string,
  metadata: GgufMetadata,
  tensors: readonly GgufTensorSource[],
): Promise<void> {
  invariant(!metadata.has(ALIGNMENT_KEY), `${ALIGNMENT_KEY} is left at ${DEFAULT_ALIGNMENT}`);
  await writeFileAtomic(file, async (handle) => {
    const write = async (bytes: Uint8Array): Promise<void> => {
      const target = {
        write: async (part: Uint8Array) => (await handle.write(part)).bytesWritten,
        sync: () => handle.sync(),
        close: () => handle.close(),
      };
      for (let start = 0; start < bytes.length; start += CHUNK_BYTES)
        await writeFully(target, bytes.subarray(start, start + CHUNK_BYTES));
    };
    await write(padded(headerBytes(metadata, tensors)));
    for (const { name, type, shape, read } of tensors) {
      const bytes = await read();
      const expected = ggufBytes(type, elementsOf(shape));
      invariant(bytes.length === expected, `tensor "${name}" has ${bytes.length} bytes, not ${expected}`);
      await write(bytes);
      await write(new Uint8Array(alignUp(bytes.length, DEFAULT_ALIGNMENT) - bytes.length));
    }
  });
}

const elementsOf = (shape: readonly number[]): number => shape.reduce((product, dimension) => product * dimension, 1);

function padded(bytes: Uint8Array): Uint8Array {
  const result = new Uint8Array(alignUp(bytes.length, DEFAULT_ALIGNMENT));
  result.set(bytes);
  return result;
}

function headerBytes(metadata: GgufMetadata, tensors: readonly GgufTensorSource[]): Uint8Array {
  const parts: Uint8Array[] = [uint32(GGUF_MAGIC), uint32(VERSION), uint64(tensors.length), uint64(metadata.size)];
  for (const [key, value] of metadata) parts.push(text(key), ...valueBytes(value));
  const names = new Set<string>();
  let offset = 0;
  for (const { name, type, shape } of tensors) {
    invariant(!names.has(name), `tensor "${name}" is given twice`);
    names.add(name);
    invariant(
      (shape.at(-1) ?? 1) % GGUF_TYPES[type].blockElements === 0,
      `tensor "${name}": rows are no ${type} blocks`,
    );
    parts.push(text(name), uint32(shape.length), ...shape.toReversed().map(uint64));
    parts.push(uint32(GGUF_TYPES[type].id), uint64(offset));
    offset = alignUp(offset + ggufBytes(type, elementsOf(shape)), DEFAULT_ALIGNMENT);
  }
  return Buffer.concat(parts);
}

function valueBytes(value: GgufValue): Uint8Array[] {
  const type = uint32(GGUF_VALUE_TYPES.indexOf(value.type));
  switch (value.type) {
    case 'string':
      return [type, text(value.value)];
    case 'bool':
      return [type, Uint8Array.of(value.value ? 1 : 0)];
    case 'uint64':
      return [type, uint64(value.value)];
    case 'int64':
      return [type, uint64(BigInt.asUintN(64, value.value))];
    case 'array': {
      const start = [type, uint32(GGUF_VALUE_TYPES.indexOf(value.elementType)), uint64(value.value.length)];
      if (value.elementType === 'string') return [...start, Buffer.concat(value.value.map(text))];
      const { buffer, byteOffset, byteLength } = value.value;
      return [...start, new Uint8Array(buffer, byteOffset, byteLength)];
    }
    default:
      return [type, numberBytes(value.type, value.value)];
  }
}

const NUMBERS: Readonly<Record<GgufNumberType, (value: number) => ArrayBufferView<ArrayBuffer>>> = {
  uint8: (value) => Uint8Array.of(value),
  int8: (value) => Int8Array.of(value),
  uint16: (value) => Uint16Array.of(value),
  int16: (value) => Int16Array.of(value),
  uint32: (value) => Uint32Array.of(value),
  int32: (value) => Int32Array.of(value),
  float32: (value) => Float32Array.of(value),
  float64: (value) => Float64Array.of(value),
};

/** Little-endian, as every supported host is. */
function numberBytes(type: GgufNumberType, value: number): Uint8Array {
  return new Uint8Array(NUMBERS[type](value).buffer);
}

const uint32 = (value: number): Uint8Array => numberBytes('uint32', value);

function uint64(value: number | bigint): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(value)).buffer);
}

function text(value: string): Uint8Array {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint64(bytes.length), bytes]);
}
