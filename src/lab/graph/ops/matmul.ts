import { type Dim, broadcast, isStatic, productOf } from '../dims.js';
import { type InferredType, type OpRecord, type Tensor, apply, shapeError } from '../tensor.js';
import { reshape, sumTo } from './reshape.js';

export interface MatmulOptions {
  /** Read `a` with its last two axes exchanged. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Multiplies the product; free inside the kernel. Default 1. */
  readonly alpha?: number;
}

function inferMatmul(inputs: readonly Tensor[], options: MatmulOptions): InferredType {
  const [a, b] = inputs as readonly [Tensor, Tensor];
  if (a.shape.length < 2 || b.shape.length < 2 || a.dtype !== 'float32' || b.dtype !== 'float32') {
    throw shapeError('matmul', 'two float32 tensors of rank 2 or more', a, b);
  }
  const [aRows, aColumns] = lastTwo(a, options.transposeA === true);
  const [bRows, bColumns] = lastTwo(b, options.transposeB === true);
  const batch = broadcast(a.shape.slice(0, -2), b.shape.slice(0, -2));
  if (aColumns !== bRows || batch === undefined) {
    throw shapeError(
      'matmul',
      `inner sizes that agree (they are ${aColumns} and ${bRows}) and batches that broadcast`,
      a,
      b,
    );
  }
  return { shape: [...batch, aRows, bColumns], dtype: 'float32' };
}

function lastTwo(tensor: Tensor, transposed: boolean): [Dim, Dim] {
  const rows = tensor.shape[tensor.shape.length - 2] as Dim;
  const columns = tensor.shape[tensor.shape.length - 1] as Dim;
  return transposed ? [columns, rows] : [rows, columns];
}

/** C = α·op(A)·op(B), so dA = α·dC·op(B)ᵀ and dB = α·op(A)ᵀ·dC, written transposed where the operand is. */
function matmulGradient(product: Tensor, gradient: Tensor): [Tensor, Tensor] {
  const [a, b] = product.inputs as readonly [Tensor, Tensor];
  const { transposeA = false, transposeB = false, alpha = 1 } = product.attributes as MatmulOptions;
  const forA = transposeA
    ? matmul(b, gradient, { transposeA: transposeB, transposeB: true, alpha })
    : matmul(gradient, b, { transposeB: !transposeB, alpha });
  const forB = transposeB
    ? matmul(gradient, a, { transposeA: true, transposeB: transposeA, alpha })
    : matmul(a, gradient, { transposeA: !transposeA, alpha });
  return [sumTo(forA, a.shape), sumTo(forB, b.shape)];
}

export const matmulOp: OpRecord = {
  name: 'matmul',
  infer: (inputs, attributes) => inferMatmul(inputs, attributes as MatmulOptions),
  gradient: ({ output, gradient }) => matmulGradient(output, gradient),
  emit(context) {
    const { transposeA = false, transposeB = false, alpha = 1 } = context.attributes as MatmulOptions;
    const flags = { transA: Number(transposeA), transB: Number(transposeB) };
    const { outputs } = context;
    if (!transposeA && !transposeB && alpha === 1) context.node('MatMul', context.inputs, { outputs });
    else if (context.inputTypes.every((type) => type.shape.length === 2)) {
      context.node('Gemm', context.inputs, { outputs, attributes: flags, floats: { alpha } });
    } else {
      context.node('FusedMatMul', context.inputs, {
        outputs,
        domain: 'com.microsoft',
        attributes: flags,
        floats: { alpha },
      });
    }
  },
  examples: [
    {
      inputs: [
        [3, 4],
        [4, 2],
      ],
    },
    {
      inputs: [
        [4, 3],
        [2, 4],
      ],
      attributes: { transposeA: true, transposeB: true, alpha: 0.5 },
    },
    {
      inputs: [
        [3, 4],
        [2, 4],
      ],
      attributes: { transposeB: true },
    },
    {
      inputs: [
        [2, 3, 4, 5],
        [3, 5, 2],
      ],
    },
    {
      inputs: [
        [2, 4, 3],
        [2, 4, 5],
      ],
      attributes: { transposeA: true, alpha: 2 },
    },
    {
      name: 'batch against one matrix',
      inputs: [
        [2, 3, 4],
        [5, 4],
      ],
      attributes: { transposeB: true },
    },
  ],
};

/** The matrix product of the last two axes, batched over the leading ones under the broadcasting rule. */
export function matmul(a: Tensor, b: Tensor, options: MatmulOptions = {}): Tensor {
  return apply(matmulOp, [a, b], { ...options });
}

export const affineOp: OpRecord = {
  name: 'affine',
  infer([a, b, bias], options) {
    if (a?.shape.length !== 2 || b?.shape.length !== 2 || bias?.shape.length !== 1) {
      throw shapeError('affine', 'two matrices and a bias', ...[a, b, bias].filter((tensor) => tensor !== undefined));
    }
    const product = inferMatmul([a, b], options);
    if (product.shape[1] !== bias.shape[0]) throw shapeError('affine', `a bias for ${product.shape[1]} columns`, bias);
    return product;
  },
  gradient({ inputs: [a, b, bias], gradient, attributes }) {
    const product = matmul(a as Tensor, b as Tensor, attributes);
    const shares = matmulGradient(product, gradient);
    return [...shares, sumTo(gradient, (bias as Tensor).shape)];
  },
  emit(context) {
    const { transposeA = false, transposeB = false, alpha = 1 } = context.attributes as MatmulOptions;
    context.node('Gemm', context.inputs, {
      outputs: context.outputs,
      attributes: { transA: Number(transposeA), transB: Number(transposeB) },
      floats: { alpha },
    });
  },
  examples: [
    { inputs: [[3, 4], [4, 2], [2]] },
    { inputs: [[3, 4], [2, 4], [2]], attributes: { transposeB: true, alpha: 0.5 } },
  ],
};

/** `matmul(a, b) + bias` of two matrices, in one pass over the result. @param bias `[columns]` */
export function affine(a: Tensor, b: Tensor, bias: Tensor, options: MatmulOptions = {}): Tensor {
  return apply(affineOp, [a, b, bias], { ...options });
}

/**
 * `x · weightᵀ` for a weight stored `[out, in]`, as Hugging Face files store it.
 * @param x `[..., in]`; leading axes of known size are multiplied as one matrix, the fastest form
 */
export function linear(x: Tensor, weight: Tensor): Tensor {
  const leading = x.shape.slice(0, -1);
  const width = x.shape[x.shape.length - 1] as Dim;
  if (x.shape.length === 2 || !isStatic(leading)) return matmul(x, weight, { transposeB: true });
  const rows = reshape(x, [productOf(leading), width]);
  return reshape(matmul(rows, weight, { transposeB: true }), [...leading, weight.shape[0] as Dim]);
}
