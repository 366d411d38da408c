import { describe, expect, test } from 'vitest';
import { Rng } from '../../base/rng.js';
import { dequantizeMatrix, quantizeMatrix } from './block-quantization.js';

const gaussian = (seed: number, length: number): Float32Array => {
  const rng = Rng.fromSeed(seed);
  return Float32Array.from({ length }, () => rng.normal());
};

const rootMeanSquare = (values: Float32Array): number =>
  Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);

describe('by hand', () => {
  test('4 bits: the largest value at −8, the even element in the low half of its byte', () => {
    // Multiples of 1/8 down to −1: exact with scale 1/8, not with 1/7.
    const row = Float32Array.from({ length: 32 }, (_, i) => ((i % 16) - 8) / 8);
    const { packed, scales } = quantizeMatrix(row, 1, 32, 4);
    expect([...scales]).toEqual([0.125]);
    expect([...packed.subarray(0, 8)]).toEqual([0x10, 0x32, 0x54, 0x76, 0x98, 0xba, 0xdc, 0xfe]);
    expect(dequantizeMatrix({ bits: 4, rows: 1, columns: 32, packed, scales })).toEqual(row);
  });

  test('4 bits: as far up as down takes the symmetric scale', () => {
    const row = Float32Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? 7 : -7));
    const { packed, scales } = quantizeMatrix(row, 1, 32, 4);
    expect([...scales]).toEqual([1]);
    expect(new Set(packed)).toEqual(new Set([0x1f]));
  });

  test('8 bits: the largest value at 127', () => {
    const row = Float32Array.from({ length: 32 }, (_, i) => i * 2 - 127);
    const { packed, scales } = quantizeMatrix(row, 1, 32, 8);
    expect([...scales]).toEqual([1]);
    expect([...packed.subarray(0, 3)]).toEqual([1, 3, 5]);
  });

  test('a block of zeros, and columns beyond the last, stand for 0', () => {
    const quantized = quantizeMatrix(new Float32Array(40), 1, 40, 4);
    expect([...quantized.scales]).toEqual([0, 0]);
    expect(new Set(quantized.packed)).toEqual(new Set([0x88]));
    expect(dequantizeMatrix(quantized)).toEqual(new Float32Array(40));
  });
});

describe('of normally distributed weights', () => {
  const rows = 40;
  const columns = 200; // the last block holds 8
  const data = gaussian(1, rows * columns);
  const errorOf = (bits: 4 | 8): Float32Array => {
    const restored = dequantizeMatrix(quantizeMatrix(data, rows, columns, bits));
    return restored.map((value, i) => value - (data[i] as number));
  };

  test('8 bits are off by half a step at most', () => {
    const { scales } = quantizeMatrix(data, rows, columns, 8);
    const blocks = scales.length / rows;
    for (const [i, error] of errorOf(8).entries()) {
      const block = Math.floor(i / columns) * blocks + Math.floor((i % columns) / 32);
      expect(Math.abs(error)).toBeLessThanOrEqual((scales[block] as number) * 0.5001);
    }
  });

  test('4 bits are off by less than one rule alone would be', () => {
    const alone = (scaleOf: (block: Float32Array) => number): number => {
      const errors = data.slice();
      for (let row = 0; row < rows; row++) {
        for (let start = row * columns; start < (row + 1) * columns; start += 32) {
          const block = data.subarray(start, Math.min(start + 32, (row + 1) * columns));
          const scale = scaleOf(block);
          block.forEach((value, i) => {
            errors[start + i] = value - Math.max(-8, Math.min(7, Math.round(value / scale))) * scale;
          });
        }
      }
      return rootMeanSquare(errors);
    };
    const largest = (block: Float32Array): number =>
      block.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0);
    const error = rootMeanSquare(errorOf(4));
    expect(error).toBeLessThan(alone((block) => Math.abs(largest(block)) / 7));
    expect(error).toBeLessThan(alone((block) => largest(block) / -8));
    expect(error).toBeLessThan(0.1);
    expect(rootMeanSquare(errorOf(8))).toBeLessThan(0.006);
  });
});
