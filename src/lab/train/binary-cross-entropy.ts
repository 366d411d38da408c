import { add, exp, log, mul, neg, relu, sub } from '../graph/ops/arithmetic.js';
import { stopGradient } from '../graph/ops/stop-gradient.js';
import type { Tensor } from '../graph/tensor.js';

/** ln(1 + eˣ), written so that no exponential overflows; its gradient is σ(x) everywhere. */
export function softplus(x: Tensor): Tensor {
  const largest = stopGradient(relu(x)); // of 0 and x; what is taken out of both exponents is a constant
  return add(largest, log(add(exp(sub(x, largest)), exp(neg(largest)))));
}

/**
 * Nats of each answer, of its logit: −y·ln σ(z) − (1 − y)·ln(1 − σ(z)), as PyTorch's `binary_cross_entropy_with_logits`.
 * @param targets 0 or 1 (or between), of the logits' shape
 */
export const binaryCrossEntropy = (logits: Tensor, targets: Tensor): Tensor =>
  sub(softplus(logits), mul(logits, targets));
