/** Ops that read and write by index. */
import { type Dim, isStatic, productOf } from '../dims.js';
import { type OpRecord, type Tensor, apply, shapeError } from '../tensor.js';

export const gatherOp: OpRecord = {
  name: 'gather',
  infer([table, indices]) {
    if (table === undefined || indices?.dtype !== 'int64') throw shapeError('gather', 'a table and int64 indices');
    return { shape: [...indices.shape, ...table.shape.slice(1)], dtype: table.dtype };
  },
  gradient: ({ inputs: [table, indices], gradient }) => [
    scatterAdd(gradient, indices as Tensor, (table as Tensor).shape[0] as number),
    undefined,
  ],
  emit: (context) => void context.node('Gather', context.inputs, { outputs: context.outputs, attributes: { axis: 0 } }),
  examples: [
    { inputs: [[5, 3], { data: BigInt64Array.of(4n, 0n, 4n, 2n), shape: [2, 2], dtype: 'int64' }], skipGradient: [1] },
  ],
};

/** Rows of `table` `[rows, ...]` at `indices`: the embedding lookup. An index outside the table fails when run. */
export function gather(table: Tensor, indices: Tensor): Tensor {
  return apply(gatherOp, [table, indices]);
}

export const scatterAddOp: OpRecord = {
  name: 'scatterAdd',
  infer([values, indices], attributes) {
    const rank = indices?.shape.length ?? 0;
    if (values === undefined || indices === undefined || !isStatic(values.shape)) {
      throw shapeError('scatterAdd', 'values of known shape and int64 indices');
    }
    return { shape: [attributes['rowCount'] as number, ...values.shape.slice(rank)], dtype: values.dtype };
  },
  gradient: ({ inputs: [, indices], gradient }) => [gather(gradient, indices as Tensor), undefined],
  emit(context) {
    const indexShape = context.inputTypes[1]?.shape ?? [];
    const { shape } = context.outputType;
    if (!isStatic(indexShape) || !isStatic(shape)) throw shapeError('scatterAdd', 'known shapes', context.outputType);
    const count = productOf(indexShape) as number;
    const [values, indices] = context.inputs as readonly [string, string];
    const rows = context.node('Reshape', [values, context.int64([count, ...shape.slice(1)])]);
    const places = context.node('Reshape', [indices, context.int64([count, 1])]);
    const zeros = context.node('ConstantOfShape', [context.int64(shape)]);
    context.node('ScatterND', [zeros, places, rows], { outputs: context.outputs, attributes: { reduction: 'add' } });
  },
  examples: [
    {
      inputs: [[3, 2], { data: BigInt64Array.of(1n, 3n, 1n), shape: [3], dtype: 'int64' }],
      attributes: { rowCount: 4 },
      skipGradient: [1],
    },
  ],
};

/** Zeros `[rowCount, ...]` with each row of `values` added at its index: the gradient of a lookup. */
export function scatterAdd(values: Tensor, indices: Tensor, rowCount: number): Tensor {
  return apply(scatterAddOp, [values, indices], { rowCount });
}

export const takeOp: OpRecord = {
  name: 'take',
  infer([source, indices]) {
    if (source?.shape.length !== 2 || indices?.shape.length !== 1 || source.shape[0] !== indices.shape[0]) {
      throw shapeError(
        'take',
        'a matrix and one int64 index a row',
        ...[source, indices].filter((t) => t !== undefined),
      );
    }
    return { shape: [source.shape[0] as Dim], dtype: source.dtype };
  },
  gradient: 'none',
  emit(context) {
    const [source, indices] = context.inputs as readonly [string, string];
    const column = context.node('Unsqueeze', [indices, context.int64([1])]);
    const taken = context.node('GatherElements', [source, column], { attributes: { axis: 1 } });
    context.node('Squeeze', [taken, context.int64([1])], { outputs: context.outputs });
  },
  examples: [{ inputs: [[3, 4], { data: BigInt64Array.of(1n, 3n, 0n), shape: [3], dtype: 'int64' }] }],
};

/** Element `indices[row]` of each row of a matrix `[rows, columns]` → `[rows]`. */
export function take(source: Tensor, indices: Tensor): Tensor {
  return apply(takeOp, [source, indices]);
}

export const topKOp: OpRecord = {
  name: 'topK',
  infer([source], attributes) {
    const size = source?.shape[source.shape.length - 1];
    const count = attributes['count'] as number;
    if (source === undefined || typeof size !== 'number' || count < 1 || count > size) {
      throw shapeError('topK', `a last axis of at least ${count}`, ...(source === undefined ? [] : [source]));
    }
    const shape = [...source.shape.slice(0, -1), count];
    return { shape, dtype: source.dtype, extraOutputs: [{ shape, dtype: 'int64' }] };
  },
  gradient: 'none',
  emit(context) {
    const count = context.int64([context.attributes['count'] as number]);
    context.node('TopK', [context.inputs[0] as string, count], { outputs: context.outputs, attributes: { axis: -1 } });
  },
  examples: [{ inputs: [[2, 5]], attributes: { count: 3 } }],
};

/** The `count` largest values of the last axis, largest first; their indices are `projection(result, 1)`. */
export function topK(source: Tensor, count: number): Tensor {
  return apply(topKOp, [source], { count });
}

export const columnsOfOp: OpRecord = {
  name: 'columnsOf',
  infer([source]) {
    const columns = source?.shape[source.shape.length - 1];
    if (columns === undefined) throw shapeError('columnsOf', 'a tensor of rank 1 or more');
    return { shape: [columns], dtype: 'int64' };
  },
  gradient: 'none',
  emit(context) {
    const size = context.node('Shape', context.inputs, { attributes: { start: -1 } });
    const count = context.node('Squeeze', [size]);
    const [zero, one] = [context.int64([0]), context.int64([1])].map((name) => context.node('Squeeze', [name]));
    context.node('Range', [zero as string, count, one as string], { outputs: context.outputs });
  },
  examples: [{ inputs: [[2, 3]] }, { inputs: [[4]] }],
};

/** 0, 1, 2 … for the last axis of `source`, whose size may be known only when the program runs: `[columns]` int64. */
export function columnsOf(source: Tensor): Tensor {
  return apply(columnsOfOp, [source]);
}
