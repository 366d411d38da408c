import { type Rule, rules } from './rules.js';
import { type Tensor, constant, isConstant, isInput, topologicalOrder } from './tensor.js';

/**
 * Simplifies a graph without changing what it computes: rules to a fixed point, constants folded, equal expressions
 * shared. Nodes nothing depends on vanish by themselves, since a graph is only what its outputs reach.
 * @returns the rewritten outputs, in order
 */
export function rewrite(outputs: readonly Tensor[], table: readonly Rule[] = rules): Tensor[] {
  let current = [...outputs];
  for (let round = 0; round < 8; round++) {
    const pass = new Pass(current, table);
    current = current.map((output) => pass.result(output));
    if (!pass.changed) break;
  }
  return current;
}

/** One walk over the graph, inputs before users. */
class Pass {
  changed = false;
  readonly #rewritten = new Map<Tensor, Tensor>();
  readonly #interned = new Map<string, Tensor>();
  readonly #ids = new Map<object, number>();

  constructor(outputs: readonly Tensor[], table: readonly Rule[]) {
    const order = topologicalOrder(outputs);
    const useCounts = countUses(order);
    for (const tensor of order) {
      const rebuilt = this.#rebuild(tensor);
      const simplified = fold(rebuilt) ?? applyFirst(rebuilt, table, (source) => useCounts.get(source) ?? 1) ?? rebuilt;
      if (simplified !== rebuilt) this.changed = true;
      const shared = this.#intern(simplified);
      // An input of this node now carries the uses of the node it replaced.
      useCounts.set(shared, Math.max(useCounts.get(shared) ?? 0, useCounts.get(tensor) ?? 1));
      this.#rewritten.set(tensor, shared);
    }
  }

  result(tensor: Tensor): Tensor {
    return this.#rewritten.get(tensor) ?? tensor;
  }

  #rebuild(tensor: Tensor): Tensor {
    const inputs = tensor.inputs.map((source) => this.result(source));
    return inputs.every((source, i) => source === tensor.inputs[i]) ? tensor : { ...tensor, inputs };
  }

  /** Common subexpressions: two tensors with the same op, attributes and inputs are one. */
  #intern(tensor: Tensor): Tensor {
    if (isInput(tensor)) return tensor;
    const key = `${tensor.op.name}(${tensor.inputs.map((source) => this.#id(source)).join(',')})${this.#attributesKey(tensor)}`;
    const known = this.#interned.get(key);
    if (known === undefined) this.#interned.set(key, tensor);
    else if (known !== tensor) this.changed = true;
    return known ?? tensor;
  }

  #attributesKey(tensor: Tensor): string {
    return JSON.stringify(tensor.attributes, (_name, value: unknown) => {
      if (!ArrayBuffer.isView(value)) return value;
      // Small constants are compared by value, large ones by identity: comparing megabytes would cost more than it saves.
      if (value.byteLength > 256) return `#${this.#id(value)}`;
      return value instanceof BigInt64Array ? value.join(',') : Array.from(value as Float32Array);
    });
  }

  #id(object: object): number {
    const known = this.#ids.get(object);
    if (known !== undefined) return known;
    this.#ids.set(object, this.#ids.size);
    return this.#ids.size - 1;
  }
}

function countUses(order: readonly Tensor[]): Map<Tensor, number> {
  const counts = new Map<Tensor, number>();
  for (const tensor of order) {
    for (const source of tensor.inputs) counts.set(source, (counts.get(source) ?? 0) + 1);
  }
  return counts;
}

function fold(tensor: Tensor): Tensor | undefined {
  const { fold: compute } = tensor.op;
  if (compute === undefined || tensor.inputs.length === 0 || !tensor.inputs.every(isConstant)) return undefined;
  const data = compute(tensor.inputs, tensor.attributes);
  return data === undefined ? undefined : constant(data, tensor.shape as readonly number[], tensor.dtype);
}

function applyFirst(tensor: Tensor, table: readonly Rule[], usesOf: (tensor: Tensor) => number): Tensor | undefined {
  for (const rule of table) {
    if (rule.root !== tensor.op) continue;
    const replacement = rule.rewrite(tensor, usesOf);
    if (replacement === undefined) continue;
    if (replacement.dtype !== tensor.dtype || String(replacement.shape) !== String(tensor.shape)) {
      throw new Error(`rewrite ${rule.name} changed the type of ${tensor.op.name}`);
    }
    return replacement;
  }
  return undefined;
}
