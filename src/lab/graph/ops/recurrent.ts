/**
 * Whole sequences through one recurrent layer: LSTM (Hochreiter & Schmidhuber 1997), GRU (Cho et al. 2014, in cuDNN's and
 * PyTorch's form) and the plain RNN (Elman 1990). Weights and the order of gates are those of torch.nn.
 *
 * Forward it is ONNX Runtime's own kernel, which projects all inputs in one product. It keeps no gates, and none are
 * missed: all earlier hidden states are known by then, so the backward pass computes the gates of all steps again in one
 * product. Only the recurrence of the gradient is sequential (`recurrent-gradients.ts`); the gradients of inputs and
 * weights are one product each.
 */
import { type Dim, isStatic, sameShape } from '../dims.js';
import {
  type EmitContext,
  type GradientContext,
  type InferredType,
  type OpExample,
  type OpRecord,
  type Tensor,
  apply,
  projection,
  shapeError,
} from '../tensor.js';
import { gruGradient, lstmGradient, plainGradient } from './recurrent-gradients.js';

export type RecurrentCell = 'lstm' | 'gru' | 'tanh' | 'relu';

interface CellRule {
  readonly onnx: 'LSTM' | 'GRU' | 'RNN';
  /** Where in torch's order each gate of ONNX's stands. */
  readonly order: readonly number[];
  readonly attributes: Readonly<Record<string, number>>;
  readonly activation?: string;
  readonly gradient: (context: GradientContext) => readonly (Tensor | undefined)[];
}

const cells: Readonly<Record<RecurrentCell, CellRule>> = {
  // torch: input, forget, cell, output; ONNX: input, output, forget, cell
  lstm: { onnx: 'LSTM', order: [0, 3, 1, 2], attributes: {}, gradient: lstmGradient },
  // torch: reset, update, new; ONNX: update, reset, new
  gru: { onnx: 'GRU', order: [1, 0, 2], attributes: { linear_before_reset: 1 }, gradient: gruGradient },
  tanh: { onnx: 'RNN', order: [0], attributes: {}, activation: 'Tanh', gradient: plainGradient },
  relu: { onnx: 'RNN', order: [0], attributes: {}, activation: 'Relu', gradient: plainGradient },
};

/** Blocks of `hiddenSize` rows in a cell's weights. */
export const gateCount = (cell: RecurrentCell): number => cells[cell].order.length;

/** How many states `[batch, hiddenSize]` a cell carries: the hidden one, and an LSTM's cell. */
export const stateCount = (cell: RecurrentCell): number => (cell === 'lstm' ? 2 : 1);

function inferRecurrent(cell: RecurrentCell, inputs: readonly Tensor[]): InferredType {
  const [x, weightIh, weightHh, biasIh, biasHh, ...rest] = inputs as readonly [
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    Tensor,
    ...Tensor[],
  ];
  const states = rest.slice(0, stateCount(cell));
  const lengths = rest[stateCount(cell)];
  const [time, batch, width] = x.shape as readonly [Dim, Dim, Dim];
  const hidden = weightHh.shape[1] as number;
  const rows = gateCount(cell) * hidden;
  const fits =
    x.shape.length === 3 &&
    sameShape(weightIh.shape, [rows, width]) &&
    sameShape(weightHh.shape, [rows, hidden]) &&
    [biasIh, biasHh].every(({ shape }) => sameShape(shape, [rows])) &&
    states.every(({ shape }) => sameShape(shape, [batch, hidden])) &&
    (lengths === undefined || (lengths.dtype === 'int64' && sameShape(lengths.shape, [batch])));
  if (!fits) {
    throw shapeError(
      cell,
      'x [time, batch, in], weights [gates · hidden, in and hidden], states [batch, hidden]',
      ...inputs,
    );
  }
  const state = { shape: [batch, hidden], dtype: 'float32' } as const;
  return { shape: [time, batch, hidden], dtype: 'float32', extraOutputs: states.map(() => state) };
}

function emitRecurrent(cell: RecurrentCell, context: EmitContext): void {
  const rule = cells[cell];
  const { node, int64 } = context;
  const [x, weightIh, weightHh, biasIh, biasHh, ...rest] = context.inputs as readonly [
    string,
    string,
    string,
    string,
    string,
    ...string[],
  ];
  const states = rest.slice(0, stateCount(cell));
  const lengths = rest[stateCount(cell)];
  const hidden = context.inputTypes[2]?.shape[1] as number;
  const gates = rule.order.length;
  /** Rows of a weight or bias in ONNX's order of gates, under ONNX's leading axis of directions. */
  const reorder = (name: string, columns: readonly number[]): string => {
    const shape = int64([1, gates * hidden, ...columns]);
    if (gates === 1) return node('Reshape', [name, shape]);
    const blocks = node('Reshape', [name, int64([gates, hidden, ...columns])]);
    return node('Reshape', [node('Gather', [blocks, int64(rule.order)], { attributes: { axis: 0 } }), shape]);
  };
  const width = context.inputTypes[0]?.shape[2] as number;
  const bias = node('Concat', [reorder(biasIh, []), reorder(biasHh, [])], { attributes: { axis: 1 } });
  const sizes = lengths === undefined ? '' : node('Cast', [lengths], { attributes: { to: INT32 } });
  const begin = states.map((state) => node('Unsqueeze', [state, int64([0])]));
  const raw = context.outputs.map((name) => `${name}_directions`);
  node(rule.onnx, [x, reorder(weightIh, [width]), reorder(weightHh, [hidden]), bias, sizes, ...begin], {
    outputs: raw,
    attributes: { hidden_size: hidden, ...rule.attributes },
    ...(rule.activation === undefined ? {} : { strings: { activations: [rule.activation] } }),
  });
  for (const [index, name] of raw.entries()) {
    node('Squeeze', [name, int64([index === 0 ? 1 : 0])], { outputs: [context.outputs[index] as string] });
  }
}

