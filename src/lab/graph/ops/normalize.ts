/** Normalisation over the last axis, softmax among it. */
import { type Dim, sameShape } from '../dims.js';
import { type EmitContext, type OpRecord, type Tensor, apply, projection, scalar, shapeError } from '../tensor.js';
import { add, exp, mul, scale, sub } from './arithmetic.js';
import { mean } from './reduce.js';
import { reshape, sum, sumTo } from './reshape.js';

function requireWeight(op: string, x: Tensor | undefined, weight: Tensor | undefined): asserts x is Tensor {
  const width = x?.shape[x.shape.length - 1];
  if (x === undefined || weight?.shape.length !== 1 || weight.shape[0] !== width) {
    throw shapeError(op, 'a weight as long as the last axis', ...[x, weight].filter((tensor) => tensor !== undefined));
  }
}

const statisticsShape = (x: Tensor): readonly Dim[] => [...x.shape.slice(0, -1), 1];

/** Root-mean-square normalisation (Zhang & Sennrich 2019): x / √(mean(x²) + ε) · weight. */
export const rmsNormOp: OpRecord = {
  name: 'rmsNorm',
  infer([x, weight]) {
    requireWeight('rmsNorm', x, weight);
    return { shape: x.shape, dtype: x.dtype, extraOutputs: [{ shape: statisticsShape(x), dtype: 'float32' }] };
  },
  // With x̂ = x·r and r = 1/√(mean(x²)+ε): dx = r·(g·w − x̂·mean(g·w·x̂)).
  gradient({ inputs: [x, weight], output, gradient }) {
    const inverse = projection(output, 1);
    const normalized = mul(x as Tensor, inverse);
    const weighted = mul(gradient, weight as Tensor);
    const correction = mul(normalized, mean(mul(weighted, normalized), [-1], true));
    return [mul(sub(weighted, correction), inverse), sumTo(mul(gradient, normalized), (weight as Tensor).shape)];
  },
  emit(context) {
    // ONNX Runtime's own op in the standard domain; its second output is r.
    context.node('SimplifiedLayerNormalization', context.inputs, {
      outputs: context.outputs,
      attributes: { axis: -1, stash_type: 1 },
      floats: { epsilon: context.attributes['epsilon'] as number },
    });
  },
  examples: [
    { inputs: [[3, 8], [8]], attributes: { epsilon: 1e-6 } },
    { inputs: [[2, 3, 4], [4]], attributes: { epsilon: 1e-5 } },
  ],
};

/** @param x `[..., width]` @param weight `[width]` */
export function rmsNorm(x: Tensor, weight: Tensor, epsilon: number): Tensor {
  return apply(rmsNormOp, [x, weight], { epsilon });
}

/** A sum and its root-mean-square normalisation in one pass: for programs that are not differentiated. */
export const addRmsNormOp: OpRecord = {
  name: 'addRmsNorm',
  infer([a, b, weight]) {
    requireWeight('addRmsNorm', a, weight);
    if (b === undefined || a.shape.length !== 3 || !sameShape(a.shape, b.shape)) {
      throw shapeError('addRmsNorm', 'two tensors [batch, time, width]', a, ...(b === undefined ? [] : [b]));
    }
    return { shape: a.shape, dtype: a.dtype, extraOutputs: [{ shape: a.shape, dtype: a.dtype }] };
  },
  gradient: 'none',
  emit(context) {
    const [normalized, sum] = context.outputs as readonly [string, string];
    // Between the two stand the mean and the inverse deviation, which the CPU kernel does not give.
    context.node('SkipSimplifiedLayerNormalization', context.inputs, {
      outputs: [normalized, '', '', sum],
      domain: 'com.microsoft',
      floats: { epsilon: context.attributes['epsilon'] as number },
    });
  },
  examples: [{ inputs: [[2, 3, 8], [2, 3, 8], [8]], attributes: { epsilon: 1e-5 } }],
};

/**
 * `rmsNorm(a + b, weight)`; the sum itself is `projection(result, 1)`.
 * @param a, b `[batch, time, width]` @param weight `[width]`
 */
export function addRmsNorm(a: Tensor, b: Tensor, weight: Tensor, epsilon: number): Tensor {
  return apply(addRmsNormOp, [a, b, weight], { epsilon });
}

/** Layer normalisation (Ba, Kiros & Hinton 2016): (x − mean) / √(variance + ε) · weight + bias. */
export const layerNormOp: OpRecord = {
  name: 'layerNorm',
  infer([x, weight, bias]) {
    requireWeight('layerNorm', x, weight);
    requireWeight('layerNorm', x, bias);
    const statistics = { shape: statisticsShape(x), dtype: 'float32' } as const;
    return { shape: x.shape, dtype: x.dtype, extraOutputs: [statistics, statistics] };
  },
  gradient({ inputs: [x, weight, bias], output, gradient }) {
    const inverse = projection(output, 2);
    const normalized = mul(sub(x as Tensor, projection(output, 1)), inverse);
    const weighted = mul(gradient, weight as Tensor);
    const correction = add(mean(weighted, [-1], true), mul(normalized, mean(mul(weighted, normalized), [-1], true)));
    return [
      mul(sub(weighted, correction), inverse),
      sumTo(mul(gradient, normalized), (weight as Tensor).shape),
      sumTo(gradient, (bias as Tensor).shape),
    ];
  },
  emit(context) {
    context.node('LayerNormalization', context.inputs, {
      outputs: context.outputs,
      attributes: { axis: -1 },
      floats: { epsilon: context.attributes['epsilon'] as number },
    });
  },
  examples: [{ inputs: [[3, 8], [8], [8]], attributes: { epsilon: 1e-5 } }],
};

