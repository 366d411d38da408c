/** Which of a model's parameters are weights of linear layers, seen in the graph it builds and not guessed from names. */
import { MoatError } from '../../../base/errors.js';
import type { AdapterConfig } from '../../checkpoint/adapter-config.js';
import { input, topologicalOrder } from '../../graph/tensor.js';
import { type CausalModel, INFERENCE, type ParameterSpec } from '../../models/model.js';
import { parameterInputs } from '../objective.js';
import { isNamed } from './adapter-config.js';
import { productOf } from './replace-products.js';

/** A linear layer, `x · weightᵀ`. */
export interface LinearModule {
  /** `model.layers.0.self_attn.q_proj`. */
  readonly name: string;
  readonly weight: ParameterSpec;
  /** The weight is `[out, in]`; otherwise `[in, out]`, as GPT-2 stores it. */
  readonly transposed: boolean;
  readonly inSize: number;
  readonly outSize: number;
}

/** A linear layer with the names of what was added to it, as PEFT's files have them. */
export interface AdaptedModule extends LinearModule {
  /** `base_model.model.<module>.lora_A.weight`, `[rank, in]`. */
  readonly a: string;
  /** `base_model.model.<module>.lora_B.weight`, `[out, rank]`. */
  readonly b: string;
  /** `base_model.model.<module>.lora_magnitude_vector`, `[out]`; undefined without DoRA. */
  readonly magnitude: string | undefined;
}

const WEIGHT = '.weight';

/** Every linear layer of a model but those that share the table of tokens, in the order of its parameters. */
export function linearModules(model: CausalModel): LinearModule[] {
  const { lookUp, tensors } = parameterInputs(model.parameters);
  const states = model.cacheShape.states.map((shape, index) => input(`state:${index}`, [1, ...shape]));
  const { logits } = model.forward(lookUp, { tokens: input('tokens', [1, 2], 'int64'), states }, INFERENCE);
  const specOf = new Map(tensors.map((tensor, index) => [tensor, model.parameters[index] as ParameterSpec]));
  const found = new Map<ParameterSpec, LinearModule>();
  for (const product of topologicalOrder([logits]).map(productOf)) {
    const weight = product && specOf.get(product.weight);
    if (weight === undefined || !weight.name.endsWith(WEIGHT) || weight.role === 'embedding') continue;
    const transposed = product?.transposed === true;
    const [rows, columns] = weight.shape as readonly [number, number];
    const [outSize, inSize] = transposed ? [rows, columns] : [columns, rows];
    found.set(weight, { name: weight.name.slice(0, -WEIGHT.length), weight, transposed, inSize, outSize });
  }
  return model.parameters.flatMap((spec) => found.get(spec) ?? []);
}

/**
 * The linear layers an adapter is for.
 * @throws MoatError `no-such-module`, naming the modules there are
 */
export function targetedModules(model: CausalModel, { targetModules = 'all-linear' }: AdapterConfig): LinearModule[] {
  const modules = linearModules(model);
  const body = modules.filter(({ weight }) => weight.role !== 'head');
  if (targetModules === 'all-linear') {
    if (body.length > 0) return body;
    const heads = modules.map(({ name }) => name).join(', ');
    throw new MoatError('no-such-module', `adapter: a ${model.config.model_type} has no linear layer but its head`, {
      fix: heads === '' ? 'Train all of it instead.' : `Name the head, ${heads}, or train all of the model.`,
    });
  }
  const unknown = targetModules.find((target) => !modules.some(({ name }) => isNamed(name, [target])));
  if (unknown !== undefined || targetModules.length === 0) {
    const known = [...new Set(body.map(({ name }) => name.slice(name.lastIndexOf('.') + 1)))];
    const what = unknown === undefined ? 'no modules to adapt' : `the model has no linear layer "${unknown}"`;
    throw new MoatError('no-such-module', `adapter: ${what}`, { fix: `Choose of ${known.join(', ')}, or all-linear.` });
  }
  return modules.filter(({ name }) => isNamed(name, targetModules));
}

/** Modules in as few words as PEFT understands: last names where these mean no other linear layer, else whole names. */
export function targetNames(model: CausalModel, modules: readonly LinearModule[]): string[] {
  const targeted = new Set(modules.map(({ name }) => name));
  const last = (name: string): string => name.slice(name.lastIndexOf('.') + 1);
  const others = new Set(linearModules(model).flatMap(({ name }) => (targeted.has(name) ? [] : [last(name)])));
  return [...new Set([...targeted].map((name) => (others.has(last(name)) ? name : last(name))))];
}
