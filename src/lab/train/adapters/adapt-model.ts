/**
 * A causal model with low-rank adapters: again a causal model, so that objectives, training, evaluation and serving need
 * not know of it. The adapter's share is computed beside the product, `x · Aᵀ · Bᵀ`, and never as a weight: no gradient of
 * the size of a weight arises, which a third of a training step would go to.
 */
import { MoatError } from '../../../base/errors.js';
import type { AdapterConfig } from '../../checkpoint/adapter-config.js';
import { ADAPTER_PREFIX } from '../../checkpoint/adapter-folder.js';
import type { Tensor } from '../../graph/tensor.js';
import {
  type CausalModel,
  INFERENCE,
  type ParameterSpec,
  type Parameters,
  type Pass,
  type SequenceInputs,
  type SequenceOutputs,
  type StepInputs,
  type StepOutputs,
} from '../../models/model.js';
import { checkAdapterConfig, isNamed } from './adapter-config.js';
import { adaptedProduct } from './adapted-product.js';
import { type AdaptedModule, type LinearModule, targetedModules } from './linear-modules.js';
import { replaceProducts } from './replace-products.js';

export interface AdaptedModel {
  readonly config: AdapterConfig;
  readonly base: CausalModel;
  /** Its parameters are the base's and then the adapter's. */
  readonly model: CausalModel;
  readonly modules: readonly AdaptedModule[];
  /** What is trained and saved: the adapter's parameters and the modules saved whole. */
  readonly adapterSpecs: readonly ParameterSpec[];
  /** By the name of a base parameter: the trained one that takes its place. */
  readonly savedWhole: ReadonlyMap<string, string>;
  readonly isTrained: (spec: ParameterSpec) => boolean;
}

/**
 * Adds low-rank adapters to a model. Fresh adapters (`initialAdapter`) leave what it computes as it was.
 * @throws MoatError `bad-adapter`, `no-such-module`
 */
export function adaptModel(base: CausalModel, config: AdapterConfig): AdaptedModel {
  checkAdapterConfig(config);
  const modules = targetedModules(base, config).map((module) => adapted(module, config));
  const whole = wholeModules(base, config);
  const savedWhole = new Map(whole.map(({ name }) => [name, ADAPTER_PREFIX + name]));
  const adapterSpecs = [
    ...modules.flatMap((module) => moduleSpecs(module, config)),
    ...whole.map((spec) => ({ ...spec, name: ADAPTER_PREFIX + spec.name })),
  ];
  const trained = new Set(adapterSpecs.map(({ name }) => name));
  const rewriting: Rewriting = {
    config,
    savedWhole,
    byWeight: new Map(modules.map((each) => [each.weight.name, each])),
  };
  const model: CausalModel = {
    ...base,
    parameters: [...base.parameters, ...adapterSpecs],
    forward: (parameters, inputs, pass) => forward(base, rewriting, parameters, inputs, pass),
    step: (parameters, inputs) => step(base, rewriting, parameters, inputs),
  };
  const isTrained = ({ name }: ParameterSpec): boolean => trained.has(name);
  return { config, base, model, modules, adapterSpecs, savedWhole, isTrained };
}

function adapted(module: LinearModule, { useDora = false }: AdapterConfig): AdaptedModule {
  const at = ADAPTER_PREFIX + module.name;
  const magnitude = useDora ? `${at}.lora_magnitude_vector` : undefined;
  return { ...module, a: `${at}.lora_A.weight`, b: `${at}.lora_B.weight`, magnitude };
}

