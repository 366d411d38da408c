/**
 * How much memory a graph needs when it runs: tensors come alive when they are computed and die after their last reader.
 * Follows what ONNX Runtime's planner does: a reshape is a view, an element-by-element op writes into an operand of its
 * size that nobody reads afterwards.
 */
import { MoatError } from '../../base/errors.js';
import { elementCount, formatShape, isStatic } from './dims.js';
import { reshapeOp } from './ops/reshape.js';
import {
  type DType,
  type OpRecord,
  type Tensor,
  type TensorType,
  isConstant,
  isInput,
  isProjection,
  topologicalOrder,
} from './tensor.js';

const ELEMENT_BYTES: Readonly<Record<DType, number>> = { float32: 4, int64: 8, int32: 4, uint8: 1, bool: 1 };

export interface MemoryNeed {
  /** The most that is alive at one time, of what the program computes; results included, inputs and constants not. */
  readonly computedBytes: number;
  readonly inputBytes: number;
  readonly constantBytes: number;
  /** What the program returns. */
  readonly outputBytes: number;
}

/** Bytes of a tensor of known shape. */
export function bytesOf({ shape, dtype }: TensorType): number {
  if (!isStatic(shape)) throw new MoatError('shape-mismatch', `a tensor of unknown size: ${formatShape(shape)}`);
  return elementCount(shape) * ELEMENT_BYTES[dtype];
}

/** @param outputs of a graph whose sizes are all known */
export function memoryNeed(outputs: readonly Tensor[]): MemoryNeed {
  const order = topologicalOrder(outputs);
  const buffers = assignBuffers(order, new Set(outputs));
  let alive = 0;
  let peak = 0;
  const ends = new Map<number, number[]>();
  for (const { bytes, lastUse } of buffers.values()) ends.set(lastUse, [...(ends.get(lastUse) ?? []), bytes]);
  for (const index of order.keys()) {
    alive += buffers.get(index)?.bytes ?? 0;
    peak = Math.max(peak, alive);
    for (const bytes of ends.get(index) ?? []) alive -= bytes;
  }
  const total = (tensors: readonly Tensor[]): number => tensors.reduce((sum, tensor) => sum + bytesOf(tensor), 0);
  return {
    computedBytes: peak,
    inputBytes: total(order.filter(isInput)),
    constantBytes: total(order.filter(isConstant)),
    outputBytes: total(outputs),
  };
}

interface Buffer {
  bytes: number;
  /** Index in the order of the last tensor that reads it; beyond the end for results. */
  lastUse: number;
}

/** Ops that may write over an operand. */
const IN_PLACE = new Set([
  'add',
  'sub',
  'mul',
  'div',
  'neg',
  'exp',
  'log',
  'sqrt',
  'tanh',
  'sigmoid',
  'relu',
  'silu',
  'softmax',
  'where',
  'barrier',
]);
const isInPlace = (op: OpRecord): boolean => IN_PLACE.has(op.name);

/** The buffers, by the index of the tensor that first writes each. */
function assignBuffers(order: readonly Tensor[], results: ReadonlySet<Tensor>): Map<number, Buffer> {
  const lastUses = new Map<Tensor, number>();
  for (const [index, tensor] of order.entries()) for (const source of tensor.inputs) lastUses.set(source, index);
  const buffers = new Map<number, Buffer>();
  const ofTensor = new Map<Tensor, Buffer>();
  for (const [index, tensor] of order.entries()) {
    if (isInput(tensor) || isConstant(tensor)) continue;
    const lastUse = results.has(tensor) ? order.length : (lastUses.get(tensor) ?? index);
    const shared = sharedBuffer(tensor, index, ofTensor);
    if (shared !== undefined) {
      shared.lastUse = Math.max(shared.lastUse, lastUse);
      ofTensor.set(tensor, shared);
      continue;
    }
    const extra = tensor.extraOutputs.reduce((sum, type) => sum + bytesOf(type), 0);
    const buffer = { bytes: bytesOf(tensor) + extra, lastUse };
    buffers.set(index, buffer);
    ofTensor.set(tensor, buffer);
  }
  return buffers;
}

function sharedBuffer(tensor: Tensor, index: number, ofTensor: ReadonlyMap<Tensor, Buffer>): Buffer | undefined {
  const [first] = tensor.inputs;
  if (first === undefined) return undefined;
  if (tensor.op === reshapeOp || isProjection(tensor)) return ofTensor.get(first);
  if (!isInPlace(tensor.op)) return undefined;
  const bytes = bytesOf(tensor);
  const free = tensor.inputs.find((source) => {
    const buffer = ofTensor.get(source);
    return buffer !== undefined && buffer.bytes === bytes && buffer.lastUse <= index;
  });
  return free === undefined ? undefined : ofTensor.get(free);
}
