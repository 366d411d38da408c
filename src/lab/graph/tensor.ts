import { MoatError } from '../../base/errors.js';
import { type Shape, elementCount, formatShape, isStatic } from './dims.js';

/** Element types by their NumPy names. */
export type DType = 'float32' | 'int64' | 'int32' | 'uint8' | 'bool';

export interface TensorType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/** Data behind each element type; `bool` is one byte an element, 0 or 1. */
export interface DTypeArrays {
  float32: Float32Array;
  int64: BigInt64Array;
  int32: Int32Array;
  uint8: Uint8Array;
  bool: Uint8Array;
}
export type TensorData = DTypeArrays[DType];

export type AttributeValue = number | string | boolean | readonly number[] | Shape | TensorData | undefined;
export interface Attributes {
  readonly [name: string]: AttributeValue;
}

/**
 * A value in a computation that has not run yet: immutable, made only by op functions. It holds no numbers (constants
 * apart); `runtime/` turns a set of tensors into a program.
 */
export interface Tensor extends TensorType {
  readonly op: OpRecord;
  readonly inputs: readonly Tensor[];
  readonly attributes: Attributes;
  /** Types of the further outputs of an op that has several; see `projection`. */
  readonly extraOutputs: readonly TensorType[];
}

export interface InferredType extends TensorType {
  readonly extraOutputs?: readonly TensorType[];
}

/** What an op's gradient rule sees. */
export interface GradientContext {
  readonly inputs: readonly Tensor[];
  readonly output: Tensor;
  /** The gradient of the loss with respect to the op's first output: same shape. */
  readonly gradient: Tensor;
  readonly attributes: Attributes;
}

/** What an op's ONNX form is written with; names are those of ONNX values. */
export interface EmitContext {
  readonly inputs: readonly string[];
  readonly inputTypes: readonly TensorType[];
  readonly outputType: TensorType;
  /** Names of all outputs, the extra ones included. */
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
  /** Adds a node; without `outputs` it makes one new name. Returns the first output's name. */
  node(opType: string, inputs: readonly string[], options?: EmitNodeOptions): string;
  /** A constant of 64-bit integers, one-dimensional. */
  int64(values: readonly number[]): string;
  /** A float32 constant of rank 0. */
  scalar(value: number): string;
}

export interface EmitNodeOptions {
  readonly outputs?: readonly string[];
  readonly domain?: 'com.microsoft';
  /** Integers by default; list float-valued ones in `floats`. */
  readonly attributes?: Readonly<Record<string, number | string | readonly number[]>>;
  readonly floats?: Readonly<Record<string, number>>;
  /** Lists of names. */
  readonly strings?: Readonly<Record<string, readonly string[]>>;
}