/** A is drawn as PEFT draws it, `kaiming_uniform_(a=√5)`: uniform within 1/√in. B is zeros: the adapter begins as nothing. */
function moduleSpecs({ a, b, magnitude, inSize, outSize }: AdaptedModule, { rank }: AdapterConfig): ParameterSpec[] {
  const uniform = { kind: 'uniform', bound: 1 / Math.sqrt(inSize) } as const;
  const specs: ParameterSpec[] = [
    { name: a, shape: [rank, inSize], initializer: uniform, role: 'matrix' },
    { name: b, shape: [outSize, rank], initializer: { kind: 'zeros' }, role: 'matrix' },
  ];
  // filled with the lengths of the weight's rows by initialAdapter
  if (magnitude !== undefined)
    specs.push({ name: magnitude, shape: [outSize], initializer: { kind: 'ones' }, role: 'vector' });
  return specs;
}

function wholeModules(base: CausalModel, config: AdapterConfig): ParameterSpec[] {
  const names = config.modulesToSave ?? [];
  const moduleOf = ({ name }: ParameterSpec): string => name.slice(0, name.lastIndexOf('.'));
  const unknown = names.find((name) => !base.parameters.some((spec) => isNamed(moduleOf(spec), [name])));
  if (unknown !== undefined) {
    throw new MoatError('no-such-module', `adapter: the model has no module "${unknown}" to save whole`, {
      fix: 'Tied heads have no weight of their own; leave modulesToSave out unless the table of tokens grew.',
    });
  }
  const whole = base.parameters.filter((spec) => isNamed(moduleOf(spec), names));
  const both = targetedModules(base, config).find(({ weight }) => whole.includes(weight));
  if (both === undefined) return whole;
  throw new MoatError('bad-adapter', `adapter: "${both.name}" is to be adapted and saved whole`, {
    fix: 'Name it in targetModules or in modulesToSave, not in both.',
  });
}

interface Rewriting {
  readonly config: AdapterConfig;
  readonly savedWhole: ReadonlyMap<string, string>;
  readonly byWeight: ReadonlyMap<string, AdaptedModule>;
}

/** The look-up the base model sees; it notes which tensor is the weight of which module. */
function baseLookUp({ savedWhole, byWeight }: Rewriting, parameters: Parameters) {
  const moduleOf = new Map<Tensor, AdaptedModule>();
  const lookUp: Parameters = (name) => {
    const tensor = parameters(savedWhole.get(name) ?? name);
    const module = byWeight.get(name);
    if (module !== undefined) moduleOf.set(tensor, module);
    return tensor;
  };
  return { lookUp, moduleOf };
}

function forward(
  base: CausalModel,
  rewriting: Rewriting,
  parameters: Parameters,
  inputs: SequenceInputs,
  pass: Pass,
): SequenceOutputs {
  const { lookUp, moduleOf } = baseLookUp(rewriting, parameters);
  const boundaries: Tensor[] = [];
  const updates: [name: string, value: Tensor][] = [];
  const { logits, states } = base.forward(lookUp, inputs, {
    training: pass.training,
    dropout: (x, probability) => pass.dropout(x, probability),
    boundary: (hidden) => void boundaries.push(hidden),
    update: (name, value) => void updates.push([name, value]),
  });
  const all = [logits, ...states, ...boundaries, ...updates.map(([, value]) => value)];
  const formOf = replaceProducts(all, { product: adaptedProduct(rewriting.config, moduleOf, parameters, pass) });
  for (const hidden of boundaries) pass.boundary(formOf(hidden));
  for (const [name, value] of updates) pass.update(name, formOf(value));
  return { logits: formOf(logits), states: states.map(formOf) };
}

function step(base: CausalModel, rewriting: Rewriting, parameters: Parameters, inputs: StepInputs): StepOutputs {
  const { lookUp, moduleOf } = baseLookUp(rewriting, parameters);
  const { logits, cache, states } = base.step(lookUp, inputs);
  const all = [logits, ...states, ...cache.flatMap(({ keys, values }) => [keys, values])];
  const formOf = replaceProducts(all, { product: adaptedProduct(rewriting.config, moduleOf, parameters, INFERENCE) });
  return {
    logits: formOf(logits),
    cache: cache.map(({ keys, values }) => ({ keys: formOf(keys), values: formOf(values) })),
    states: states.map(formOf),
  };
}
