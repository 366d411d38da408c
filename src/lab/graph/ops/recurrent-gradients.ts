/**
 * The backward passes of `recurrent.ts`. A step's gradient with respect to its gates is its gradient with respect to its
 * states times factors that depend on forward values alone; those are computed for all steps at once, so that inside the
 * loop, which is unrolled when the op is emitted, remain a few products by element and one matrix product.
 */
import { isStatic } from '../dims.js';
import {
  type EmitContext,
  type GradientContext,
  type OpRecord,
  type Tensor,
  apply,
  constant,
  projection,
  scalar,
  shapeError,
} from '../tensor.js';
import { add, greater, mul, sigmoid, sub, tanh, where } from './arithmetic.js';
import { concat, slice } from './layout.js';
import { affine, matmul } from './matmul.js';
import { reshape, sum } from './reshape.js';

const one = scalar(1);
/** s·(1 − s), the slope of a sigmoid from its value. */
const sigmoidSlope = (s: Tensor): Tensor => mul(s, sub(one, s));
/** 1 − t², the slope of a tanh from its value. */
const tanhSlope = (t: Tensor): Tensor => sub(one, mul(t, t));

/** What every cell reads; states and lengths follow. */
type RecurrentInputs = readonly [Tensor, Tensor, Tensor, Tensor, Tensor, ...Tensor[]];

interface Sequence {
  readonly x: Tensor;
  readonly weightIh: Tensor;
  readonly weightHh: Tensor;
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
  readonly states: readonly Tensor[];
  readonly time: number;
  readonly batch: number;
  readonly hidden: number;
  /** The hidden state before each step, `[time, batch, hidden]`. */
  readonly before: Tensor;
  /** The gradient of the outputs, zeros after a row's length. */
  readonly gradient: Tensor;
  readonly hasLengths: boolean;
}

function readSequence({ inputs, output, gradient }: GradientContext, stateCount: number): Sequence {
  const [x, weightIh, weightHh, biasIh, biasHh, ...rest] = inputs as RecurrentInputs;
  if (!isStatic(output.shape)) throw shapeError(output.op.name, 'known sizes to be differentiated', output);
  const [time, batch, hidden] = output.shape as readonly [number, number, number];
  const lengths = rest[stateCount];
  const states = rest.slice(0, stateCount);
  return {
    x,
    weightIh,
    weightHh,
    biasIh,
    biasHh,
    states,
    time,
    batch,
    hidden,
    before: shifted(inputs[5] as Tensor, output),
    gradient: lengths === undefined ? gradient : withinLengths(gradient, lengths),
    hasLengths: lengths !== undefined,
  };
}

/** What stood before each step: `first` `[batch, hidden]`, then all of `sequence` but its last. */
function shifted(first: Tensor, sequence: Tensor): Tensor {
  const [time, batch, hidden] = sequence.shape as readonly [number, number, number];
  const start = reshape(first, [1, batch, hidden]);
  return time === 1 ? start : concat([start, slice(sequence, 0, 0, time - 1)], 0);
}

/** @param lengths `[batch]` int64 */
function withinLengths(x: Tensor, lengths: Tensor): Tensor {
  const [time, batch] = x.shape as readonly [number, number];
  const steps = constant(
    BigInt64Array.from({ length: time }, (_, step) => BigInt(step)),
    [time, 1, 1],
    'int64',
  );
  return where(greater(reshape(lengths, [1, batch, 1]), steps), x, scalar(0));
}

/** Steps and batch as the rows of one matrix. */
function rowsOf(x: Tensor): Tensor {
  const [time, batch, width] = x.shape as readonly [number, number, number];
  return reshape(x, [time * batch, width]);
}

/** `x · weightᵀ + bias` of all steps, `[time, batch, gates · hidden]`. */
function project({ time, batch }: Sequence, x: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return reshape(affine(rowsOf(x), weight, bias, { transposeB: true }), [time, batch, weight.shape[0] as number]);
}

/** The blocks of a gate tensor. */
function split(gates: Tensor, count: number): Tensor[] {
  const size = (gates.shape[2] as number) / count;
  return Array.from({ length: count }, (_, index) => slice(gates, 2, index * size, (index + 1) * size));
}

/**
 * Gradients of x, weights, biases and states, each one product over all steps.
 * @param ofInput with respect to what the inputs were projected to, `[time, batch, gates · hidden]`
 * @param ofHidden with respect to what the hidden states were projected to
 */
function shares(s: Sequence, ofInput: Tensor, ofHidden: Tensor, ofStates: readonly Tensor[]): (Tensor | undefined)[] {
  const [inputRows, hiddenRows] = [rowsOf(ofInput), rowsOf(ofHidden)];
  const biasIh = sum(inputRows, [0]);
  return [
    reshape(matmul(inputRows, s.weightIh), s.x.shape),
    matmul(inputRows, rowsOf(s.x), { transposeA: true }),
    matmul(hiddenRows, rowsOf(s.before), { transposeA: true }),
    biasIh,
    ofInput === ofHidden ? biasIh : sum(hiddenRows, [0]),
    ...ofStates,
    ...(s.hasLengths ? [undefined] : []),
  ];
}

