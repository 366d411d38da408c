/**
 * Where a run's numbers live: parameters, their gradients and the optimizer's state, all in the kernels' memory, so that
 * the optimizer works on them in place and ONNX Runtime reads the parameters without a copy. Matrices of one shape lie
 * side by side and can be handed out as one array, which is how Muon batches them.
 */
import { type FloatArray, type Kernels, allocationBytes } from '../runtime/kernels.js';
import type { ParameterSpec } from '../models/model.js';
import { elementCount } from '../graph/dims.js';

export interface StoredParameter {
  readonly spec: ParameterSpec;
  readonly value: FloatArray;
  readonly gradient: FloatArray;
}

/** Matrices of one shape, in the order of the specs; the stacked arrays hold them one after another. */
export interface MatrixStack {
  readonly name: string;
  /** `[matrices, rows, columns]` */
  readonly shape: readonly [number, number, number];
  readonly members: readonly StoredParameter[];
  readonly value: FloatArray;
  readonly gradient: FloatArray;
}

export interface ParameterStore {
  readonly kernels: Kernels;
  readonly parameters: readonly StoredParameter[];
  readonly stacks: readonly MatrixStack[];
}

/**
 * Bytes of kernel memory that training these parameters takes: value, gradient, and the two arrays each optimizer keeps
 * beside them.
 */
export function trainingBytes(specs: readonly ParameterSpec[]): number {
  return 4 * allocationBytes(specs.map(({ shape }) => elementCount(shape)));
}

export function createParameterStore(kernels: Kernels, specs: readonly ParameterSpec[]): ParameterStore {
  const byShape = new Map<string, ParameterSpec[]>();
  for (const spec of specs) {
    if (spec.role !== 'matrix') continue;
    const key = spec.shape.join('x');
    byShape.set(key, [...(byShape.get(key) ?? []), spec]);
  }
  const stored = new Map<string, StoredParameter>();
  const stacks = [...byShape].map(([name, members]): MatrixStack => {
    const [rows, columns] = (members[0] as ParameterSpec).shape as readonly [number, number];
    const size = rows * columns;
    const value = kernels.allocate(members.length * size);
    const gradient = kernels.allocate(members.length * size);
    for (const [index, spec] of members.entries()) {
      const part = (array: FloatArray): FloatArray => array.part(index * size, size);
      stored.set(spec.name, { spec, value: part(value), gradient: part(gradient) });
    }
    const parameters = members.map((spec) => stored.get(spec.name) as StoredParameter);
    return { name, shape: [members.length, rows, columns], members: parameters, value, gradient };
  });
  for (const spec of specs) {
    if (stored.has(spec.name)) continue;
    const size = elementCount(spec.shape);
    stored.set(spec.name, { spec, value: kernels.allocate(size), gradient: kernels.allocate(size) });
  }
  return { kernels, stacks, parameters: specs.map((spec) => stored.get(spec.name) as StoredParameter) };
}
