/**
 * From float32 to the blocks that Moat writes into GGUF files, bit for bit as ggml's reference quantisation
 * (`quantize_row_q8_0_ref`, `quantize_row_q4_0_ref` in `ggml-quants.c`): scales and quotients are rounded to float32 at
 * each step, as there.
 */
import type { GgufType } from './gguf-types.js';

/** What weights can be written as. */
export const WRITTEN_TYPES = ['F32', 'F16', 'Q8_0', 'Q4_0'] as const satisfies readonly GgufType[];
export type WrittenType = (typeof WRITTEN_TYPES)[number];

const { fround } = Math;
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** The nearest IEEE 754 binary16, of two equally near the even one; beyond 65504 it is an infinity. */
export function toFloat16(value: number): number {
  float[0] = value;
  const word = bits[0] as number;
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  // from 65520 on the nearest is an infinity
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // below 2^-14 halves are multiples of 2^-24: adding 2^23 · 2^-24 makes float32 round to those
    float[0] = Math.abs(value) + 0.5;
    return sign | ((bits[0] as number) - 0x3f000000);
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | ((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}

/** One half for each value, `[n]` to 2n bytes. */
function writeHalves(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array(values.length * 2);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setUint16(i * 2, toFloat16(values[i] as number), true);
  return bytes;
}

/** 1/scale in float32; 0 where there is nothing to scale, or where it is too small for its inverse. */
function inverse(scale: number): number {
  const result = fround(1 / scale);
  return Number.isFinite(result) ? result : 0;
}

/** Half away from zero, as C's `roundf`. */
const roundAway = (value: number): number => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);

/** Blocks of 32: the largest magnitude becomes ±127. */
function writeQ8_0(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / 32) * 34);
  const view = new DataView(bytes.buffer);
  for (let start = 0, at = 0; start < values.length; start += 32, at += 34) {
    let largest = 0;
    for (let i = 0; i < 32; i++) largest = Math.max(largest, Math.abs(values[start + i] as number));
    const scale = fround(largest / 127);
    const factor = inverse(scale);
    view.setUint16(at, toFloat16(scale), true);
    for (let i = 0; i < 32; i++) view.setInt8(at + 2 + i, roundAway(fround((values[start + i] as number) * factor)));
  }
  return bytes;
}

/** Blocks of 32: the value of largest magnitude, the first of several, becomes −8, with its sign in the scale. */
function writeQ4_0(values: Float32Array): Uint8Array {
  const bytes = new Uint8Array((values.length / 32) * 18);
  const view = new DataView(bytes.buffer);
  for (let start = 0, at = 0; start < values.length; start += 32, at += 18) {
    let extreme = 0;
    for (let i = 0; i < 32; i++) {
      const value = values[start + i] as number;
      if (Math.abs(value) > Math.abs(extreme)) extreme = value;
    }
    const scale = fround(extreme / -8);
    const factor = inverse(scale);
    const code = (index: number): number =>
      Math.min(15, Math.trunc(fround(fround((values[start + index] as number) * factor) + 8.5)));
    view.setUint16(at, toFloat16(scale), true);
    for (let i = 0; i < 16; i++) bytes[at + 2 + i] = code(i) | (code(i + 16) << 4);
  }
  return bytes;
}

/** @param values whole rows of finite numbers, whose length the type's blocks divide */
export function quantizeBlocks(type: WrittenType, values: Float32Array): Uint8Array {
  switch (type) {
    case 'F32':
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    case 'F16':
      return writeHalves(values);
    case 'Q8_0':
      return writeQ8_0(values);
    case 'Q4_0':
      return writeQ4_0(values);
    default:
      return type satisfies never;
  }
}