/** h' = o·tanh(c'), c' = f·c + i·g with gates i, f, g, o. */
export function lstmGradient(context: GradientContext): readonly (Tensor | undefined)[] {
  const s = readSequence(context, 2);
  const projected = add(project(s, s.x, s.weightIh, s.biasIh), project(s, s.before, s.weightHh, s.biasHh));
  const [preInput, preForget, preCell, preOutput] = split(projected, 4) as [Tensor, Tensor, Tensor, Tensor];
  const [i, f, g, o] = [sigmoid(preInput), sigmoid(preForget), tanh(preCell), sigmoid(preOutput)];
  const start = s.states[1] as Tensor;
  const cells = apply(cellStatesOp, [f, mul(i, g), start]); // [time, batch, hidden]
  const bent = tanh(cells);
  const ofCell = mul(o, tanhSlope(bent));
  const factors = concat(
    [
      mul(g, sigmoidSlope(i)),
      mul(shifted(start, cells), sigmoidSlope(f)),
      mul(i, tanhSlope(g)),
      mul(bent, sigmoidSlope(o)),
    ],
    2,
  ); // [time, batch, 4 · hidden]
  const ofGates = apply(lstmGateGradientsOp, [s.gradient, ofCell, f, factors, s.weightHh]);
  return shares(s, ofGates, ofGates, [projection(ofGates, 1), projection(ofGates, 2)]);
}

/** h' = (1 − z)·n + z·h with n = tanh(x̂ + r·ĥ), where x̂ and ĥ are the projections of input and hidden state. */
export function gruGradient(context: GradientContext): readonly (Tensor | undefined)[] {
  const s = readSequence(context, 1);
  const [xReset, xUpdate, xNew] = split(project(s, s.x, s.weightIh, s.biasIh), 3) as [Tensor, Tensor, Tensor];
  const [hReset, hUpdate, hNew] = split(project(s, s.before, s.weightHh, s.biasHh), 3) as [Tensor, Tensor, Tensor];
  const [r, z] = [sigmoid(add(xReset, hReset)), sigmoid(add(xUpdate, hUpdate))];
  const n = tanh(add(xNew, mul(r, hNew)));
  const ofNew = mul(sub(one, z), tanhSlope(n));
  const ofReset = mul(mul(ofNew, hNew), sigmoidSlope(r));
  const ofUpdate = mul(sub(s.before, n), sigmoidSlope(z));
  const factors = concat([ofReset, ofUpdate, mul(ofNew, r)], 2); // [time, batch, 3 · hidden]
  const ofHidden = apply(hiddenGradientsOp, [s.gradient, factors, s.weightHh, z]);
  const steps = projection(ofHidden, 2);
  const ofInput = concat([slice(ofHidden, 2, 0, 2 * s.hidden), mul(steps, ofNew)], 2);
  return shares(s, ofInput, ofHidden, [projection(ofHidden, 1)]);
}

/** h' = tanh(…) or max(0, …); the slope is known from the value. */
export function plainGradient(context: GradientContext): readonly (Tensor | undefined)[] {
  const s = readSequence(context, 1);
  const { output } = context;
  const slope = output.op.name === 'tanhRnn' ? tanhSlope(output) : where(greater(output, scalar(0)), one, scalar(0));
  const ofGates = apply(hiddenGradientsOp, [s.gradient, slope, s.weightHh]);
  return shares(s, ofGates, ofGates, [projection(ofGates, 1)]);
}

/** One part a step of a tensor `[time, batch, width]`: `[1, batch, width]` each. */
function steps(context: EmitContext, index: number): string[] {
  const time = context.inputTypes[index]?.shape[0] as number;
  const name = context.inputs[index] as string;
  if (time === 1) return [name];
  const outputs = Array.from({ length: time }, (_, step) => `${context.outputs[0]}_${index}_${step}`);
  context.node('Split', [name], { outputs, attributes: { axis: 0, num_outputs: time } });
  return outputs;
}

function join(context: EmitContext, parts: readonly string[], output: number): void {
  context.node('Concat', parts, { outputs: [context.outputs[output] as string], attributes: { axis: 0 } });
}

const stateShape = (sequence: Tensor | undefined) =>
  ({ shape: (sequence?.shape ?? []).slice(1), dtype: 'float32' }) as const;

/** c' = f·c + u over all steps. Inputs f and u `[time, batch, hidden]`, start `[batch, hidden]`. */
export const cellStatesOp: OpRecord = {
  name: 'cellStates',
  infer([forget, update, start]) {
    if (forget === undefined || update === undefined || start === undefined || !isStatic(forget.shape)) {
      throw shapeError('cellStates', 'known shapes');
    }
    return { shape: forget.shape, dtype: 'float32' };
  },
  gradient: 'none',
  emit(context) {
    const [forget, update] = [steps(context, 0), steps(context, 1)];
    let cell = context.inputs[2] as string;
    const cells = forget.map((factor, step) => {
      cell = context.node('Add', [context.node('Mul', [factor, cell]), update[step] as string]);
      return cell;
    });
    join(context, cells, 0);
  },
  examples: [
    {
      inputs: [
        [3, 2, 4],
        [3, 2, 4],
        [2, 4],
      ],
    },
    {
      inputs: [
        [1, 2, 4],
        [1, 2, 4],
        [2, 4],
      ],
    },
  ],
};

