/** The values of GGUF metadata (ggml's `docs/gguf.md`), with the type each was written with. */

/** As files number them. */
export const GGUF_VALUE_TYPES = [
  'uint8',
  'int8',
  'uint16',
  'int16',
  'uint32',
  'int32',
  'float32',
  'bool',
  'string',
  'array',
  'uint64',
  'int64',
  'float64',
] as const;

export type GgufValueType = (typeof GGUF_VALUE_TYPES)[number];
export type GgufNumberType = Exclude<GgufValueType, 'bool' | 'string' | 'array' | 'uint64' | 'int64'>;

/** Numbers stay in typed arrays, so that a long array takes no more memory than its part of the file. */
export type GgufNumbers =
  Uint8Array | Int8Array | Uint16Array | Int16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

export type GgufArray =
  | { readonly type: 'array'; readonly elementType: 'string'; readonly value: readonly string[] }
  | { readonly type: 'array'; readonly elementType: 'uint64'; readonly value: BigUint64Array }
  | { readonly type: 'array'; readonly elementType: 'int64'; readonly value: BigInt64Array }
  /** Booleans are 0 and 1. */
  | { readonly type: 'array'; readonly elementType: GgufNumberType | 'bool'; readonly value: GgufNumbers };

export type GgufValue =
  | { readonly type: GgufNumberType; readonly value: number }
  | { readonly type: 'uint64' | 'int64'; readonly value: bigint }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | GgufArray;

/** In order of the file. */
export type GgufMetadata = ReadonlyMap<string, GgufValue>;
