/**
 * Matrices as small integers: symmetric round-to-nearest, one float32 scale for 32 elements of a row. Element q stands
 * for (q − 2^(bits−1)) · scale: 4 + 1 or 8 + 1 bits an element.
 */
import { BLOCK_SIZE, type QuantizedBits, blockBytes } from './ops/quantized.js';

/** A matrix `[rows, columns]` in blocks; rows are filled up to whole blocks with elements that stand for 0. */
export interface QuantizedMatrix {
  readonly bits: QuantizedBits;
  readonly rows: number;
  readonly columns: number;
  /** `[rows, blocks, bytes]`; with 4 bits the element of even index is the low half of its byte. */
  readonly packed: Uint8Array;
  /** `[rows, blocks]`. */
  readonly scales: Float32Array;
}

/** @param data `[rows, columns]` row-major, finite */
export function quantizeMatrix(
  data: Float32Array,
  rows: number,
  columns: number,
  bits: QuantizedBits,
): QuantizedMatrix {
  const blocks = Math.ceil(columns / BLOCK_SIZE);
  const bytes = blockBytes(bits);
  const packed = new Uint8Array(rows * blocks * bytes);
  const scales = new Float32Array(rows * blocks);
  const levels = new Uint8Array(BLOCK_SIZE);
  for (let row = 0; row < rows; row++) {
    for (let block = 0; block < blocks; block++) {
      const start = row * columns + block * BLOCK_SIZE;
      const values = data.subarray(start, Math.min(start + BLOCK_SIZE, (row + 1) * columns));
      const scale = bits === 4 ? scaleOf4Bits(values) : largest(values).magnitude / 127;
      const index = row * blocks + block;
      scales[index] = scale;
      toLevels(values, scales[index] as number, bits, levels);
      pack(levels, bits, packed.subarray(index * bytes, (index + 1) * bytes));
    }
  }
  return { bits, rows, columns, packed, scales };
}

/** @returns `[rows, columns]`, what the stored matrix stands for */
export function dequantizeMatrix({ bits, rows, columns, packed, scales }: QuantizedMatrix): Float32Array {
  const blocks = Math.ceil(columns / BLOCK_SIZE);
  const zero = 2 ** (bits - 1);
  const data = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const position = row * blocks * BLOCK_SIZE + column;
      const byte = packed[bits === 8 ? position : position >> 1] as number;
      const level = bits === 8 ? byte : position % 2 === 0 ? byte & 15 : byte >> 4;
      data[row * columns + column] =
        (level - zero) * (scales[row * blocks + Math.floor(column / BLOCK_SIZE)] as number);
    }
  }
  return data;
}

/**
 * Of two ways to place 16 levels, the one with the smaller squared error: from −7 to 7 times amax/7, or (as llama.cpp's
 * Q4_0) the largest value at level −8, which is finer but cuts off what comes close to it with the other sign.
 */
function scaleOf4Bits(values: Float32Array): number {
  const { magnitude, value } = largest(values);
  const symmetric = Math.fround(magnitude / 7);
  const shifted = Math.fround(value / -8);
  return squaredError(values, shifted) < squaredError(values, symmetric) ? shifted : symmetric;
}

function largest(values: Float32Array): { magnitude: number; value: number } {
  let value = 0;
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i] as number) > Math.abs(value)) value = values[i] as number;
  }
  return { magnitude: Math.abs(value), value };
}

function squaredError(values: Float32Array, scale: number): number {
  const inverse = scale === 0 ? 0 : 1 / scale;
  let total = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    const difference = value - Math.max(-8, Math.min(7, Math.round(value * inverse))) * scale;
    total += difference * difference;
  }
  return total;
}

/** The level of each value, the rest of the block at zero. */
function toLevels(values: Float32Array, scale: number, bits: QuantizedBits, levels: Uint8Array): void {
  const zero = 2 ** (bits - 1);
  const inverse = scale === 0 ? 0 : 1 / scale;
  levels.fill(zero);
  for (let i = 0; i < values.length; i++) {
    const level = Math.round((values[i] as number) * inverse);
    levels[i] = Math.max(-zero, Math.min(zero - 1, level)) + zero;
  }
}

function pack(levels: Uint8Array, bits: QuantizedBits, target: Uint8Array): void {
  if (bits === 8) {
    target.set(levels);
    return;
  }
  for (let i = 0; i < target.length; i++) {
    target[i] = (levels[2 * i] as number) | ((levels[2 * i + 1] as number) << 4);
  }
}
