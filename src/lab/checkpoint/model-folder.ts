/**
 * Opens a folder that holds a model: a checkpoint of ours, checked against its manifest, or one of Hugging Face's with
 * `config.json` and weights in `model.safetensors`, or in shards that `model.safetensors.index.json` lists. The index may
 * come from anywhere: it names files of this folder and nothing else, and every shard holds exactly what it says.
 */
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { type FileSystem, nodeFileSystem } from './file-system.js';
import { loadCheckpoint } from './load-checkpoint.js';
import { MANIFEST_FILE, STATE_FILE, readTextFile } from './manifest.js';
import { badSafetensors } from './safetensors-header.js';
import { type SafetensorsReader, openSafetensors } from './safetensors.js';
import { MODEL_FILE, OPTIMIZER_FILE } from './save-checkpoint.js';

/** Weights under their names, wherever they lie. */
export type Weights = Pick<SafetensorsReader, 'tensors' | 'readFloat32' | 'readBytes' | 'close'>;

export interface ModelFolder {
  readonly directory: string;
  readonly weights: Weights;
  /** The text of `config.json`, `tokenizer.json` … @throws Node's error when there is no such file */
  readText(name: string): Promise<string>;
  close(): Promise<void>;
}

export const CONFIG_FILE = 'config.json';
export const INDEX_FILE = `${MODEL_FILE}.index.json`;
const MAX_SHARDS = 1024;

/**
 * @throws MoatError `model-missing` for a folder without a model or with one in part, `bad-model-index`,
 * `bad-safetensors`; those of `loadCheckpoint` for a checkpoint of ours
 */
export async function openModelFolder(
  directory: string,
  fileSystem: FileSystem = nodeFileSystem,
): Promise<ModelFolder> {
  const names = await namesIn(directory, fileSystem);
  // what only our checkpoints have: one of them without its manifest is damaged, not foreign
  if ([MANIFEST_FILE, STATE_FILE, OPTIMIZER_FILE].some((name) => names.has(name))) {
    const { model: weights, readText, close } = await loadCheckpoint(directory, fileSystem);
    return { directory, weights, readText, close };
  }
  if (!names.has(CONFIG_FILE)) throw missing(path.join(directory, CONFIG_FILE));
  const weights = names.has(MODEL_FILE)
    ? await openSafetensors(path.join(directory, MODEL_FILE), fileSystem)
    : await openShards(directory, names, fileSystem);
  return {
    directory,
    weights,
    readText: (name) => readTextFile(fileSystem, path.join(directory, name)),
    close: () => weights.close(),
  };
}

async function namesIn(directory: string, fileSystem: FileSystem): Promise<Set<string>> {
  try {
    return new Set((await fileSystem.list(directory)).map(({ name }) => name));
  } catch (error) {
    throw new MoatError('model-missing', `${directory}: this folder cannot be read`, {
      fix: 'Give a folder with config.json and model.safetensors.',
      cause: error,
    });
  }
}

function missing(file: string): MoatError {
  return new MoatError('model-missing', `${file}: no such file, so this folder holds no whole model`, {
    fix: 'Give a folder with config.json and weights in safetensors, as downloaded from Hugging Face.',
  });
}

function badIndex(file: string, what: string, cause?: unknown): MoatError {
  return new MoatError('bad-model-index', `${file}: ${what}`, { fix: 'Copy or download the folder again.', cause });
}

const indexSchema = z.object({ weight_map: z.record(z.string(), z.string()) });

async function openShards(directory: string, names: ReadonlySet<string>, fileSystem: FileSystem): Promise<Weights> {
  if (!names.has(INDEX_FILE)) throw missing(path.join(directory, MODEL_FILE));
  const indexFile = path.join(directory, INDEX_FILE);
  const placeOf = await readIndex(indexFile, fileSystem);
  const shardNames = [...new Set(placeOf.values())];
  if (shardNames.length > MAX_SHARDS)
    throw badIndex(indexFile, `${shardNames.length} shards, over the limit of ${MAX_SHARDS}`);
  for (const name of shardNames) if (!names.has(name)) throw missing(path.join(directory, name));
  const shards = new Map<string, SafetensorsReader>();
  const close = async (): Promise<void> => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    for (const name of shardNames) shards.set(name, await openSafetensors(path.join(directory, name), fileSystem));
    checkPlaces(indexFile, placeOf, shards);
  } catch (error) {
    await close();
    throw error;
  }
  const shardOf = (name: string): SafetensorsReader => {
    const shard = shards.get(placeOf.get(name) ?? '');
    if (shard === undefined) throw badSafetensors(directory, `it has no tensor "${name}"`);
    return shard;
  };
  return {
    tensors: new Map([...shards.values()].flatMap(({ tensors }) => [...tensors])),
    readFloat32: async (name, into) => shardOf(name).readFloat32(name, into),
    readBytes: async (name) => shardOf(name).readBytes(name),
    close,
  };
}

/** The shard of every tensor. Only plain names of files in this folder are let through. */
async function readIndex(file: string, fileSystem: FileSystem): Promise<Map<string, string>> {
  const text = await readTextFile(fileSystem, file);
  let index: z.infer<typeof indexSchema>;
  try {
    index = indexSchema.parse(JSON.parse(text));
  } catch (error) {
    throw badIndex(file, 'it is no list of tensors with their files ("weight_map")', error);
  }
  const placeOf = new Map(Object.entries(index.weight_map));
  for (const [tensor, shard] of placeOf) {
    if (!/^[\w-][\w.-]{0,200}\.safetensors$/.test(shard))
      throw badIndex(file, `tensor "${tensor}": ${JSON.stringify(shard)} is not a plain name of a safetensors file`);
  }
  if (placeOf.size === 0) throw badIndex(file, 'it lists no tensors');
  return placeOf;
}

/** Every shard holds the tensors that the index says, and no other: none is twice, none elsewhere. */
function checkPlaces(
  indexFile: string,
  placeOf: ReadonlyMap<string, string>,
  shards: ReadonlyMap<string, SafetensorsReader>,
): void {
  for (const [name, shard] of shards) {
    for (const tensor of shard.tensors.keys()) {
      const place = placeOf.get(tensor);
      if (place !== name)
        throw badIndex(indexFile, `tensor "${tensor}" is in ${name}, but listed ${place ? `for ${place}` : 'nowhere'}`);
    }
  }
  for (const [tensor, shard] of placeOf) {
    if (shards.get(shard)?.tensors.has(tensor) !== true)
      throw badIndex(indexFile, `tensor "${tensor}" is not in ${shard}, for which it is listed`);
  }
}
