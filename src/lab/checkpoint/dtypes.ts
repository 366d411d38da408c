/** The element types of safetensors and their conversion to float32. Files are little-endian, as every supported host is. */

/** Bytes an element, in the order in which the reference writer sorts tensors. */
export const DTYPE_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;

export type Dtype = keyof typeof DTYPE_BYTES;

export function isDtype(name: string): name is Dtype {
  return Object.hasOwn(DTYPE_BYTES, name);
}

/** Converts whole elements from the front of `bytes` into `into`, as many as `into` holds. */
type Widen = (bytes: DataView, into: Float32Array) => void;

const bits = new Uint32Array(1);
const asFloat = new Float32Array(bits.buffer);

/** The float32 whose upper half is `half`. */
function fromBfloat16(half: number): number {
  bits[0] = half << 16;
  return asFloat[0] as number;
}

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
export function fromFloat16(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

const widen16 =
  (convert: (half: number) => number): Widen =>
  (bytes, into) => {
    for (let i = 0; i < into.length; i++) into[i] = convert(bytes.getUint16(i * 2, true));
  };

/** The types that `readFloat32` reads; each value is exactly representable, F64 apart, which is rounded. */
export const WIDEN: Partial<Readonly<Record<Dtype, Widen>>> = {
  BF16: widen16(fromBfloat16),
  F16: widen16(fromFloat16),
  F32: (bytes, into) => {
    new Uint8Array(into.buffer, into.byteOffset, into.byteLength).set(
      new Uint8Array(bytes.buffer, bytes.byteOffset, into.byteLength),
    );
  },
  F64: (bytes, into) => {
    for (let i = 0; i < into.length; i++) into[i] = bytes.getFloat64(i * 8, true);
  },
};

/** The integer at an index, BOOL as 0 or 1; `undefined` for types that are not integers. */
export function integerAt(bytes: DataView, dtype: Dtype, index: number): bigint | undefined {
  switch (dtype) {
    case 'BOOL':
    case 'U8':
      return BigInt(bytes.getUint8(index));
    case 'I8':
      return BigInt(bytes.getInt8(index));
    case 'I16':
      return BigInt(bytes.getInt16(index * 2, true));
    case 'U16':
      return BigInt(bytes.getUint16(index * 2, true));
    case 'I32':
      return BigInt(bytes.getInt32(index * 4, true));
    case 'U32':
      return BigInt(bytes.getUint32(index * 4, true));
    case 'I64':
      return bytes.getBigInt64(index * 8, true);
    case 'U64':
      return bytes.getBigUint64(index * 8, true);
    default:
      return undefined;
  }
}
