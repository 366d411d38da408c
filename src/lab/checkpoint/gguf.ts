/**
 * Reads GGUF files (llama.cpp's format) tensor by tensor: memory stays bounded by the header and the largest tensor asked
 * for. Knows blocks and metadata, no model: `gguf-import.ts` says what the names mean.
 */
import { type FileSystem, type ReadableFile, nodeFileSystem, readFully } from './file-system.js';
import { dequantizerOf } from './gguf-blocks.js';
import { MoreBytesNeeded, badGguf, quoted } from './gguf-cursor.js';
import { type GgufHeader, type GgufTensor, parseGgufHeader } from './gguf-header.js';
import { GGUF_TYPES } from './gguf-types.js';
import type { GgufMetadata } from './gguf-values.js';

export interface GgufReader {
  readonly file: string;
  readonly version: number;
  readonly metadata: GgufMetadata;
  /** Shapes with the outermost dimension first. */
  readonly tensors: ReadonlyMap<string, GgufTensor>;
  /**
   * Reads F32, F16, BF16, F64, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K as float32.
   * @param into where the elements go, of the tensor's length; a new array when not given
   * @throws MoatError `bad-gguf` for a missing tensor, another type or another length
   */
  readFloat32(name: string, into?: Float32Array): Promise<Float32Array>;
  /** The bytes as they are in the file. @throws MoatError `bad-gguf` for a missing tensor */
  readBytes(name: string): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** What is read first; most of a header is the vocabulary, a few megabytes. */
const FIRST_BYTES = 1 << 20;
/** Far beyond any vocabulary: 256k tokens with their merges take some 15 MB. */
const MAX_HEADER_BYTES = 256 << 20;
/** How many blocks are read at once: 4 MB of the widest type. */
const CHUNK_ELEMENTS = 1 << 19;

/**
 * Opens a file and checks its whole header.
 * @throws MoatError `bad-gguf`, naming the file and the key or tensor; Node's error when the file cannot be read
 */
export async function openGguf(file: string, fileSystem: FileSystem = nodeFileSystem): Promise<GgufReader> {
  const source = await fileSystem.open(file);
  try {
    return readerOver(source, file, await readHeader(source, file));
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** The length of a header stands nowhere: more is read until it is whole, at least twice as much each time. */
async function readHeader(source: ReadableFile, file: string): Promise<GgufHeader> {
  for (let wanted = FIRST_BYTES; ;) {
    const bytes = new Uint8Array(Math.min(wanted, source.sizeBytes, MAX_HEADER_BYTES));
    if ((await readFully(source, bytes, 0)) < bytes.byteLength) throw badGguf(file, 'it ends within its header');
    try {
      return parseGgufHeader(bytes, source.sizeBytes, file);
    } catch (error) {
      if (!(error instanceof MoreBytesNeeded)) throw error;
      if (error.sizeBytes > MAX_HEADER_BYTES)
        throw badGguf(file, `its header has more than ${MAX_HEADER_BYTES} bytes`, error);
      wanted = Math.max(2 * wanted, error.sizeBytes);
    }
  }
}

function readerOver(source: ReadableFile, file: string, header: GgufHeader): GgufReader {
  const { version, metadata, tensors, dataStart } = header;
  const tensorOf = (name: string): GgufTensor => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw badGguf(file, `it has no tensor ${quoted(name)}`);
    return tensor;
  };
  const fill = async (name: string, bytes: Uint8Array, offset: number): Promise<void> => {
    const count = await readFully(source, bytes, dataStart + tensorOf(name).begin + offset);
    if (count < bytes.byteLength) throw badGguf(file, `tensor ${quoted(name)}: the file ends within it`);
  };
  return {
    file,
    version,
    metadata,
    tensors,
    close: () => source.close(),
    async readBytes(name) {
      const { begin, end } = tensorOf(name);
      const bytes = new Uint8Array(end - begin);
      await fill(name, bytes, 0);
      return bytes;
    },
    async readFloat32(name, into) {
      const { type, shape, begin, end } = tensorOf(name);
      const dequantize = dequantizerOf(type);
      if (dequantize === undefined)
        throw badGguf(file, `tensor ${quoted(name)}: elements of type ${type} are not read here`);
      const length = shape.reduce((product, dimension) => product * dimension, 1);
      const result = into ?? new Float32Array(length);
      if (result.length !== length)
        throw badGguf(file, `tensor ${quoted(name)} has ${length} elements, ${result.length} are expected`);
      const { blockElements, blockBytes } = GGUF_TYPES[type];
      const chunkBytes = (CHUNK_ELEMENTS / blockElements) * blockBytes;
      const chunk = new Uint8Array(Math.min(chunkBytes, end - begin));
      for (let done = 0; done < length; done += CHUNK_ELEMENTS) {
        const part = result.subarray(done, done + CHUNK_ELEMENTS);
        const bytes = chunk.subarray(0, (part.length / blockElements) * blockBytes);
        await fill(name, bytes, (done / blockElements) * blockBytes);
        dequantize(new DataView(bytes.buffer, 0, bytes.byteLength), part);
      }
      return result;
    },
  };
}
