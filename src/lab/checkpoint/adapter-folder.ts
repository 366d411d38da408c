/**
 * A folder with a low-rank adapter, as the PEFT library has it: `adapter_config.json` and `adapter_model.safetensors`. Ours
 * also say which base they are for: the metadata of the tensors hold the SHA-256 of its weights.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { systemCode } from '../../base/errors.js';
import {
  type AdapterConfig,
  type AdapterOrigin,
  adapterConfigText,
  badAdapter,
  parseAdapterConfig,
} from './adapter-config.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { readTextFile } from './manifest.js';
import { type NamedTensor, openSafetensors, safetensorsChunks } from './safetensors.js';

export const ADAPTER_CONFIG_FILE = 'adapter_config.json';
export const ADAPTER_FILE = 'adapter_model.safetensors';
/** What every tensor's name begins with. */
export const ADAPTER_PREFIX = 'base_model.model.';

const BASE_HASH_KEY = 'base_sha256';
const MAX_TENSORS = 100_000;
const ADDED = /^base_model\.model\.(.+)\.(lora_A\.weight|lora_B\.weight|lora_magnitude_vector)$/;

export interface Adapter {
  readonly directory: string;
  /** Modules by their whole names, as the tensors say. */
  readonly config: AdapterConfig;
  readonly baseModel: string | undefined;
  /** Of the base's weights; undefined in files of others. */
  readonly baseSha256: string | undefined;
  readonly tensors: ReadonlyMap<string, AdapterTensor>;
}

export interface AdapterTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * Reads a folder that PEFT or Moat wrote, all of its tensors as float32.
 * @throws MoatError `bad-adapter`, `bad-safetensors`
 */
export async function readAdapterFolder(directory: string, fileSystem: FileSystem = nodeFileSystem): Promise<Adapter> {
  const configFile = path.join(directory, ADAPTER_CONFIG_FILE);
  const text = await readTextFile(fileSystem, configFile).catch((error: unknown) => {
    throw systemCode(error) === undefined ? error : badAdapter(configFile, 'it cannot be read', error);
  });
  const { config, baseModel } = parseAdapterConfig(text, configFile);
  const file = path.join(directory, ADAPTER_FILE);
  const reader = await openSafetensors(file, fileSystem).catch((error: unknown) => {
    throw systemCode(error) === undefined ? error : badAdapter(file, 'it cannot be read', error);
  });
  try {
    if (reader.tensors.size > MAX_TENSORS)
      throw badAdapter(file, `${reader.tensors.size} tensors, over the limit of ${MAX_TENSORS}`);
    const modules = modulesIn([...reader.tensors.keys()], file);
    const tensors = new Map<string, AdapterTensor>();
    for (const [name, { shape }] of reader.tensors) tensors.set(name, { shape, data: await reader.readFloat32(name) });
    return {
      directory,
      config: { ...config, ...modules },
      baseModel,
      baseSha256: reader.metadata.get(BASE_HASH_KEY),
      tensors,
    };
  } finally {
    await reader.close();
  }
}

/** Which modules the names of tensors are of; a tensor that is nothing of an adapter's is the weight of a module saved whole. */
function modulesIn(names: readonly string[], file: string): Pick<AdapterConfig, 'targetModules' | 'modulesToSave'> {
  const targets = new Set<string>();
  const whole = new Set<string>();
  for (const name of names) {
    const target = ADDED.exec(name)?.[1];
    if (target !== undefined) targets.add(target);
    else if (name.startsWith(ADAPTER_PREFIX) && !name.includes('lora_'))
      whole.add(name.slice(ADAPTER_PREFIX.length, name.lastIndexOf('.')));
    else throw badAdapter(file, `tensor "${name}" is not one of LoRA or DoRA on linear layers`);
  }
  if (targets.size === 0) throw badAdapter(file, 'it adapts no module');
  return { targetModules: [...targets], modulesToSave: [...whole] };
}

/**
 * What the base of an adapter is called; undefined for a folder without one.
 * @throws MoatError `bad-adapter`, also for an adapter that does not name its base
 */
export async function readBaseModel(
  directory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<string | undefined> {
  const file = path.join(directory, ADAPTER_CONFIG_FILE);
  const text = await readTextFile(fileSystem, file).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const { baseModel } = parseAdapterConfig(text, file);
  if (baseModel === undefined) throw badAdapter(file, 'it does not name its base ("base_model_name_or_path")');
  return baseModel;
}

export interface AdapterContents extends AdapterOrigin {
  readonly config: AdapterConfig;
  /** The names of the modules, resolved. */
  readonly targets: readonly string[];
  readonly tensors: readonly NamedTensor[];
  /** Lower-case hexadecimal, of the base's weights. */
  readonly baseSha256?: string | undefined;
}

/** What an adapter's folder holds beside its tensors: the other file, and the metadata of theirs. */
export function adapterLayout({ config, targets, baseSha256, ...origin }: Omit<AdapterContents, 'tensors'>): {
  readonly files: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, string>>;
} {
  return {
    files: { [ADAPTER_CONFIG_FILE]: adapterConfigText(config, targets, origin) },
    metadata: baseSha256 === undefined ? {} : { [BASE_HASH_KEY]: baseSha256 },
  };
}

/**
 * Writes both files, in place of those that were there; each whole or not at all, the small one first.
 * @returns bytes of the tensors' file @throws MoatError `disk-full`, `not-writable`
 */
export async function writeAdapterFolder(directory: string, contents: AdapterContents): Promise<number> {
  const { files, metadata } = adapterLayout(contents);
  await mkdir(directory, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFileAtomic(path.join(directory, name), text);
  let sizeBytes = 0;
  await writeFileAtomic(path.join(directory, ADAPTER_FILE), async (handle) => {
    for (const chunk of safetensorsChunks(contents.tensors, { format: 'pt', ...metadata })) {
      await writeFile(handle, chunk);
      sizeBytes += chunk.length;
    }
  });
  return sizeBytes;
}
