/**
 * A rewrite across the graph: products of one input with several quantized matrices (queries, keys and values; gate and
 * up) become one product with the rows of all of them. With few rows of input a product takes some microseconds, of
 * which starting the threads is a good part.
 */
import { slice } from './ops/layout.js';
import { matmulNBits, matmulNBitsOp, matmulNBitsOptions } from './ops/quantized.js';
import { type Tensor, constant, constantData, topologicalOrder } from './tensor.js';

/** @returns the outputs, in order; what they compute stays the same to the last bit */
export function joinProducts(outputs: readonly Tensor[]): Tensor[] {
  const order = topologicalOrder(outputs);
  const groups = groupsOf(order);
  const rewritten = new Map<Tensor, Tensor>();
  const result = (tensor: Tensor): Tensor => rewritten.get(tensor) ?? tensor;
  for (const tensor of order) {
    if (rewritten.has(tensor)) continue;
    const group = groups.get(tensor);
    if (group !== undefined) {
      for (const [member, part] of joined(group, result(tensor.inputs[0] as Tensor))) rewritten.set(member, part);
    } else if (tensor.inputs.some((source) => rewritten.has(source))) {
      rewritten.set(tensor, { ...tensor, inputs: tensor.inputs.map(result) });
    }
  }
  return outputs.map(result);
}

/** The products that belong together, by each of them; a product without company is left out. */
function groupsOf(order: readonly Tensor[]): Map<Tensor, readonly Tensor[]> {
  const byInput = new Map<Tensor, Map<string, Tensor[]>>();
  for (const tensor of order) {
    const [x, packed, scales] = tensor.inputs;
    if (tensor.op !== matmulNBitsOp || x === undefined) continue;
    if (constantData(packed) === undefined || constantData(scales) === undefined) continue;
    const kinds = byInput.get(x) ?? new Map<string, Tensor[]>();
    byInput.set(x, kinds);
    const kind = JSON.stringify(tensor.attributes);
    kinds.set(kind, [...(kinds.get(kind) ?? []), tensor]);
  }
  const groups = [...byInput.values()].flatMap((kinds) => [...kinds.values()]).filter(({ length }) => length > 1);
  return new Map(groups.flatMap((group) => group.map((member) => [member, group] as const)));
}

function joined(group: readonly Tensor[], x: Tensor): [Tensor, Tensor][] {
  const rows = group.map(({ inputs }) => inputs[1]?.shape[0] as number);
  const total = rows.reduce((sum, count) => sum + count, 0);
  const constants = (index: 1 | 2): Tensor[] => group.map(({ inputs }) => inputs[index] as Tensor);
  const tail = (tensor: Tensor | undefined): readonly number[] => (tensor?.shape ?? []).slice(1) as readonly number[];
  const [packed, scales] = [constants(1), constants(2)];
  const product = matmulNBits(
    x,
    constant(joinedBytes(packed), [total, ...tail(packed[0])], 'uint8'),
    constant(new Float32Array(joinedBytes(scales).buffer), [total, ...tail(scales[0])]),
    matmulNBitsOptions(group[0]?.attributes ?? {}),
  );
  let start = 0;
  return group.map((member, index) => {
    const end = start + (rows[index] as number);
    const part = slice(product, -1, start, end);
    start = end;
    return [member, part];
  });
}

function joinedBytes(constants: readonly Tensor[]): Uint8Array<ArrayBuffer> {
  const pieces = constants.map((tensor) => constantData(tensor) as Uint8Array | Float32Array);
  const bytes = new Uint8Array(pieces.reduce((sum, { byteLength }) => sum + byteLength, 0));
  let offset = 0;
  for (const { buffer, byteOffset, byteLength } of pieces) {
    bytes.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
    offset += byteLength;
  }
  return bytes;
}
