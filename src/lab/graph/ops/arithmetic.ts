/** Element by element: two operands under NumPy's broadcasting rule, or one. */
import { broadcast } from '../dims.js';
import {
  type GradientContext,
  type OpExample,
  type OpRecord,
  type Tensor,
  apply,
  constantData,
  scalar,
  shapeError,
} from '../tensor.js';
import { sumTo } from './reshape.js';

type Pair = readonly [Tensor, Tensor];
const pair = (inputs: readonly Tensor[]): Pair => [inputs[0] as Tensor, inputs[1] as Tensor];

interface BinaryRule {
  readonly name: string;
  readonly onnx: string;
  readonly result?: 'bool';
  readonly compute: (a: number, b: number) => number;
  /** Gradients before broadcasting is undone; `'none'` where not differentiable. */
  readonly gradient: 'none' | ((context: GradientContext) => readonly [Tensor | undefined, Tensor | undefined]);
  readonly range?: readonly [number, number];
  /** Instead of the usual three, for an op with a kink. */
  readonly examples?: readonly OpExample[];
}

function binaryOp(rule: BinaryRule): OpRecord {
  const { gradient } = rule;
  const range = rule.range === undefined ? {} : { range: rule.range };
  return {
    name: rule.name,
    infer(inputs) {
      const [a, b] = pair(inputs);
      const shape = broadcast(a.shape, b.shape);
      if (shape === undefined || a.dtype !== b.dtype)
        throw shapeError(rule.name, 'shapes that broadcast and one type', a, b);
      return { shape, dtype: rule.result ?? a.dtype };
    },
    gradient:
      gradient === 'none'
        ? 'none'
        : (context) => gradient(context).map((share, i) => share && sumTo(share, (context.inputs[i] as Tensor).shape)),
    emit: (context) => void context.node(rule.onnx, context.inputs, { outputs: context.outputs }),
    fold: (inputs) => foldBinary(pair(inputs), rule.compute),
    examples: rule.examples ?? [
      {
        inputs: [
          [2, 3],
          [2, 3],
        ],
        ...range,
      },
      {
        inputs: [
          [2, 1, 3],
          [4, 1],
        ],
        ...range,
      },
      { inputs: [[2, 3], []], ...range },
    ],
  };
}

/** Folds float constants of one shape, or one constant with a single number. */
function foldBinary([a, b]: Pair, compute: (a: number, b: number) => number): Float32Array | undefined {
  const left = constantData(a);
  const right = constantData(b);
  if (!(left instanceof Float32Array) || !(right instanceof Float32Array)) return undefined;
  if (left.length !== right.length && left.length !== 1 && right.length !== 1) return undefined;
  const sameSize = left.length === right.length && a.shape.length === b.shape.length;
  if (!sameSize && left.length !== 1 && right.length !== 1) return undefined;
  const count = Math.max(left.length, right.length);
  const at = (data: Float32Array, index: number): number => (data.length === 1 ? data[0] : data[index]) as number;
  return Float32Array.from({ length: count }, (_, i) => compute(at(left, i), at(right, i)));
}

