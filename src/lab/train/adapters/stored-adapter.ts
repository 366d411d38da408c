/** An adapter from its folder, held against the base it is put on, and merged into it. */
import { MoatError } from '../../../base/errors.js';
import type { Adapter } from '../../checkpoint/adapter-folder.js';
import type { CausalModel } from '../../models/model.js';
import { type AdaptedModel, adaptModel } from './adapt-model.js';
import { mergedWeight } from './merge-weights.js';

/** The error of an adapter that was made for another model. */
function otherBase(directory: string, what: string): MoatError {
  return new MoatError('other-base', `${directory}: the adapter belongs to another base: ${what}`, {
    fix: 'Use the base the adapter was trained on.',
  });
}

/**
 * A base with the adapter of a folder.
 * @throws MoatError `other-base` when modules or shapes differ
 */
export function adaptedFrom(base: CausalModel, adapter: Adapter): AdaptedModel {
  const { directory, config, tensors } = adapter;
  let adapted: AdaptedModel;
  try {
    adapted = adaptModel(base, config);
  } catch (error) {
    throw error instanceof MoatError ? otherBase(directory, error.message) : error;
  }
  for (const { name, shape } of adapted.adapterSpecs) {
    const found = tensors.get(name)?.shape;
    if (found?.join() === shape.join()) continue;
    const got = found === undefined ? 'is missing' : `is [${found.join(', ')}], not [${shape.join(', ')}]`;
    throw otherBase(directory, `tensor "${name}" ${got}`);
  }
  const known = new Set(adapted.adapterSpecs.map(({ name }) => name));
  const strange = [...tensors.keys()].find((name) => !known.has(name));
  if (strange !== undefined) throw otherBase(directory, `the model has no place for tensor "${strange}"`);
  return adapted;
}

/**
 * @param sha256 of the base at hand
 * @throws MoatError `other-base` when the adapter says that its base had other weights
 */
export function checkBaseHash({ directory, baseSha256, baseModel = 'its base' }: Adapter, sha256: string): void {
  if (baseSha256 === undefined || baseSha256 === sha256) return;
  throw otherBase(
    directory,
    `${baseModel} had weights with SHA-256 ${baseSha256.slice(0, 12)}…, these have ${sha256.slice(0, 12)}…`,
  );
}

/** What a parameter of the base becomes with the adapter merged into it; `weight` itself where nothing changes. */
export function mergedParameter(
  adapted: AdaptedModel,
  adapter: Pick<Adapter, 'tensors'>,
): (name: string, weight: Float32Array) => Float32Array {
  const byWeight = new Map(adapted.modules.map((module) => [module.weight.name, module]));
  const valueOf = (name: string): Float32Array => adapter.tensors.get(name)?.data as Float32Array;
  return (name, weight) => {
    const saved = adapted.savedWhole.get(name);
    if (saved !== undefined) return valueOf(saved);
    const module = byWeight.get(name);
    if (module === undefined) return weight;
    const magnitude = module.magnitude === undefined ? undefined : valueOf(module.magnitude);
    return mergedWeight(module, adapted.config, weight, { a: valueOf(module.a), b: valueOf(module.b), magnitude });
  };
}
