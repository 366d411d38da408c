/** An adapter's numbers beside a frozen base: what is trained, what is fed, and what is written. */
import { Rng } from '../../../base/rng.js';
import {
  ADAPTER_FILE,
  type AdapterContents,
  adapterLayout,
  writeAdapterFolder,
} from '../../checkpoint/adapter-folder.js';
import { elementCount } from '../../graph/dims.js';
import { initialize } from '../../models/initialize.js';
import type { TrainableWeights } from '../supervised/trainable-weights.js';
import type { AdaptedModel } from './adapt-model.js';
import { type BasePrecision, type FrozenBase, freezeBase } from './frozen-base.js';
import { rowNorms } from './merge-weights.js';
import { type ModelValues, baseSha256, floatsOf } from './model-values.js';
import { targetNames } from './linear-modules.js';

/** An adapter's numbers by name. */
export type AdapterValues = ReadonlyMap<string, Float32Array>;

/**
 * A fresh adapter: A drawn, B zeros, magnitudes the lengths of the weight's rows, modules saved whole as they are in the
 * base. It leaves what the base computes as it was.
 * @param baseValue of a base parameter, as it is computed with
 */
export function initialAdapter(
  adapted: AdaptedModel,
  baseValue: (name: string) => Float32Array,
  seed: number,
): Map<string, Float32Array> {
  const rng = Rng.fromSeed(seed);
  const values = new Map<string, Float32Array>();
  for (const spec of adapted.adapterSpecs) {
    const value = new Float32Array(elementCount(spec.shape));
    initialize(spec, value, rng);
    values.set(spec.name, value);
  }
  for (const [name, saved] of adapted.savedWhole) values.get(saved)?.set(baseValue(name));
  for (const module of adapted.modules) {
    if (module.magnitude !== undefined)
      values.get(module.magnitude)?.set(rowNorms(module, baseValue(module.weight.name)));
  }
  return values;
}

export interface AdapterWeightsOptions {
  /** Of every base parameter. */
  readonly base: ModelValues;
  /** How the base is kept while training: `int4` is QLoRA. Default `float32`. */
  readonly precision?: BasePrecision;
  /** The adapter's numbers at the start; default: `initialAdapter` of `seed`. */
  readonly initial?: AdapterValues;
  readonly seed: number;
  /** The base's folder or name, for the files. */
  readonly baseModel: string;
}

export interface AdapterWeights extends TrainableWeights {
  /** Of the frozen base in memory. */
  readonly frozenBytes: number;
}

/** What a trainer takes to train an adapter and nothing else; the model it trains is `adapted.model`. */
export function adapterWeights(adapted: AdaptedModel, options: AdapterWeightsOptions): AdapterWeights {
  const { base, precision = 'float32', seed, baseModel } = options;
  const frozen = freezeBase(adapted.base, base, precision, new Set(adapted.savedWhole.keys()));
  const initial = options.initial ?? freshAdapter(adapted, base, frozen, seed);
  const trained = adapted.adapterSpecs.map((spec) => ({ spec, initial: initial.get(spec.name) as Float32Array }));
  return trainableAdapter(adapted, trained, frozen, { baseModel, baseSha256: baseSha256(adapted.base, base) });
}

function freshAdapter(adapted: AdaptedModel, base: ModelValues, frozen: FrozenBase, seed: number): AdapterValues {
  const valueOf = (name: string): Float32Array =>
    adapted.savedWhole.has(name) ? floatsOf(base, name) : frozen.valueOf(name);
  return initialAdapter(adapted, valueOf, seed);
}

/** Apart from `adapterWeights`, so that `write` does not keep alive, with the scope it was made in, the base in float32. */
function trainableAdapter(
  adapted: AdaptedModel,
  trained: AdapterWeights['trained'],
  { feeds, sizeBytes, wire }: FrozenBase,
  about: Pick<AdapterContents, 'baseModel' | 'baseSha256'>,
): AdapterWeights {
  return {
    trained,
    frozen: feeds,
    frozenBytes: sizeBytes,
    wire,
    write: (folder, values) => {
      const valueOf = (name: string): Float32Array => values.get(name)?.data as Float32Array;
      return writeAdapterFolder(folder, adapterContents(adapted, valueOf, about));
    },
    layout: { weightsFile: ADAPTER_FILE, ...adapterLayout(adapterOutline(adapted, about)) },
  };
}

/** An adapter as its folder holds it. @param valueOf a trained parameter's numbers, by name */
export function adapterContents(
  adapted: AdaptedModel,
  valueOf: (name: string) => Float32Array,
  about: Pick<AdapterContents, 'baseModel' | 'baseSha256'>,
): AdapterContents {
  const tensors = adapted.adapterSpecs.map(({ name, shape }) => ({ name, shape, data: valueOf(name) }));
  return { ...adapterOutline(adapted, about), tensors };
}

function adapterOutline(
  adapted: AdaptedModel,
  about: Pick<AdapterContents, 'baseModel' | 'baseSha256'>,
): Omit<AdapterContents, 'tensors'> {
  return {
    ...about,
    config: adapted.config,
    targets: targetNames(adapted.base, adapted.modules),
    fanInFanOut: adapted.modules.some(({ transposed }) => !transposed),
  };
}
