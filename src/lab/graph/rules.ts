/**
 * Rewrites as a table: what stands at the root, and what to put there instead. Each rule is an identity of the algebra
 * or a fused form ONNX Runtime has a kernel for.
 */
import { sameShape } from './dims.js';
import { addOp, divOp, mulOp, negOp, scale, sigmoidOp, silu, sub, subOp } from './ops/arithmetic.js';
import { concat, padOp } from './ops/layout.js';
import { type MatmulOptions, affine, matmul, matmulOp } from './ops/matmul.js';
import { type QuantizedBits, dequantizeOp, matmulNBits } from './ops/quantized.js';
import { expandOp, reshape, reshapeOp, transpose, transposeOp } from './ops/reshape.js';
import { type OpRecord, type Tensor, apply, uniformValue } from './tensor.js';

export interface Rule {
  readonly name: string;
  readonly root: OpRecord;
  /** @param usesOf how many places read a tensor: fusing one that others read would compute it twice */
  rewrite(tensor: Tensor, usesOf: (tensor: Tensor) => number): Tensor | undefined;
}

const permutationOf = (tensor: Tensor): readonly number[] => tensor.attributes['permutation'] as readonly number[];

/** Whether a transposition exchanges the last two axes and nothing else. */
function swapsLastTwo(tensor: Tensor): boolean {
  if (tensor.op !== transposeOp) return false;
  const permutation = permutationOf(tensor);
  const rank = permutation.length;
  return permutation.every((axis, i) => axis === (i === rank - 1 ? rank - 2 : i === rank - 2 ? rank - 1 : i));
}

/** `x ∘ constant` where the constant leaves x as it is. */
function neutralOperand(root: OpRecord, neutral: number, commutative: boolean): Rule {
  return {
    name: `${root.name} with ${neutral}`,
    root,
    rewrite(tensor) {
      const [a, b] = tensor.inputs as readonly [Tensor, Tensor];
      if (uniformValue(b) === neutral && sameShape(a.shape, tensor.shape)) return a;
      if (commutative && uniformValue(a) === neutral && sameShape(b.shape, tensor.shape)) return b;
      return undefined;
    },
  };
}

/** `expand(x) ∘ y`: the kernel broadcasts by itself when y already has the full shape. */
function absorbExpand(root: OpRecord): Rule {
  return {
    name: `expand into ${root.name}`,
    root,
    rewrite(tensor) {
      const [a, b] = tensor.inputs as readonly [Tensor, Tensor];
      if (a.op === expandOp && sameShape(b.shape, tensor.shape)) return apply(root, [a.inputs[0] as Tensor, b]);
      if (b.op === expandOp && sameShape(a.shape, tensor.shape)) return apply(root, [a, b.inputs[0] as Tensor]);
      return undefined;
    },
  };
}

/** The leaves of a tree of sums, or undefined when one of them is no zero padding along the axis of the first. */
function paddedParts(tensor: Tensor, axis: number): Tensor[] | undefined {
  if (tensor.op === padOp) return tensor.attributes['axis'] === axis ? [tensor] : undefined;
  if (tensor.op !== addOp) return undefined;
  const parts = tensor.inputs.map((source) => paddedParts(source, axis));
  return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
}

/** Whether parts, in order, cover an axis of `size` without gap or overlap. */
function covers(parts: readonly Tensor[], axis: number, size: number): boolean {
  let end = 0;
  for (const part of parts) {
    if (part.attributes['before'] !== end) return false;
    end += part.inputs[0]?.shape[axis] as number;
  }
  return end === size;
}

