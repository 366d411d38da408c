/**
 * Weight-only quantization as a rewrite: products with large constants become products with quantized ones, and so do
 * lookups. The model stays what it was; only its program changes.
 */
import { quantizeMatrix } from './block-quantization.js';
import { add, scale } from './ops/arithmetic.js';
import { gatherOp } from './ops/indexing.js';
import { type MatmulOptions, affineOp, matmulOp } from './ops/matmul.js';
import {
  BLOCK_SIZE,
  type MatmulNBitsOptions,
  type QuantizedBits,
  blockBytes,
  gatherBytes,
  matmulNBits,
} from './ops/quantized.js';
import { rewrite } from './rewrite.js';
import type { Rule } from './rules.js';
import { type OpRecord, type Tensor, constant, constantData } from './tensor.js';

/** What becomes of a constant matrix; undefined leaves it in float32. */
export interface QuantizationPolicy {
  /** For the matrix of a product. */
  product(matrix: Tensor): QuantizedBits | undefined;
  /** For the table of a lookup, `[rows, width]`. */
  lookup(table: Tensor): 8 | undefined;
  readonly accuracyLevel: MatmulNBitsOptions['accuracyLevel'];
}

/** Rewrites graphs under one policy; graphs that share constants share their quantized forms. */
export type Quantizer = (outputs: readonly Tensor[]) => Tensor[];

interface QuantizedConstants {
  /** Before quantization, `[rows, columns]`: rows are what a product returns, columns what it sums over. */
  readonly columns: number;
  readonly packed: Uint8Array;
  readonly rows: number;
  readonly scales: Tensor;
}

export function createQuantizer(policy: QuantizationPolicy): Quantizer {
  const quantized = constantsQuantizer();
  const product = (tensor: Tensor): Tensor | undefined => {
    const [x, matrix] = tensor.inputs as readonly [Tensor, Tensor];
    const { transposeA = false, transposeB = false, alpha = 1 } = tensor.attributes as MatmulOptions;
    if (transposeA || matrix.shape.length !== 2 || constantData(matrix) === undefined) return undefined;
    const bits = policy.product(matrix);
    if (bits === undefined) return undefined;
    const { columns, rows, packed, scales } = quantized(matrix, bits, !transposeB);
    const blocks = constant(packed, [rows, Math.ceil(columns / BLOCK_SIZE), blockBytes(bits)], 'uint8');
    const options = { bits, innerSize: columns, accuracyLevel: policy.accuracyLevel };
    return scale(matmulNBits(x, blocks, scales, options), alpha);
  };
  const rules: readonly Rule[] = [
    rule(matmulOp, product),
    rule(affineOp, (tensor) => {
      const plain = product(tensor);
      return plain && add(plain, tensor.inputs[2] as Tensor);
    }),
    rule(gatherOp, (tensor) => {
      const [table, indices] = tensor.inputs as readonly [Tensor, Tensor];
      const isWhole = table.shape.length === 2 && (table.shape[1] as number) % BLOCK_SIZE === 0;
      if (!isWhole || constantData(table) === undefined || policy.lookup(table) === undefined) return undefined;
      const { columns, rows, packed, scales } = quantized(table, 8, false);
      return gatherBytes(constant(packed, [rows, columns], 'uint8'), indices, scales);
    }),
  ];
  // The ordinary rules first: they turn transposed matrices and factors into forms that these rules know.
  return (outputs) => rewrite(rewrite(outputs), rules);
}

const rule = (root: OpRecord, apply: (tensor: Tensor) => Tensor | undefined): Rule => ({
  name: `quantize ${root.name}`,
  root,
  rewrite: apply,
});

/** Each constant is quantized once, however many products and programs use it. */
function constantsQuantizer(): (matrix: Tensor, bits: QuantizedBits, transposed: boolean) => QuantizedConstants {
  const known = new Map<Tensor, Map<string, QuantizedConstants>>();
  return (matrix, bits, transposed) => {
    const forms = known.get(matrix) ?? new Map<string, QuantizedConstants>();
    known.set(matrix, forms);
    const key = `${bits} ${transposed}`;
    const form = forms.get(key) ?? quantizeConstant(matrix, bits, transposed);
    forms.set(key, form);
    return form;
  };
}

function quantizeConstant(matrix: Tensor, bits: QuantizedBits, transposed: boolean): QuantizedConstants {
  const data = constantData(matrix) as Float32Array;
  const [height, width] = matrix.shape as readonly [number, number];
  const [rows, columns] = transposed ? [width, height] : [height, width];
  const values = transposed ? transposedCopy(data, height, width) : data;
  const { packed, scales } = quantizeMatrix(values, rows, columns, bits);
  return { columns, rows, packed, scales: constant(scales, [rows, scales.length / rows]) };
}

function transposedCopy(data: Float32Array, height: number, width: number): Float32Array {
  const copy = new Float32Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) copy[column * height + row] = data[row * width + column] as number;
  }
  return copy;
}