/**
 * An LSTM's gradients with respect to its gates, `[time, batch, 4 · hidden]`, and to the states before the first step.
 * Inputs: the gradient of the outputs, ∂c/∂h, the forget gate, ∂gates/∂(c, c, c, h) and weightHh.
 */
export const lstmGateGradientsOp: OpRecord = {
  name: 'lstmGateGradients',
  infer([gradient, , , factors]) {
    if (factors === undefined || !isStatic(factors.shape)) throw shapeError('lstmGateGradients', 'known shapes');
    return { shape: factors.shape, dtype: 'float32', extraOutputs: [stateShape(gradient), stateShape(gradient)] };
  },
  gradient: 'none',
  emit(context) {
    const [outputs, ofCell, forget, factors] = [0, 1, 2, 3].map((index) => steps(context, index)) as string[][];
    const weight = context.inputs[4] as string;
    const node = (type: string, ...inputs: readonly (string | undefined)[]): string =>
      context.node(type, inputs as readonly string[]);
    const gates: string[] = [];
    let hidden: string | undefined;
    let cell: string | undefined;
    for (let step = (outputs?.length ?? 0) - 1; step >= 0; step--) {
      const total: string = hidden === undefined ? (outputs?.[step] as string) : node('Add', outputs?.[step], hidden);
      const own: string = node('Mul', total, ofCell?.[step]);
      const inner: string = cell === undefined ? own : node('Add', own, cell);
      const spread = context.node('Concat', [inner, inner, inner, total], { attributes: { axis: 2 } });
      gates[step] = node('Mul', spread, factors?.[step]);
      hidden = node('MatMul', gates[step], weight);
      cell = node('Mul', inner, forget?.[step]);
    }
    join(context, gates, 0);
    for (const [index, name] of [hidden, cell].entries()) {
      context.node('Squeeze', [name as string, context.int64([0])], {
        outputs: [context.outputs[index + 1] as string],
      });
    }
  },
  examples: [
    {
      inputs: [
        [3, 2, 4],
        [3, 2, 4],
        [3, 2, 4],
        [3, 2, 16],
        [16, 4],
      ],
    },
  ],
};

/**
 * Gradients with respect to what hidden states were projected to, `[time, batch, gates · hidden]`; to the state before the
 * first step; and to the state after each step. Inputs: the gradient of the outputs, ∂gates/∂h, weightHh and, where a part
 * of the state passes unprojected, that part.
 */
export const hiddenGradientsOp: OpRecord = {
  name: 'hiddenGradients',
  infer([gradient, factors]) {
    if (gradient === undefined || factors === undefined || !isStatic(factors.shape)) {
      throw shapeError('hiddenGradients', 'known shapes');
    }
    const extraOutputs = [stateShape(gradient), { shape: gradient.shape, dtype: 'float32' as const }];
    return { shape: factors.shape, dtype: 'float32', extraOutputs };
  },
  gradient: 'none',
  emit(context) {
    const [outputs, factors] = [steps(context, 0), steps(context, 1)];
    const kept = context.inputs.length > 3 ? steps(context, 3) : undefined;
    const [, , weight] = context.inputs as readonly [string, string, string];
    const width = context.inputTypes[0]?.shape[2] as number;
    const copies = (context.inputTypes[1]?.shape[2] as number) / width;
    const gates: string[] = [];
    const totals: string[] = [];
    let hidden: string | undefined;
    for (let step = outputs.length - 1; step >= 0; step--) {
      const own = outputs[step] as string;
      const total: string = hidden === undefined ? own : context.node('Add', [own, hidden]);
      const repeated = Array.from({ length: copies }, () => total);
      const spread = copies === 1 ? total : context.node('Concat', repeated, { attributes: { axis: 2 } });
      const gate = context.node('Mul', [spread, factors[step] as string]);
      const through = context.node('MatMul', [gate, weight]);
      const rest = kept === undefined ? undefined : context.node('Mul', [total, kept[step] as string]);
      hidden = rest === undefined ? through : context.node('Add', [through, rest]);
      gates[step] = gate;
      totals[step] = total;
    }
    join(context, gates, 0);
    context.node('Squeeze', [hidden as string, context.int64([0])], { outputs: [context.outputs[1] as string] });
    join(context, totals, 2);
  },
  examples: [
    {
      inputs: [
        [3, 2, 4],
        [3, 2, 12],
        [12, 4],
        [3, 2, 4],
      ],
    },
    {
      inputs: [
        [3, 2, 4],
        [3, 2, 4],
        [4, 4],
      ],
    },
  ],
};