export const addOp = binaryOp({
  name: 'add',
  onnx: 'Add',
  compute: (a, b) => a + b,
  gradient: ({ gradient }) => [gradient, gradient],
});
export const subOp = binaryOp({
  name: 'sub',
  onnx: 'Sub',
  compute: (a, b) => a - b,
  gradient: ({ gradient }) => [gradient, neg(gradient)],
});
export const mulOp = binaryOp({
  name: 'mul',
  onnx: 'Mul',
  compute: (a, b) => a * b,
  gradient: ({ inputs, gradient }) => {
    const [a, b] = pair(inputs);
    return [mul(gradient, b), mul(gradient, a)];
  },
});
export const divOp = binaryOp({
  name: 'div',
  onnx: 'Div',
  compute: (a, b) => a / b,
  range: [0.5, 2],
  gradient: ({ inputs, output, gradient }) => {
    const share = div(gradient, inputs[1] as Tensor);
    return [share, neg(mul(share, output))];
  },
});
export const maximumOp = binaryOp({
  name: 'maximum',
  onnx: 'Max',
  compute: Math.max,
  // far from ties, where it has no derivative
  examples: [{ inputs: [[2, 3], { data: Float32Array.of(-2, 2, -2), shape: [3], dtype: 'float32' }] }],
  gradient: ({ inputs, gradient }) => {
    const [a, b] = pair(inputs);
    const left = greater(a, b);
    return [where(left, gradient, scalar(0)), where(left, scalar(0), gradient)];
  },
});
export const greaterOp = binaryOp({
  name: 'greater',
  onnx: 'Greater',
  result: 'bool',
  compute: (a, b) => Number(a > b),
  gradient: 'none',
});

export const equalOp = binaryOp({
  name: 'equal',
  onnx: 'Equal',
  result: 'bool',
  compute: (a, b) => Number(a === b),
  gradient: 'none',
  examples: [{ inputs: [[2, 3], { data: Float32Array.of(0, 1, 0), shape: [3], dtype: 'float32' }] }],
});

/** `a + b`. */
export const add = (a: Tensor, b: Tensor): Tensor => apply(addOp, [a, b]);
/** `a − b`. */
export const sub = (a: Tensor, b: Tensor): Tensor => apply(subOp, [a, b]);
/** `a · b`, element by element. */
export const mul = (a: Tensor, b: Tensor): Tensor => apply(mulOp, [a, b]);
/** `a / b`. */
export const div = (a: Tensor, b: Tensor): Tensor => apply(divOp, [a, b]);
/** The larger of each pair; at a tie the gradient goes to `b`. */
export const maximum = (a: Tensor, b: Tensor): Tensor => apply(maximumOp, [a, b]);
/** `a > b` as bool. */
export const greater = (a: Tensor, b: Tensor): Tensor => apply(greaterOp, [a, b]);
/** `a = b` as bool. */
export const equal = (a: Tensor, b: Tensor): Tensor => apply(equalOp, [a, b]);
/** `a · factor` for a number known now. */
export const scale = (a: Tensor, factor: number): Tensor => (factor === 1 ? a : mul(a, scalar(factor)));

export const whereOp: OpRecord = {
  name: 'where',
  infer([condition, a, b]) {
    if (condition === undefined || a === undefined || b === undefined) throw new Error('where takes three inputs');
    const branches = broadcast(a.shape, b.shape);
    const shape = branches && broadcast(condition.shape, branches);
    if (shape === undefined || condition.dtype !== 'bool' || a.dtype !== b.dtype) {
      throw shapeError('where', 'a bool condition and two values that broadcast', condition, a, b);
    }
    return { shape, dtype: a.dtype };
  },
  gradient({ inputs: [condition, a, b], gradient }) {
    const chosen = condition as Tensor;
    const zero = scalar(0);
    return [
      undefined,
      sumTo(where(chosen, gradient, zero), (a as Tensor).shape),
      sumTo(where(chosen, zero, gradient), (b as Tensor).shape),
    ];
  },
  emit: (context) => void context.node('Where', context.inputs, { outputs: context.outputs }),
  examples: [{ inputs: [{ data: Uint8Array.of(1, 0, 1), shape: [3], dtype: 'bool' }, [2, 3], []], skipGradient: [0] }],
};

/** `a` where the condition holds, else `b`. */
export const where = (condition: Tensor, a: Tensor, b: Tensor): Tensor => apply(whereOp, [condition, a, b]);

interface UnaryRule {
  readonly name: string;
  readonly onnx: string;
  readonly domain?: 'com.microsoft';
  readonly compute?: (x: number) => number;
  readonly gradient: (context: { x: Tensor; y: Tensor; gradient: Tensor }) => Tensor;
  readonly range?: readonly [number, number];
  readonly floats?: Readonly<Record<string, number>>;
}

