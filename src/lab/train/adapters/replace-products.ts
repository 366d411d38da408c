/**
 * Graphs with other products in them: a model's forward pass stays what it is, and each of its products `x · weight` becomes
 * what an adapter or a quantized weight makes of it. Done before differentiation, so that only what is there has a gradient.
 */
import { type MatmulOptions, matmulOp } from '../../graph/ops/matmul.js';
import { type Tensor, topologicalOrder } from '../../graph/tensor.js';

/** A product of rows with a weight. */
export interface Product {
  /** `[..., in]`. */
  readonly x: Tensor;
  readonly weight: Tensor;
  /** The weight is `[out, in]`, not `[in, out]`. */
  readonly transposed: boolean;
  /** `[..., out]`. */
  readonly output: Tensor;
}

/** The product with a matrix that a tensor is; undefined for any other. */
export function productOf(tensor: Tensor): Product | undefined {
  if (tensor.op !== matmulOp) return undefined;
  const { transposeA = false, transposeB = false, alpha = 1 } = tensor.attributes as MatmulOptions;
  const [x, weight] = tensor.inputs as readonly [Tensor, Tensor];
  if (transposeA || alpha !== 1 || weight.shape.length !== 2) return undefined;
  return { x, weight, transposed: transposeB, output: tensor };
}

/** What to put in place of products and of leaves (inputs); undefined leaves them as they are. */
export interface Replacements {
  readonly product: (product: Product) => Tensor | undefined;
  readonly leaf?: (tensor: Tensor) => Tensor | undefined;
}

/**
 * Rebuilds what `outputs` depend on. A product that is replaced reads its weight no more; whatever else reads the weight
 * gets the leaf's replacement.
 * @returns the new form of any tensor of the graph
 */
export function replaceProducts(outputs: readonly Tensor[], { product, leaf }: Replacements): (old: Tensor) => Tensor {
  const known = new Map<Tensor, Tensor>();
  const formOf = (tensor: Tensor): Tensor => known.get(tensor) ?? tensor;
  for (const tensor of topologicalOrder(outputs)) {
    const found = productOf(tensor);
    // asked before the leaf took its new form: a product is known by the weight it was built with
    const own = found && product({ ...found, x: formOf(found.x), output: rebuilt(tensor, formOf) });
    known.set(tensor, own ?? (tensor.inputs.length === 0 ? leaf?.(tensor) : undefined) ?? rebuilt(tensor, formOf));
  }
  return formOf;
}

function rebuilt(tensor: Tensor, formOf: (tensor: Tensor) => Tensor): Tensor {
  const inputs = tensor.inputs.map(formOf);
  return inputs.every((source, index) => source === tensor.inputs[index]) ? tensor : { ...tensor, inputs };
}
