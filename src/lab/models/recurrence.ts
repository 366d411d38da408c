/**
 * Stacks of recurrent layers as torch.nn.LSTM, GRU and RNN build and name them: several layers, one or both directions,
 * dropout between layers, rows of different lengths.
 */
import type { Dim } from '../graph/dims.js';
import { concat } from '../graph/ops/layout.js';
import {
  type RecurrentCell,
  type RecurrentResult,
  gateCount,
  recurrent,
  reverseSequence,
  stateCount,
} from '../graph/ops/recurrent.js';
import { type Tensor, constant } from '../graph/tensor.js';
import type { ParameterSpec, Parameters } from './model.js';

export interface RecurrencePlan {
  /** The module the parameters belong to: `lstm` gives `lstm.weight_ih_l0`. */
  readonly module: string;
  readonly cell: RecurrentCell;
  readonly inputSize: number;
  readonly hiddenSize: number;
  readonly layers: number;
  /** Each layer also reads the sequence backwards, and the next one reads both. */
  readonly bidirectional: boolean;
}

const directionsOf = ({ bidirectional }: RecurrencePlan): readonly ('' | '_reverse')[] =>
  bidirectional ? ['', '_reverse'] : [''];

/** Shapes, without the batch, of the states: for each layer and direction the hidden one, and an LSTM's cell. */
export function stateShapes(plan: RecurrencePlan): number[][] {
  const count = plan.layers * directionsOf(plan).length * stateCount(plan.cell);
  return Array.from({ length: count }, () => [plan.hiddenSize]);
}

/** Everything starts between −1/√hidden and 1/√hidden, as in torch. */
export function recurrenceParameters(plan: RecurrencePlan): ParameterSpec[] {
  const { module, hiddenSize } = plan;
  const initializer = { kind: 'uniform', bound: 1 / Math.sqrt(hiddenSize) } as const;
  const rows = gateCount(plan.cell) * hiddenSize;
  return Array.from({ length: plan.layers }, (_, layer) => layer).flatMap((layer) => {
    const inputSize = layer === 0 ? plan.inputSize : hiddenSize * directionsOf(plan).length;
    return directionsOf(plan).flatMap((direction): ParameterSpec[] => {
      const name = (kind: string): string => `${module}.${kind}_l${layer}${direction}`;
      return [
        { name: name('weight_ih'), shape: [rows, inputSize], initializer, role: 'matrix' },
        { name: name('weight_hh'), shape: [rows, hiddenSize], initializer, role: 'matrix' },
        { name: name('bias_ih'), shape: [rows], initializer, role: 'vector' },
        { name: name('bias_hh'), shape: [rows], initializer, role: 'vector' },
      ];
    });
  });
}

export interface RecurrenceOptions {
  /** As `stateShapes` lists them, `[batch, hidden]`; zeros when absent, and then the batch must be known. */
  readonly states?: readonly Tensor[] | undefined;
  /** `[batch]` int64: rows end there, and outputs after it are zeros. */
  readonly lengths?: Tensor | undefined;
  /** Applied to what goes from one layer to the next. */
  readonly drop?: (hidden: Tensor) => Tensor;
  /** Told what enters each layer. */
  readonly boundary?: (hidden: Tensor) => void;
}

/**
 * @param x `[time, batch, inputSize]`
 * @returns hidden `[time, batch, directions · hiddenSize]` of the last layer; states `[batch, hiddenSize]` after each row's
 * last step (for the backward direction: its first), through which no gradient flows
 */
export function runRecurrence(
  p: Parameters,
  plan: RecurrencePlan,
  x: Tensor,
  { states: given, lengths, drop = (hidden) => hidden, boundary = () => {} }: RecurrenceOptions = {},
): RecurrentResult {
  const perDirection = stateCount(plan.cell);
  const first = given ?? zeroStates(plan, x.shape[1] as Dim);
  const states: Tensor[] = [];
  let hidden = x;
  for (let layer = 0; layer < plan.layers; layer++) {
    const entering = layer === 0 ? x : drop(hidden);
    boundary(entering);
    const outputs = directionsOf(plan).map((direction) => {
      const own = first.slice(states.length, states.length + perDirection);
      const result = runDirection(p, plan, entering, { layer, direction, states: own, lengths });
      states.push(...result.states);
      return result.hidden;
    });
    hidden = concat(outputs, 2);
  }
  return { hidden, states };
}

interface DirectionOptions {
  readonly layer: number;
  readonly direction: '' | '_reverse';
  readonly states: readonly Tensor[];
  readonly lengths: Tensor | undefined;
}

function runDirection(
  p: Parameters,
  { module, cell }: RecurrencePlan,
  x: Tensor,
  { layer, direction, states, lengths }: DirectionOptions,
): RecurrentResult {
  const weight = (kind: string): Tensor => p(`${module}.${kind}_l${layer}${direction}`);
  const weights = {
    weightIh: weight('weight_ih'),
    weightHh: weight('weight_hh'),
    biasIh: weight('bias_ih'),
    biasHh: weight('bias_hh'),
  };
  if (direction === '') return recurrent(cell, x, weights, states, lengths);
  // backwards is forwards over the reversed row; each row is reversed within its own length
  const ends = lengths ?? wholeLengths(x);
  const result = recurrent(cell, reverseSequence(x, ends), weights, states, lengths);
  return { ...result, hidden: reverseSequence(result.hidden, ends) };
}

function wholeLengths(x: Tensor): Tensor {
  const [time, batch] = x.shape as readonly [number, number];
  return constant(new BigInt64Array(batch).fill(BigInt(time)), [batch], 'int64');
}

function zeroStates(plan: RecurrencePlan, batch: Dim): Tensor[] {
  if (typeof batch === 'string') throw new TypeError(`states must be given where the batch is "${batch}"`);
  return stateShapes(plan).map(() => constant(new Float32Array(batch * plan.hiddenSize), [batch, plan.hiddenSize]));
}
