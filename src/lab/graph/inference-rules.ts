/**
 * Rewrites for programs that are only run, where one row at a time is multiplied: forms that ONNX Runtime's CPU kernels
 * have short ways for.
 */
import { sameShape } from './dims.js';
import { mul } from './ops/arithmetic.js';
import { type MatmulOptions, matmul, matmulOp } from './ops/matmul.js';
import { rmsNormOp } from './ops/normalize.js';
import { matmulNBitsOp } from './ops/quantized.js';
import { reshapeOp, transposeOp } from './ops/reshape.js';
import { rotaryOp } from './ops/rotary.js';
import type { Rule } from './rules.js';
import { type OpRecord, type Tensor, constant, constantData } from './tensor.js';

/** Ops that are linear in one of their inputs: which one takes a factor that stood behind the op. */
const factorGoesTo: ReadonlyMap<OpRecord, number> = new Map([
  [reshapeOp, 0],
  [transposeOp, 0],
  [rotaryOp, 0],
  [matmulOp, 1],
  [matmulNBitsOp, 2],
  [rmsNormOp, 1],
]);

/** The rules share the constants they make, so that equal expressions stay equal. */
export function createInferenceRules(): readonly Rule[] {
  const scaledConstants = new Map<Tensor, Map<number, Tensor>>();
  const scaledConstant = (tensor: Tensor, data: Float32Array, factor: number): Tensor => {
    const known = scaledConstants.get(tensor) ?? new Map<number, Tensor>();
    scaledConstants.set(tensor, known);
    const shape = tensor.shape as readonly number[];
    const scaled =
      known.get(factor) ??
      constant(
        data.map((value) => value * factor),
        shape,
      );
    known.set(factor, scaled);
    return scaled;
  };
  /** `tensor · factor` at no cost when it runs, or undefined where the factor meets no constant. */
  const scaledAtNoCost = (tensor: Tensor, factor: number): Tensor | undefined => {
    const data = constantData(tensor);
    if (data instanceof Float32Array) return scaledConstant(tensor, data, factor);
    const index = factorGoesTo.get(tensor.op);
    const source = index === undefined ? undefined : tensor.inputs[index];
    const scaled = source && scaledAtNoCost(source, factor);
    return scaled && { ...tensor, inputs: tensor.inputs.map((each, i) => (i === index ? scaled : each)) };
  };
  return [
    {
      // The kernel for one row reads the other matrix as it lies, but only where the factor is 1. A multiplication before
      // the product would not do: ONNX Runtime would draw it in again.
      name: 'factor of a product with one row into the constants the row is made from',
      root: matmulOp,
      rewrite(tensor) {
        const [row, matrix] = tensor.inputs as readonly [Tensor, Tensor];
        const { alpha = 1, transposeA = false, ...options } = tensor.attributes as MatmulOptions;
        if (alpha === 1 || transposeA || row.shape[row.shape.length - 2] !== 1) return undefined;
        const scaled = scaledAtNoCost(row, alpha);
        return scaled && matmul(scaled, matrix, options);
      },
    },
    {
      name: 'product over an axis of size 1',
      root: matmulOp,
      rewrite(tensor) {
        const [a, b] = tensor.inputs as readonly [Tensor, Tensor];
        const { alpha = 1, transposeA = false, transposeB = false } = tensor.attributes as MatmulOptions;
        if (transposeA || transposeB || alpha !== 1 || a.shape[a.shape.length - 1] !== 1) return undefined;
        const product = mul(a, b);
        return sameShape(product.shape, tensor.shape) ? product : undefined;
      },
    },
  ];
}