/** @param x `[..., width]` @param weight `[width]` @param bias `[width]` */
export function layerNorm(x: Tensor, weight: Tensor, bias: Tensor, epsilon: number): Tensor {
  return apply(layerNormOp, [x, weight, bias], { epsilon });
}

/** e^x / Σ e^x over the last axis, computed without overflow. */
export const softmaxOp: OpRecord = {
  name: 'softmax',
  infer([x]) {
    if (x?.dtype !== 'float32' || x.shape.length === 0) throw shapeError('softmax', 'float32 of rank 1 or more');
    return { shape: x.shape, dtype: x.dtype };
  },
  gradient({ output, gradient }) {
    const weighted = mul(gradient, output);
    return [sub(weighted, mul(output, sum(weighted, [-1], true)))];
  },
  emit: (context) =>
    void context.node('Softmax', context.inputs, { outputs: context.outputs, attributes: { axis: -1 } }),
  examples: [{ inputs: [[3, 5]] }, { inputs: [[2, 2, 4]] }],
};

export const softmax = (x: Tensor): Tensor => apply(softmaxOp, [x]);

/**
 * The negative log-likelihood of one class a row; with `smoothing` ε that of (1 − ε)·one-hot + ε/classes (Szegedy et al.
 * 2016). The second output, the log-probabilities, lets the gradient
 * (softmax − one-hot) be formed without a second softmax.
 */
export const crossEntropyOp: OpRecord = {
  name: 'crossEntropy',
  infer([logits, targets]) {
    if (logits?.shape.length !== 2 || targets?.dtype !== 'int64' || targets.shape[0] !== logits.shape[0]) {
      throw shapeError('crossEntropy', 'logits [rows, classes] and one int64 target a row');
    }
    return {
      shape: [logits.shape[0] as Dim],
      dtype: 'float32',
      extraOutputs: [{ shape: logits.shape, dtype: 'float32' }],
    };
  },
  gradient({ inputs: [logits, targets], output, gradient, attributes }) {
    const smoothing = attributes['smoothing'] as number;
    const probabilities = exp(projection(output, 1));
    const column = reshape(gradient, [...gradient.shape, 1]);
    if (smoothing === 0) return [mul(subtractOneHot(probabilities, targets as Tensor), column), undefined];
    // p − (1 − ε)·one-hot − ε/classes, with the factor taken out so that the one-hot stays 1
    const rest = 1 - smoothing;
    const spread = scalar(smoothing / ((logits as Tensor).shape[1] as number));
    const difference = subtractOneHot(scale(sub(probabilities, spread), 1 / rest), targets as Tensor);
    return [mul(difference, scale(column, rest)), undefined];
  },
  emit(context) {
    const [logits, targets] = context.inputs as readonly [string, string];
    const [loss, logProbabilities] = context.outputs as readonly [string, string];
    context.node('LogSoftmax', [logits], { outputs: [logProbabilities], attributes: { axis: -1 } });
    const column = context.node('Unsqueeze', [targets, context.int64([1])]);
    const taken = context.node('GatherElements', [logProbabilities, column], { attributes: { axis: 1 } });
    const smoothing = context.attributes['smoothing'] as number;
    const share = smoothing === 0 ? taken : blend(context, taken, logProbabilities, smoothing);
    const negated = context.node('Neg', [share]);
    context.node('Squeeze', [negated, context.int64([1])], { outputs: [loss] });
  },
  examples: [0, 0.1].map((smoothing) => ({
    inputs: [[3, 5], { data: BigInt64Array.of(1n, 4n, 0n), shape: [3], dtype: 'int64' }],
    attributes: { smoothing },
    skipGradient: [1],
  })),
};

/** (1 − ε)·taken + ε·mean over the classes, `[rows, 1]`. */
function blend(context: EmitContext, taken: string, logProbabilities: string, smoothing: number): string {
  const average = context.node('ReduceMean', [logProbabilities, context.int64([1])], { attributes: { keepdims: 1 } });
  const spread = context.node('Mul', [average, context.scalar(smoothing)]);
  return context.node('Add', [context.node('Mul', [taken, context.scalar(1 - smoothing)]), spread]);
}

/** @param logits `[rows, classes]` @param targets `[rows]` int64 @returns nats a row, `[rows]` */
export function crossEntropy(logits: Tensor, targets: Tensor, smoothing = 0): Tensor {
  return apply(crossEntropyOp, [logits, targets], { smoothing });
}

export const subtractOneHotOp: OpRecord = {
  name: 'subtractOneHot',
  infer([matrix, columns]) {
    if (matrix?.shape.length !== 2 || columns?.dtype !== 'int64')
      throw shapeError('subtractOneHot', 'a matrix and int64');
    return { shape: matrix.shape, dtype: matrix.dtype };
  },
  gradient: ({ gradient }) => [gradient, undefined],
  emit(context) {
    const [matrix, columns] = context.inputs as readonly [string, string];
    const places = context.node('Unsqueeze', [columns, context.int64([1])]);
    const rows = context.node('Shape', [places]);
    const minusOne = context.node('Expand', [context.scalar(-1), rows]);
    context.node('ScatterElements', [matrix, places, minusOne], {
      outputs: context.outputs,
      attributes: { axis: 1, reduction: 'add' },
    });
  },
  examples: [
    { inputs: [[3, 4], { data: BigInt64Array.of(2n, 0n, 3n), shape: [3], dtype: 'int64' }], skipGradient: [1] },
  ],
};

/** The matrix with 1 taken from element `columns[row]` of each row. */
export function subtractOneHot(matrix: Tensor, columns: Tensor): Tensor {
  return apply(subtractOneHotOp, [matrix, columns]);
}