/** One worked example of an op, from which the walk over all ops checks shapes, values and gradients. */
export interface OpExample {
  readonly name?: string;
  /** Shapes (float32, values drawn from `range`) or ready constants. */
  readonly inputs: readonly (readonly number[] | ExampleData)[];
  readonly attributes?: Attributes;
  /** Where random inputs are drawn from; default [-1.5, 1.5]. */
  readonly range?: readonly [number, number];
  /** Indices of inputs whose gradient is not checked (integers, or a kink lies in range). */
  readonly skipGradient?: readonly number[];
}
export interface ExampleData {
  readonly data: TensorData;
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/**
 * All there is to know about an op. `gradient` is `'none'` for ops that are not differentiable (comparisons,
 * integers); otherwise it returns one gradient an input, undefined where none flows.
 */
export interface OpRecord {
  readonly name: string;
  infer(inputs: readonly Tensor[], attributes: Attributes): InferredType;
  readonly gradient: 'none' | ((context: GradientContext) => readonly (Tensor | undefined)[]);
  emit(context: EmitContext): void;
  /** Computes the op on constants, for constant folding; only ops worth folding have it. */
  readonly fold?: (inputs: readonly Tensor[], attributes: Attributes) => TensorData | undefined;
  readonly examples: readonly OpExample[];
}

/** Applies an op: checks shapes and types, and returns the tensor that stands for its first output. */
export function apply(op: OpRecord, inputs: readonly Tensor[], attributes: Attributes = {}): Tensor {
  const { shape, dtype, extraOutputs = [] } = op.infer(inputs, attributes);
  return { op, inputs, attributes, shape, dtype, extraOutputs };
}

/** The error of a wrong shape: names the op, what it wanted and what it got. */
export function shapeError(op: string, expected: string, ...got: readonly TensorType[]): MoatError {
  const seen = got.map((type) => `${type.dtype}${formatShape(type.shape)}`).join(' and ');
  return new MoatError('shape-mismatch', `${op}: expected ${expected}, got ${seen}`);
}

const inputOp: OpRecord = {
  name: 'input',
  infer: (_inputs, attributes) => ({ shape: attributes['shape'] as Shape, dtype: attributes['dtype'] as DType }),
  gradient: () => [],
  emit: () => {},
  examples: [],
};

const constantOp: OpRecord = { ...inputOp, name: 'constant', gradient: 'none' };

const projectionOp: OpRecord = {
  name: 'projection',
  infer([producer], attributes) {
    const type = producer?.extraOutputs[(attributes['index'] as number) - 1];
    if (type === undefined)
      throw new MoatError('no-such-output', `projection: ${producer?.op.name} has no such output`);
    return type;
  },
  gradient: 'none',
  emit: () => {},
  examples: [],
};

/** A value fed when the program runs: a parameter, a batch, a cache. Named sizes are allowed. */
export function input(name: string, shape: Shape, dtype: DType = 'float32'): Tensor {
  return apply(inputOp, [], { name, shape, dtype });
}

/** A value known now and stored in the program. @throws MoatError `shape-mismatch` when data and shape disagree */
export function constant(data: TensorData, shape: readonly number[], dtype: DType = 'float32'): Tensor {
  if (!isStatic(shape) || data.length !== elementCount(shape)) {
    throw shapeError('constant', `${data.length} elements`, { shape, dtype });
  }
  return apply(constantOp, [], { data, shape, dtype });
}

/** A float32 constant of rank 0. */
export function scalar(value: number): Tensor {
  return constant(Float32Array.of(value), []);
}

/** Output `index` ≥ 1 of an op that has several. Not differentiable: gradient rules use it to reuse what the op knows. */
export function projection(producer: Tensor, index: number): Tensor {
  return apply(projectionOp, [producer], { index });
}

export const isInput = (tensor: Tensor): boolean => tensor.op === inputOp;
export const isConstant = (tensor: Tensor): boolean => tensor.op === constantOp;
export const isProjection = (tensor: Tensor): boolean => tensor.op === projectionOp;

/** The name an input is fed under. */
export function inputName(tensor: Tensor): string {
  return tensor.attributes['name'] as string;
}

/** The data of a constant, or undefined for any other tensor. */
export function constantData(tensor: Tensor | undefined): TensorData | undefined {
  return tensor !== undefined && isConstant(tensor) ? (tensor.attributes['data'] as TensorData) : undefined;
}

/** The value of a constant that holds the same number everywhere, or undefined. */
export function uniformValue(tensor: Tensor | undefined): number | undefined {
  const data = constantData(tensor);
  if (!(data instanceof Float32Array) || data.length === 0) return undefined;
  const first = data[0];
  return data.length === 1 || data.every((value) => value === first) ? first : undefined;
}

/** Every tensor the given ones depend on, each after all of its inputs. */
export function topologicalOrder(outputs: readonly Tensor[]): Tensor[] {
  const order: Tensor[] = [];
  const state = new Map<Tensor, 'open' | 'done'>();
  const stack: Tensor[] = [...outputs].reverse();
  while (stack.length > 0) {
    const tensor = stack[stack.length - 1] as Tensor;
    const seen = state.get(tensor);
    if (seen === undefined) {
      state.set(tensor, 'open');
      for (const dependency of [...tensor.inputs].reverse()) if (!state.has(dependency)) stack.push(dependency);
      continue;
    }
    stack.pop();
    if (seen === 'open') {
      state.set(tensor, 'done');
      order.push(tensor);
    }
  }
  return order;
}