function unaryOp(rule: UnaryRule): OpRecord {
  const example: OpExample = { inputs: [[2, 3]], ...(rule.range === undefined ? {} : { range: rule.range }) };
  const { compute } = rule;
  return {
    name: rule.name,
    infer([x]) {
      if (x?.dtype !== 'float32') throw shapeError(rule.name, 'float32', ...(x === undefined ? [] : [x]));
      return { shape: x.shape, dtype: x.dtype };
    },
    gradient: ({ inputs, output, gradient }) => [rule.gradient({ x: inputs[0] as Tensor, y: output, gradient })],
    emit(context) {
      context.node(rule.onnx, context.inputs, {
        outputs: context.outputs,
        ...(rule.domain === undefined ? {} : { domain: rule.domain }),
        ...(rule.floats === undefined ? {} : { floats: rule.floats }),
      });
    },
    ...(compute === undefined
      ? {}
      : {
          fold(inputs) {
            const data = constantData(inputs[0]);
            return data instanceof Float32Array ? data.map(compute) : undefined;
          },
        }),
    examples: [example],
  };
}

const one = scalar(1);

export const negOp = unaryOp({
  name: 'neg',
  onnx: 'Neg',
  compute: (x) => -x,
  gradient: ({ gradient }) => neg(gradient),
});
export const expOp = unaryOp({
  name: 'exp',
  onnx: 'Exp',
  compute: Math.exp,
  gradient: ({ y, gradient }) => mul(gradient, y),
});
export const logOp = unaryOp({
  name: 'log',
  onnx: 'Log',
  compute: Math.log,
  range: [0.5, 2],
  gradient: ({ x, gradient }) => div(gradient, x),
});
export const sqrtOp = unaryOp({
  name: 'sqrt',
  onnx: 'Sqrt',
  compute: Math.sqrt,
  range: [0.5, 2],
  gradient: ({ y, gradient }) => div(scale(gradient, 0.5), y),
});
export const tanhOp = unaryOp({
  name: 'tanh',
  onnx: 'Tanh',
  compute: Math.tanh,
  gradient: ({ y, gradient }) => mul(gradient, sub(one, mul(y, y))),
});
export const sigmoidOp = unaryOp({
  name: 'sigmoid',
  onnx: 'Sigmoid',
  gradient: ({ y, gradient }) => mul(gradient, mul(y, sub(one, y))),
});
export const reluOp = unaryOp({
  name: 'relu',
  onnx: 'Relu',
  range: [0.1, 2],
  gradient: ({ x, gradient }) => where(greater(x, scalar(0)), gradient, scalar(0)),
});
/** `x · sigmoid(x)` (Hendrycks & Gimpel 2016; "swish"): one kernel, com.microsoft.QuickGelu with alpha 1. */
export const siluOp = unaryOp({
  name: 'silu',
  onnx: 'QuickGelu',
  domain: 'com.microsoft',
  floats: { alpha: 1 },
  // d(x·s)/dx = s + x·s·(1 − s) = s + y·(1 − s)
  gradient: ({ x, y, gradient }) => {
    const s = sigmoid(x);
    return mul(gradient, add(s, mul(y, sub(one, s))));
  },
});

/** `−x`. */
export const neg = (x: Tensor): Tensor => apply(negOp, [x]);
/** eˣ. */
export const exp = (x: Tensor): Tensor => apply(expOp, [x]);
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => apply(logOp, [x]);
export const sqrt = (x: Tensor): Tensor => apply(sqrtOp, [x]);
export const tanh = (x: Tensor): Tensor => apply(tanhOp, [x]);
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => apply(sigmoidOp, [x]);
/** max(x, 0). */
export const relu = (x: Tensor): Tensor => apply(reluOp, [x]);
/** x · sigmoid(x). */
export const silu = (x: Tensor): Tensor => apply(siluOp, [x]);
