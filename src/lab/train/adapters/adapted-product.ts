/** What an adapter makes of a product with a frozen weight. */
import type { AdapterConfig } from '../../checkpoint/adapter-config.js';
import { add, div, mul, scale, sqrt, sub } from '../../graph/ops/arithmetic.js';
import { matmul } from '../../graph/ops/matmul.js';
import { sum, transpose } from '../../graph/ops/reshape.js';
import { stopGradient } from '../../graph/ops/stop-gradient.js';
import { type Tensor, scalar } from '../../graph/tensor.js';
import type { Parameters, Pass } from '../../models/model.js';
import { adapterScale } from './adapter-config.js';
import type { AdaptedModule } from './linear-modules.js';
import type { Product } from './replace-products.js';

/**
 * LoRA: `x · Wᵀ + s · drop(x) · Aᵀ · Bᵀ`. DoRA takes both shares times m ÷ ‖W + s · B · A‖, row by row, where the norm is a
 * constant to differentiation (section 4.3 of the paper); where dropout is on, only what was dropped is rescaled, as PEFT does.
 * @param moduleOf the adapted module of each weight
 */
export function adaptedProduct(
  config: AdapterConfig,
  moduleOf: ReadonlyMap<Tensor, AdaptedModule>,
  parameters: Parameters,
  pass: Pass,
): (product: Product) => Tensor | undefined {
  const { dropout = 0 } = config;
  return (product) => {
    const module = moduleOf.get(product.weight);
    if (module === undefined) return undefined;
    const [a, b] = [parameters(module.a), parameters(module.b)];
    const dropped = pass.dropout(product.x, dropout);
    const low = matmul(dropped, a, { transposeB: true });
    const share = matmul(low, b, { transposeB: true, alpha: adapterScale(config) });
    if (module.magnitude === undefined) return add(product.output, share);
    const factor = div(parameters(module.magnitude), rowNorms(product, a, b, adapterScale(config)));
    if (dropped === product.x) return mul(add(product.output, share), factor);
    const again = matmul(dropped, product.weight, { transposeB: product.transposed });
    return add(product.output, add(mul(again, sub(factor, scalar(1))), mul(share, factor)));
  };
}

/** ‖W + s · B · A‖ of each output's row. @returns `[out]` */
function rowNorms({ weight, transposed }: Product, a: Tensor, b: Tensor, factor: number): Tensor {
  const rows = transposed ? weight : transpose(weight, [1, 0]);
  const whole = add(rows, scale(matmul(b, a), factor));
  return stopGradient(sqrt(sum(mul(whole, whole), [1])));
}
