/** All rewrites of programs that are run and never differentiated, in the order in which each finds what it looks for. */
import { fuseResiduals } from './fuse-residuals.js';
import { createInferenceRules } from './inference-rules.js';
import { joinProducts } from './join-products.js';
import type { Quantizer } from './quantize.js';
import { rewrite } from './rewrite.js';
import type { Tensor } from './tensor.js';

/** Programs optimised by one function share the constants that are made on the way. */
export function createInferenceOptimizer(quantize: Quantizer = rewrite): (outputs: readonly Tensor[]) => Tensor[] {
  const rules = createInferenceRules();
  return (outputs) => fuseResiduals(joinProducts(rewrite(quantize(outputs), rules)));
}
