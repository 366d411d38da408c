/**
 * From blocks of GGUF to float32. Each quantised block holds a scale in half precision (and, in types that end in 1 or
 * K, an offset) for its elements of 4 to 8 bits; the K types cut 256 elements into sub-blocks with small integer scales
 * of their own. Every product below is exact in double precision, so that each element is rounded once, as in ggml's
 * float32 arithmetic (`ggml-quants.c`).
 */
import { WIDEN, fromFloat16, isDtype } from './dtypes.js';
import type { GgufType } from './gguf-types.js';

/** Converts whole blocks from the front of `bytes` into `into`, which holds whole blocks. */
export type Dequantize = (bytes: DataView, into: Float32Array) => void;

/** Writes one block's elements. @param at of the block in `bytes` @param out of its first element in `into` */
type ReadBlock = (bytes: DataView, at: number, into: Float32Array, out: number) => void;

function blocks(elements: number, size: number, read: ReadBlock): Dequantize {
  return (bytes, into) => {
    for (let out = 0, at = 0; out < into.length; out += elements, at += size) read(bytes, at, into, out);
  };
}

const half = (bytes: DataView, at: number): number => fromFloat16(bytes.getUint16(at, true));

const readQ8_0: ReadBlock = (bytes, at, into, out) => {
  const scale = half(bytes, at);
  for (let i = 0; i < 32; i++) into[out + i] = scale * bytes.getInt8(at + 2 + i);
};

/** The low halves of 16 bytes are elements 0 … 15, the high halves 16 … 31. */
const readQ4_0: ReadBlock = (bytes, at, into, out) => {
  const scale = half(bytes, at);
  for (let i = 0; i < 16; i++) {
    const pair = bytes.getUint8(at + 2 + i);
    into[out + i] = scale * ((pair & 15) - 8);
    into[out + 16 + i] = scale * ((pair >> 4) - 8);
  }
};

const readQ4_1: ReadBlock = (bytes, at, into, out) => {
  const scale = half(bytes, at);
  const lowest = half(bytes, at + 2);
  for (let i = 0; i < 16; i++) {
    const pair = bytes.getUint8(at + 4 + i);
    into[out + i] = scale * (pair & 15) + lowest;
    into[out + 16 + i] = scale * (pair >> 4) + lowest;
  }
};

/** As four bits, with the fifth of all 32 elements in one word. */
const readQ5_0: ReadBlock = (bytes, at, into, out) => {
  const scale = half(bytes, at);
  const fifth = bytes.getUint32(at + 2, true);
  for (let i = 0; i < 16; i++) {
    const pair = bytes.getUint8(at + 6 + i);
    into[out + i] = scale * (((pair & 15) | (((fifth >>> i) & 1) << 4)) - 16);
    into[out + 16 + i] = scale * (((pair >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) - 16);
  }
};

const readQ5_1: ReadBlock = (bytes, at, into, out) => {
  const scale = half(bytes, at);
  const lowest = half(bytes, at + 2);
  const fifth = bytes.getUint32(at + 4, true);
  for (let i = 0; i < 16; i++) {
    const pair = bytes.getUint8(at + 8 + i);
    into[out + i] = scale * ((pair & 15) | (((fifth >>> i) & 1) << 4)) + lowest;
    into[out + 16 + i] = scale * ((pair >> 4) | (((fifth >>> (i + 16)) & 1) << 4)) + lowest;
  }
};

/** The 6-bit scale and offset of one of eight sub-blocks, packed in twelve bytes; both in one number, offset above. */
function packedScale(bytes: DataView, at: number, subBlock: number): number {
  const low = (index: number): number => bytes.getUint8(at + index);
  if (subBlock < 4) return (low(subBlock) & 63) | ((low(subBlock + 4) & 63) << 8);
  const both = low(subBlock + 4);
  const scale = (both & 15) | ((low(subBlock - 4) >> 6) << 4);
  const offset = (both >> 4) | ((low(subBlock) >> 6) << 4);
  return scale | (offset << 8);
}

/** 8 sub-blocks of 32: two share 32 bytes, the first in the low halves. */
const readQ4_K: ReadBlock = (bytes, at, into, out) => {
  const scaleOfScales = half(bytes, at);
  const scaleOfOffsets = half(bytes, at + 2);
  for (let sub = 0; sub < 8; sub++) {
    const packed = packedScale(bytes, at + 4, sub);
    const scale = scaleOfScales * (packed & 63);
    const offset = scaleOfOffsets * (packed >> 8);
    const values = at + 16 + 32 * (sub >> 1);
    const shift = (sub & 1) * 4;
    for (let i = 0; i < 32; i++) {
      into[out + 32 * sub + i] = scale * ((bytes.getUint8(values + i) >> shift) & 15) - offset;
    }
  }
};

/** As Q4_K, with the fifth bits of sub-block `s` in bit `s` of 32 more bytes. */
const readQ5_K: ReadBlock = (bytes, at, into, out) => {
  const scaleOfScales = half(bytes, at);
  const scaleOfOffsets = half(bytes, at + 2);
  for (let sub = 0; sub < 8; sub++) {
    const packed = packedScale(bytes, at + 4, sub);
    const scale = scaleOfScales * (packed & 63);
    const offset = scaleOfOffsets * (packed >> 8);
    const values = at + 48 + 32 * (sub >> 1);
    const shift = (sub & 1) * 4;
    for (let i = 0; i < 32; i++) {
      const fifth = (bytes.getUint8(at + 16 + i) >> sub) & 1;
      into[out + 32 * sub + i] = scale * (((bytes.getUint8(values + i) >> shift) & 15) | (fifth << 4)) - offset;
    }
  }
};

/**
 * Two halves of 128 elements. In each, four groups of 32: groups 0 and 1 are the low halves of 64 bytes, 2 and 3 the high
 * ones; their upper two bits are pairs in 32 more bytes. One signed scale for 16 elements.
 */
const readQ6_K: ReadBlock = (bytes, at, into, out) => {
  const scaleOfScales = half(bytes, at + 208);
  for (let group = 0; group < 8; group++) {
    const side = group >> 2;
    const place = group & 3;
    const low = at + 64 * side + 32 * (place & 1);
    const high = at + 128 + 32 * side;
    for (let i = 0; i < 32; i++) {
      const scale = scaleOfScales * bytes.getInt8(at + 192 + 2 * group + (i >> 4));
      const fourBits = (bytes.getUint8(low + i) >> ((place >> 1) * 4)) & 15;
      const twoBits = (bytes.getUint8(high + i) >> (2 * place)) & 3;
      into[out + 32 * group + i] = scale * ((fourBits | (twoBits << 4)) - 32);
    }
  }
};

const QUANTIZED: Partial<Readonly<Record<GgufType, Dequantize>>> = {
  Q8_0: blocks(32, 34, readQ8_0),
  Q4_0: blocks(32, 18, readQ4_0),
  Q4_1: blocks(32, 20, readQ4_1),
  Q5_0: blocks(32, 22, readQ5_0),
  Q5_1: blocks(32, 24, readQ5_1),
  Q4_K: blocks(256, 144, readQ4_K),
  Q5_K: blocks(256, 176, readQ5_K),
  Q6_K: blocks(256, 210, readQ6_K),
};

/** How this type becomes float32; undefined for integers and for the types that are not read here. */
export function dequantizerOf(type: GgufType): Dequantize | undefined {
  return isDtype(type) ? WIDEN[type] : QUANTIZED[type];
}
