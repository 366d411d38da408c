/** Products with, and lookups in, matrices stored as small integers: a block of a row shares one scale. */
import type { Dim } from '../dims.js';
import { type EmitContext, type OpRecord, type Tensor, type TensorType, apply, shapeError } from '../tensor.js';

/** Elements of a row that share a scale. */
export const BLOCK_SIZE = 32;

export type QuantizedBits = 4 | 8;

export interface MatmulNBitsOptions {
  readonly bits: QuantizedBits;
  /** Columns of the stored matrix: the last block may be filled up beyond them. */
  readonly innerSize: number;
  /**
   * What the kernel computes in (ONNX Runtime's `accuracy_level`): 0 float32 throughout; 4 rounds activations to 8 bits,
   * a block at a time, and multiplies integers: several times faster.
   */
  readonly accuracyLevel: 0 | 4;
}

/** Of a `matmulNBits`. */
export const matmulNBitsOptions = (attributes: object): MatmulNBitsOptions => attributes as MatmulNBitsOptions;

/** Bytes of one block. */
export const blockBytes = (bits: QuantizedBits): number => (BLOCK_SIZE * bits) / 8;

export const matmulNBitsOp: OpRecord = {
  name: 'matmulNBits',
  infer(inputs, attributes) {
    const [x, packed, scales] = inputs;
    const { bits, innerSize } = matmulNBitsOptions(attributes);
    const blocks = Math.ceil(innerSize / BLOCK_SIZE);
    const fits =
      x?.dtype === 'float32' &&
      x.shape.length >= 2 &&
      x.shape[x.shape.length - 1] === innerSize &&
      packed?.dtype === 'uint8' &&
      packed.shape[1] === blocks &&
      packed.shape[2] === blockBytes(bits) &&
      scales?.shape[0] === packed.shape[0] &&
      scales?.shape[1] === blocks;
    if (!fits) {
      const expected = `x [..., ${innerSize}], uint8 blocks [rows, ${blocks}, ${blockBytes(bits)}], scales [rows, ${blocks}]`;
      throw shapeError('matmulNBits', expected, ...inputs);
    }
    return { shape: [...x.shape.slice(0, -1), packed.shape[0] as Dim], dtype: 'float32' };
  },
  gradient: 'none',
  emit(context) {
    const { bits, innerSize, accuracyLevel } = matmulNBitsOptions(context.attributes);
    const rows = context.inputTypes[1]?.shape[0] as number;
    context.node('MatMulNBits', context.inputs, {
      outputs: context.outputs,
      domain: 'com.microsoft',
      attributes: { K: innerSize, N: rows, bits, block_size: BLOCK_SIZE, accuracy_level: accuracyLevel },
    });
  },
  examples: ([4, 8] as const).flatMap((bits) =>
    ([0, 4] as const).map((accuracyLevel) => ({
      name: `${bits} bits, accuracy level ${accuracyLevel}`,
      inputs: [
        [2, 3, 64],
        {
          data: Uint8Array.from({ length: 5 * 2 * blockBytes(bits) }, (_, i) => (i * 37) & 255),
          shape: [5, 2, blockBytes(bits)],
          dtype: 'uint8' as const,
        },
        [5, 2],
      ],
      attributes: { bits, innerSize: 64, accuracyLevel },
    })),
  ),
};

/**
 * `x · weightᵀ` for a weight stored in blocks: element (q − 2^(bits−1)) · scale (com.microsoft.MatMulNBits).
 * @param x `[..., innerSize]`
 * @param packed uint8 `[rows, blocks, bytes]`, with 4 bits the element of even index in the low half of its byte
 * @param scales `[rows, blocks]`
 * @returns `[..., rows]`
 */
export function matmulNBits(x: Tensor, packed: Tensor, scales: Tensor, options: MatmulNBitsOptions): Tensor {
  return apply(matmulNBitsOp, [x, packed, scales], { ...options });
}