/** ONNX's number of the type. */
const INT32 = 6;

function recurrentOp(cell: RecurrentCell): OpRecord {
  return {
    name: cell === 'lstm' || cell === 'gru' ? cell : `${cell}Rnn`,
    infer: (inputs) => inferRecurrent(cell, inputs),
    gradient: (context) => cells[cell].gradient(context),
    emit: (context) => emitRecurrent(cell, context),
    examples: examplesOf(cell),
  };
}

function examplesOf(cell: RecurrentCell): OpExample[] {
  const [time, batch, width, hidden] = [3, 2, 2, 3];
  const rows = gateCount(cell) * hidden;
  const states = Array.from({ length: stateCount(cell) }, () => [batch, hidden]);
  const inputs = [[time, batch, width], [rows, width], [rows, hidden], [rows], [rows], ...states];
  const lengths = { data: BigInt64Array.of(3n, 2n), shape: [batch], dtype: 'int64' } as const;
  // a ReLU's kink is avoided by staying above it
  const range = cell === 'relu' ? ([0.1, 0.6] as const) : ([-1, 1] as const);
  return [
    { name: 'whole', inputs, range },
    { name: 'lengths', inputs: [...inputs, lengths], range, skipGradient: [inputs.length] },
  ];
}

export const lstmOp = recurrentOp('lstm');
export const gruOp = recurrentOp('gru');
export const tanhRnnOp = recurrentOp('tanh');
export const reluRnnOp = recurrentOp('relu');
const records: Readonly<Record<RecurrentCell, OpRecord>> = {
  lstm: lstmOp,
  gru: gruOp,
  tanh: tanhRnnOp,
  relu: reluRnnOp,
};

export interface RecurrentWeights {
  /** `[gates · hidden, in]`. */
  readonly weightIh: Tensor;
  /** `[gates · hidden, hidden]`. */
  readonly weightHh: Tensor;
  /** `[gates · hidden]` each. */
  readonly biasIh: Tensor;
  readonly biasHh: Tensor;
}

export interface RecurrentResult {
  /** `[time, batch, hidden]`: the hidden state after every step; zeros after a row's length. */
  readonly hidden: Tensor;
  /** After the last step of each row, `[batch, hidden]`; no gradient flows back through them. */
  readonly states: readonly Tensor[];
}

/**
 * Runs a layer over a sequence.
 * @param x `[time, batch, in]`; time and batch may be named where no gradient is taken
 * @param states to begin with, `[batch, hidden]`: hidden, and for an LSTM cell
 * @param lengths `[batch]` int64: where each row ends; its states stop there
 */
export function recurrent(
  cell: RecurrentCell,
  x: Tensor,
  { weightIh, weightHh, biasIh, biasHh }: RecurrentWeights,
  states: readonly Tensor[],
  lengths?: Tensor,
): RecurrentResult {
  const inputs = [x, weightIh, weightHh, biasIh, biasHh, ...states, ...(lengths === undefined ? [] : [lengths])];
  const hidden = apply(records[cell], inputs);
  return { hidden, states: states.map((_, index) => projection(hidden, index + 1)) };
}

export const reverseSequenceOp: OpRecord = {
  name: 'reverseSequence',
  infer([x, lengths]) {
    if (x === undefined || x.shape.length < 2 || !isStatic(x.shape.slice(0, 1)) || lengths?.dtype !== 'int64') {
      throw shapeError('reverseSequence', 'x [time, batch, ...] of known time and int64 lengths [batch]');
    }
    return { shape: x.shape, dtype: x.dtype };
  },
  gradient: ({ inputs: [, lengths], gradient }) => [reverseSequence(gradient, lengths as Tensor), undefined],
  emit: ({ node, inputs, outputs }) =>
    void node('ReverseSequence', inputs, { outputs, attributes: { time_axis: 0, batch_axis: 1 } }),
  examples: [
    {
      inputs: [[3, 2, 2], { data: BigInt64Array.of(3n, 2n), shape: [2], dtype: 'int64' }],
      skipGradient: [1],
    },
  ],
};

/** The first `lengths[row]` steps of each row in reverse order, the rest as it is. @param x `[time, batch, ...]` */
export function reverseSequence(x: Tensor, lengths: Tensor): Tensor {
  return apply(reverseSequenceOp, [x, lengths]);
}
