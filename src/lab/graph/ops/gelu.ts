/**
 * The Gaussian error linear unit (Hendrycks & Gimpel 2016), x·Φ(x), exact and in its tanh form. Each is one kernel forward;
 * backward, every line is a pass over memory, so the derivatives are arranged for few of them.
 */
import { type OpRecord, type Tensor, apply, scalar, shapeError } from '../tensor.js';
import { add, exp, mul, neg, scale, sigmoid, sub } from './arithmetic.js';

interface KernelRule {
  readonly name: string;
  readonly onnx: string;
  readonly domain?: 'com.microsoft';
  readonly gradient: (x: Tensor, y: Tensor, gradient: Tensor) => Tensor;
}

function kernelOp({ name, onnx, domain, gradient: derive }: KernelRule): OpRecord {
  return {
    name,
    infer([x]) {
      if (x?.dtype !== 'float32') throw shapeError(name, 'float32', ...(x === undefined ? [] : [x]));
      return { shape: x.shape, dtype: x.dtype };
    },
    gradient: ({ inputs: [x], output, gradient }) => [derive(x as Tensor, output, gradient)],
    emit: ({ node, inputs, outputs }) =>
      void node(onnx, inputs, { outputs, ...(domain === undefined ? {} : { domain }) }),
    examples: [{ inputs: [[2, 3]] }, { inputs: [[3, 2, 2]] }],
  };
}

export const erfOp: OpRecord = kernelOp({
  name: 'erf',
  onnx: 'Erf',
  gradient: (x, _y, gradient) => mul(scale(gradient, 2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x)))),
});

export const geluOp: OpRecord = kernelOp({
  name: 'gelu',
  onnx: 'Gelu',
  domain: 'com.microsoft',
  // With u = x/√2: y' = ½·(1 + erf u) + u·e^(−u²)/√π. The factor ½ goes to the gradient, where a product absorbs it.
  gradient(x, _y, gradient) {
    const u = scale(x, Math.SQRT1_2);
    const bell = mul(scale(u, 2 / Math.sqrt(Math.PI)), exp(neg(mul(u, u))));
    return mul(add(add(erf(u), scalar(1)), bell), scale(gradient, 0.5));
  },
});

const LINEAR = 2 * Math.sqrt(2 / Math.PI);
const CUBIC = LINEAR * 0.044715;

export const geluTanhOp: OpRecord = kernelOp({
  name: 'geluTanh',
  onnx: 'FastGelu',
  domain: 'com.microsoft',
  // ½·(1 + tanh(v/2)) = σ(v), so y = x·s with s = σ(v), v = x·q, q = a + b·x²; then y' = s + (1 − s)·y·v' and
  // v' = 3q − 2a. A third of it is m + s·(⅓ − m) with m = y·(q − ⅔a); the 3 goes to the gradient as above.
  gradient(x, y, gradient) {
    const q = add(scale(mul(x, x), CUBIC), scalar(LINEAR));
    const s = sigmoid(mul(x, q));
    const m = mul(y, sub(q, scalar((2 / 3) * LINEAR)));
    return mul(add(m, mul(s, sub(scalar(1 / 3), m))), scale(gradient, 3));
  },
});

/** The error function, 2/√π · ∫₀ˣ e^(−t²) dt. */
export const erf = (x: Tensor): Tensor => apply(erfOp, [x]);
/** `½·x·(1 + erf(x/√2))`, within 1e-6 of PyTorch's. */
export const gelu = (x: Tensor): Tensor => apply(geluOp, [x]);
/** `½·x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))`: `gelu_new` and `gelu_pytorch_tanh` of Hugging Face configurations. */
export const geluTanh = (x: Tensor): Tensor => apply(geluTanhOp, [x]);