export const gatherBytesOp: OpRecord = {
  name: 'gatherBytes',
  infer(inputs) {
    const [table, indices, scales] = inputs;
    const width = table?.shape[1];
    const fits =
      table?.dtype === 'uint8' &&
      indices?.dtype === 'int64' &&
      typeof width === 'number' &&
      scales?.shape[0] === table.shape[0] &&
      scales?.shape[1] === Math.ceil(width / BLOCK_SIZE);
    if (!fits) {
      throw shapeError('gatherBytes', 'a uint8 table [rows, width], int64 indices, scales [rows, blocks]', ...inputs);
    }
    return { shape: [...indices.shape, width], dtype: 'float32' };
  },
  gradient: 'none',
  emit: (context) =>
    void context.node('GatherBlockQuantized', context.inputs, {
      outputs: context.outputs,
      domain: 'com.microsoft',
      attributes: { bits: 8, block_size: BLOCK_SIZE, gather_axis: 0, quantize_axis: 1 },
    }),
  examples: [
    {
      inputs: [
        { data: Uint8Array.from({ length: 4 * 64 }, (_, i) => (i * 37) & 255), shape: [4, 64], dtype: 'uint8' },
        { data: BigInt64Array.of(3n, 0n, 3n), shape: [3, 1], dtype: 'int64' },
        [4, 2],
      ],
    },
  ],
};

/**
 * Rows of a table stored as bytes, element (q − 128) · scale (com.microsoft.GatherBlockQuantized).
 * @param table uint8 `[rows, width]`
 * @param scales `[rows, blocks]`
 */
export function gatherBytes(table: Tensor, indices: Tensor, scales: Tensor): Tensor {
  return apply(gatherBytesOp, [table, indices, scales]);
}

/** ONNX's number of the element type. */
const FLOAT = 1;

/** Bytes, as floats `[rows, blocks, 16]`, as the two halves of each: `[rows, blocks, 32]`, the low one first. */
function halves(
  { node, int64, scalar }: EmitContext,
  bytes: string,
  [rows, blocks]: readonly [number, number],
): string {
  const high = node('Floor', [node('Mul', [bytes, scalar(1 / 16)])]);
  const low = node('Sub', [bytes, node('Mul', [high, scalar(16)])]);
  const pairs = [low, high].map((half) => node('Unsqueeze', [half, int64([3])]));
  return node('Reshape', [node('Concat', pairs, { attributes: { axis: 3 } }), int64([rows, blocks, BLOCK_SIZE])]);
}

export const dequantizeOp: OpRecord = {
  name: 'dequantize',
  infer([packed, scales], attributes) {
    const { bits } = attributes as { bits: QuantizedBits };
    const [rows, blocks] = packed?.shape ?? [];
    const fits =
      packed?.dtype === 'uint8' &&
      packed.shape[2] === blockBytes(bits) &&
      typeof rows === 'number' &&
      typeof blocks === 'number' &&
      scales?.shape[0] === rows &&
      scales.shape[1] === blocks;
    if (!fits) {
      const got = [packed, scales].filter((tensor) => tensor !== undefined);
      throw shapeError('dequantize', `uint8 blocks [rows, blocks, ${blockBytes(bits)}], scales [rows, blocks]`, ...got);
    }
    return { shape: [rows, blocks * BLOCK_SIZE], dtype: 'float32' };
  },
  gradient: 'none',
  emit(context) {
    const { bits } = context.attributes as { bits: QuantizedBits };
    const { shape } = context.inputTypes[0] as TensorType;
    const [rows, blocks] = shape as readonly [number, number];
    const [packed, scales] = context.inputs as readonly [string, string];
    // plain arithmetic: GatherBlockQuantized, which knows 4 bits, takes eight times as long
    const bytes = context.node('Cast', [packed], { attributes: { to: FLOAT } });
    const levels = bits === 8 ? bytes : halves(context, bytes, [rows, blocks]);
    const centred = context.node('Sub', [levels, context.scalar(2 ** (bits - 1))]);
    const factors = context.node('Reshape', [scales, context.int64([rows, blocks, 1])]);
    const values = context.node('Mul', [centred, factors]);
    context.node('Reshape', [values, context.int64([rows, blocks * BLOCK_SIZE])], { outputs: context.outputs });
  },
  examples: ([4, 8] as const).map((bits) => ({
    name: `${bits} bits`,
    inputs: [
      {
        data: Uint8Array.from({ length: 5 * 2 * blockBytes(bits) }, (_, i) => (i * 37) & 255),
        shape: [5, 2, blockBytes(bits)],
        dtype: 'uint8' as const,
      },
      [5, 2],
    ],
    attributes: { bits },
  })),
};

/**
 * The matrix that blocks stand for, `[rows, blocks · 32]`. A product with it becomes a product with the blocks
 * (`matmulNBits`); the matrix itself arises only where something else reads it, as a gradient does.
 * @param packed uint8 `[rows, blocks, bytes]`
 * @param scales `[rows, blocks]`
 */
export function dequantize(packed: Tensor, scales: Tensor, bits: QuantizedBits): Tensor {
  return apply(dequantizeOp, [packed, scales], { bits });
}
