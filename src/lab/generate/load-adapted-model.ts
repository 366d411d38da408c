/** A base with an adapter as something that generates: merged in memory, so that it runs as fast as the base alone. */
import { stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { type Adapter, readAdapterFolder, readBaseModel } from '../checkpoint/adapter-folder.js';
import { type Value, floats } from '../runtime/program.js';
import { baseSha256, floatsOf } from '../train/adapters/model-values.js';
import { adaptedFrom, checkBaseHash, mergedParameter } from '../train/adapters/stored-adapter.js';
import { type LoadedModel, loadModel } from './load-model.js';

/** @throws MoatError `bad-adapter`, `other-base`; those of `loadModel` */
export async function loadAdaptedModel(base: string, adapterFolder: string): Promise<LoadedModel> {
  return merged(await readAdapterFolder(adapterFolder), await loadModel(base));
}

/**
 * A model's folder, or an adapter's, whose base is found by `baseFolderOf`.
 * @throws MoatError those of `baseFolderOf` and `loadAdaptedModel`
 */
export async function loadModelOrAdapter(directory: string): Promise<LoadedModel> {
  const base = await baseFolderOf(directory);
  return base === directory ? loadModel(directory) : loadAdaptedModel(base, directory);
}

/**
 * Where configuration and tokenizer lie: of an adapter, the folder its configuration names, a path seen from here or from the
 * adapter's folder; of a model, the folder itself.
 * @throws MoatError `base-missing`, `bad-adapter`
 */
export async function baseFolderOf(directory: string): Promise<string> {
  const named = await readBaseModel(directory);
  if (named === undefined) return directory;
  for (const base of [path.resolve(named), path.resolve(directory, named)]) if (await exists(base)) return base;
  throw new MoatError('base-missing', `${directory}: the base of this adapter, ${named}, is not here`, {
    fix: 'Merge the two with: moat adapter merge ADAPTER BASE FOLDER.',
  });
}

const exists = async (target: string): Promise<boolean> =>
  stat(target).then(
    () => true,
    () => false,
  );

function merged(adapter: Adapter, loaded: LoadedModel): LoadedModel {
  const { model } = loaded;
  const adapted = adaptedFrom(model, adapter);
  if (adapter.baseSha256 !== undefined) checkBaseHash(adapter, baseSha256(model, loaded.weights));
  const mergedValue = mergedParameter(adapted, adapter);
  const weights = new Map<string, Value>();
  for (const { name, shape } of model.parameters)
    weights.set(name, floats(mergedValue(name, floatsOf(loaded.weights, name)), shape));
  return { ...loaded, weights };
}
