/** A base with an adapter merged into it: a model folder like any other. */
import { copyFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { type Adapter, readAdapterFolder } from '../checkpoint/adapter-folder.js';
import { nodeFileSystem } from '../checkpoint/file-system.js';
import { type Weights, openModelFolder } from '../checkpoint/model-folder.js';
import { type TensorSource, writeSafetensorsFrom } from '../checkpoint/safetensors.js';
import type { CausalModel } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { loadTokenizer } from '../tokenizer/tokenizer.js';
import { createBaseHash } from '../train/adapters/model-values.js';
import { adaptedFrom, checkBaseHash, mergedParameter } from '../train/adapters/stored-adapter.js';
import { checkFits } from './load-model.js';
import { type TransferOptions, checkFolderIsFree, counted } from './model-transfer.js';
import { weightsOf } from './weight-names.js';

export interface MergedModel {
  readonly modelType: string;
  readonly mergedModules: number;
  /** Whether the adapter says which base it is for, so that it could be checked and not only its shapes. */
  readonly baseIsProven: boolean;
}

const COMPANIONS: ReadonlySet<string> = new Set([
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'chat_template.jinja',
  'generation_config.json',
  'LICENSE',
]);

/**
 * Writes `base` with the adapter's share added to its weights, as float32, tensor by tensor: memory is bounded by the largest
 * one. The folder appears whole or not at all.
 * @throws MoatError `folder-taken`, `bad-adapter`, `other-base`; those of `loadModel`
 */
export async function mergeAdapter(
  adapterFolder: string,
  base: string,
  folder: string,
  options: TransferOptions = {},
): Promise<MergedModel> {
  await checkFolderIsFree(folder);
  const adapter = await readAdapterFolder(adapterFolder);
  const tokenizer = await loadTokenizer(base);
  const opened = await openModelFolder(base);
  try {
    const config = JSON.parse(await opened.readText('config.json')) as Record<string, unknown>;
    const { model } = readCausalModel(config, path.join(base, 'config.json'));
    const weights = weightsOf(model, opened.weights);
    checkFits(base, model, tokenizer, weights);
    const adapted = adaptedFrom(model, adapter);
    await checkBase(adapter, model, weights, options.signal);
    const names = (await nodeFileSystem.list(base)).map(({ name }) => name);
    await writeFolderAtomic(folder, async (target) => {
      const tensors = counted(mergedTensors(model, weights, mergedParameter(adapted, adapter)), options);
      await writeSafetensorsFrom(path.join(target, 'model.safetensors'), tensors, { metadata: { format: 'pt' } });
      await writeFile(path.join(target, 'config.json'), `${JSON.stringify(inFloat32(config), undefined, 2)}\n`);
      for (const name of names.filter((each) => COMPANIONS.has(each)))
        await copyFile(path.join(base, name), path.join(target, name));
    });
    const { model_type: modelType } = model.config;
    return { modelType, mergedModules: adapted.modules.length, baseIsProven: adapter.baseSha256 !== undefined };
  } finally {
    await opened.close();
  }
}

async function checkBase(adapter: Adapter, model: CausalModel, weights: Weights, signal?: AbortSignal): Promise<void> {
  if (adapter.baseSha256 === undefined) return;
  const hash = createBaseHash();
  for (const spec of model.parameters) {
    signal?.throwIfAborted();
    hash.update(spec, await weights.readFloat32(spec.name));
  }
  checkBaseHash(adapter, hash.digest());
}

function mergedTensors(
  model: CausalModel,
  weights: Weights,
  merged: (name: string, weight: Float32Array) => Float32Array,
): TensorSource[] {
  return model.parameters.map(({ name, shape }) => ({
    name,
    shape,
    dtype: 'F32',
    async read() {
      const { buffer, byteOffset, byteLength } = merged(name, await weights.readFloat32(name));
      return new Uint8Array(buffer, byteOffset, byteLength);
    },
  }));
}

/** Half precision would round away part of what the adapter learned. */
function inFloat32({ dtype, torch_dtype: torchDtype, ...config }: Record<string, unknown>): Record<string, unknown> {
  if (dtype !== undefined) return { ...config, dtype: 'float32' };
  return torchDtype === undefined ? config : { ...config, torch_dtype: 'float32' };
}