export const rules: readonly Rule[] = [
  {
    name: 'transpose of transpose',
    root: transposeOp,
    rewrite(tensor) {
      const [source] = tensor.inputs as readonly [Tensor];
      if (source.op !== transposeOp) return undefined;
      const inner = permutationOf(source);
      return transpose(
        source.inputs[0] as Tensor,
        permutationOf(tensor).map((axis) => inner[axis] as number),
      );
    },
  },
  {
    name: 'transpose that moves only axes of size 1',
    root: transposeOp,
    rewrite(tensor) {
      const [source] = tensor.inputs as readonly [Tensor];
      const moved = permutationOf(tensor).filter((axis) => source.shape[axis] !== 1);
      const named = tensor.shape.filter((dim, axis) => typeof dim === 'string' && source.shape[axis] !== dim).length;
      const inOrder = moved.every((axis, index) => index === 0 || axis > (moved[index - 1] as number));
      return inOrder && named < 2 ? reshape(source, tensor.shape) : undefined;
    },
  },
  {
    name: 'reshape of reshape',
    root: reshapeOp,
    rewrite(tensor) {
      const [source] = tensor.inputs as readonly [Tensor];
      if (sameShape(source.shape, tensor.shape)) return source;
      const named = tensor.shape.filter((dim) => typeof dim === 'string').length;
      return source.op === reshapeOp && named < 2 ? reshape(source.inputs[0] as Tensor, tensor.shape) : undefined;
    },
  },
  {
    name: 'transpose into matmul',
    root: matmulOp,
    rewrite(tensor) {
      const [a, b] = tensor.inputs as readonly [Tensor, Tensor];
      const options = tensor.attributes as MatmulOptions;
      if (swapsLastTwo(a)) {
        return matmul(a.inputs[0] as Tensor, b, { ...options, transposeA: options.transposeA !== true });
      }
      if (swapsLastTwo(b)) {
        return matmul(a, b.inputs[0] as Tensor, { ...options, transposeB: options.transposeB !== true });
      }
      return undefined;
    },
  },
  {
    name: 'factor into matmul',
    root: mulOp,
    rewrite(tensor, usesOf) {
      const [a, b] = tensor.inputs as readonly [Tensor, Tensor];
      const [product, factor] = a.op === matmulOp ? [a, uniformValue(b)] : [b, uniformValue(a)];
      if (product.op !== matmulOp || factor === undefined || usesOf(product) > 1) return undefined;
      if (!sameShape(product.shape, tensor.shape)) return undefined;
      const options = product.attributes as MatmulOptions;
      const [left, right] = product.inputs as readonly [Tensor, Tensor];
      return matmul(left, right, { ...options, alpha: (options.alpha ?? 1) * factor });
    },
  },
  {
    // the gradients of the slices of one tensor
    name: 'sum of paddings that do not overlap',
    root: addOp,
    rewrite(tensor) {
      const axis = tensor.inputs.find(({ op }) => op === padOp)?.attributes['axis'] as number | undefined;
      const parts = axis === undefined ? undefined : paddedParts(tensor, axis);
      if (axis === undefined || parts === undefined) return undefined;
      const startOf = (part: Tensor): number => part.attributes['before'] as number;
      const inOrder = parts.sort((a, b) => startOf(a) - startOf(b));
      if (!covers(inOrder, axis, tensor.shape[axis] as number)) return undefined;
      return concat(
        inOrder.map((part) => part.inputs[0] as Tensor),
        axis,
      );
    },
  },
  {
    name: 'bias into matmul',
    root: addOp,
    rewrite(tensor, usesOf) {
      for (const [sum, bias] of [tensor.inputs, [...tensor.inputs].reverse()] as readonly (readonly Tensor[])[]) {
        if (sum === undefined || bias?.shape.length !== 1 || usesOf(sum) > 1) continue;
        const product = sum.op === reshapeOp ? (sum.inputs[0] as Tensor) : sum;
        const isPlain = product.op === matmulOp && product.inputs.every(({ shape }) => shape.length === 2);
        const lastAxis = tensor.shape[tensor.shape.length - 1];
        if (!isPlain || usesOf(product) > 1 || product.shape[1] !== bias.shape[0] || lastAxis !== bias.shape[0])
          continue;
        const [a, b] = product.inputs as readonly [Tensor, Tensor];
        return reshape(affine(a, b, bias, product.attributes), tensor.shape);
      }
      return undefined;
    },
  },
  {
    name: 'x · sigmoid(x)',
    root: mulOp,
    rewrite(tensor, usesOf) {
      const [a, b] = tensor.inputs as readonly [Tensor, Tensor];
      if (b.op === sigmoidOp && b.inputs[0] === a && usesOf(b) === 1) return silu(a);
      if (a.op === sigmoidOp && a.inputs[0] === b && usesOf(a) === 1) return silu(b);
      return undefined;
    },
  },
  {
    name: 'a + (−b)',
    root: addOp,
    rewrite(tensor) {
      const [a, b] = tensor.inputs as readonly [Tensor, Tensor];
      if (b.op === negOp) return sub(a, b.inputs[0] as Tensor);
      return a.op === negOp ? sub(b, a.inputs[0] as Tensor) : undefined;
    },
  },
  {
    name: 'product with a quantized matrix',
    root: matmulOp,
    rewrite(tensor) {
      const [x, matrix] = tensor.inputs as readonly [Tensor, Tensor];
      const { transposeA = false, transposeB = false, alpha = 1 } = tensor.attributes as MatmulOptions;
      if (matrix.op !== dequantizeOp || transposeA || !transposeB || x.shape.length < 2) return undefined;
      const [packed, scales] = matrix.inputs as readonly [Tensor, Tensor];
      const { bits } = matrix.attributes as { bits: QuantizedBits };
      const innerSize = matrix.shape[1] as number;
      return scale(matmulNBits(x, packed, scales, { bits, innerSize, accuracyLevel: 0 }), alpha);
    },
  },
  {
    name: '−(−x)',
    root: negOp,
    rewrite: (tensor) => (tensor.inputs[0]?.op === negOp ? tensor.inputs[0].inputs[0] : undefined),
  },
  neutralOperand(addOp, 0, true),
  neutralOperand(subOp, 0, false),
  neutralOperand(mulOp, 1, true),
  neutralOperand(divOp, 1, false),
  absorbExpand(addOp),
  absorbExpand(subOp),
  absorbExpand(mulOp),
  absorbExpand(divOp),
];
