/** One metadata value of a GGUF header. */
import type { GgufCursor } from './gguf-cursor.js';
import {
  GGUF_VALUE_TYPES,
  type GgufArray,
  type GgufNumbers,
  type GgufNumberType,
  type GgufValue,
} from './gguf-values.js';

type NumberReader = (view: DataView, at: number) => number;

const NUMBERS: Readonly<
  Record<GgufNumberType, { readonly bytes: number; make(length: number): GgufNumbers; readonly read: NumberReader }>
> = {
  uint8: { bytes: 1, make: (length) => new Uint8Array(length), read: (view, at) => view.getUint8(at) },
  int8: { bytes: 1, make: (length) => new Int8Array(length), read: (view, at) => view.getInt8(at) },
  uint16: { bytes: 2, make: (length) => new Uint16Array(length), read: (view, at) => view.getUint16(at, true) },
  int16: { bytes: 2, make: (length) => new Int16Array(length), read: (view, at) => view.getInt16(at, true) },
  uint32: { bytes: 4, make: (length) => new Uint32Array(length), read: (view, at) => view.getUint32(at, true) },
  int32: { bytes: 4, make: (length) => new Int32Array(length), read: (view, at) => view.getInt32(at, true) },
  float32: { bytes: 4, make: (length) => new Float32Array(length), read: (view, at) => view.getFloat32(at, true) },
  float64: { bytes: 8, make: (length) => new Float64Array(length), read: (view, at) => view.getFloat64(at, true) },
};

/** A string's length; the shortest has no characters. */
const MIN_STRING_BYTES = 8;

/** @throws MoatError `bad-gguf` about what the cursor is about */
export function readGgufValue(cursor: GgufCursor): GgufValue {
  const type = readType(cursor, 'type');
  switch (type) {
    case 'string':
      return { type, value: cursor.string('value') };
    case 'bool':
      return { type, value: readBool(cursor) };
    case 'uint64':
      return { type, value: cursor.uint64() };
    case 'int64':
      return { type, value: BigInt.asIntN(64, cursor.uint64()) };
    case 'array':
      return readArray(cursor);
    default: {
      const { bytes, read } = NUMBERS[type];
      return { type, value: read(viewOf(cursor.bytes(bytes)), 0) };
    }
  }
}

function readType(cursor: GgufCursor, what: string): (typeof GGUF_VALUE_TYPES)[number] {
  const id = cursor.uint32();
  return GGUF_VALUE_TYPES[id] ?? cursor.fail(`${what} ${id} is unknown`);
}

function readBool(cursor: GgufCursor): boolean {
  const byte = cursor.uint8();
  if (byte > 1) cursor.fail(`${byte} is not a boolean`);
  return byte === 1;
}

function readArray(cursor: GgufCursor): GgufArray {
  const type = 'array';
  const elementType = readType(cursor, 'element type');
  if (elementType === 'array') return cursor.fail('an array of arrays');
  const length = cursor.size('array length');
  const bytes = elementType === 'string' ? MIN_STRING_BYTES : elementBytes(elementType);
  if (length * bytes > cursor.remaining)
    cursor.fail(`an array of ${length} elements, with ${cursor.remaining} bytes of the file left`);
  if (elementType === 'string') {
    const value: string[] = [];
    for (let i = 0; i < length; i++) value.push(cursor.string(`element ${i}`));
    return { type, elementType, value };
  }
  const view = viewOf(cursor.bytes(length * bytes));
  switch (elementType) {
    case 'uint64':
      return { type, elementType, value: BigUint64Array.from({ length }, (_, i) => view.getBigUint64(i * 8, true)) };
    case 'int64':
      return { type, elementType, value: BigInt64Array.from({ length }, (_, i) => view.getBigInt64(i * 8, true)) };
    case 'bool': {
      const value = Uint8Array.from({ length }, (_, i) => view.getUint8(i));
      if (value.some((byte) => byte > 1)) cursor.fail('an element is not a boolean');
      return { type, elementType, value };
    }
    default: {
      const { make, read } = NUMBERS[elementType];
      const value = make(length);
      for (let i = 0; i < length; i++) value[i] = read(view, i * bytes);
      return { type, elementType, value };
    }
  }
}

function elementBytes(type: GgufNumberType | 'bool' | 'uint64' | 'int64'): number {
  if (type === 'bool') return 1;
  return type === 'uint64' || type === 'int64' ? 8 : NUMBERS[type].bytes;
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
