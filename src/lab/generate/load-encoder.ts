/** An encoder's folder: its configuration, and the weights it has. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { MoatError, messageOf } from '../../base/errors.js';
import { type ModelFolder, openModelFolder } from '../checkpoint/model-folder.js';
import { type Tensor, constant } from '../graph/tensor.js';
import { bertSpellings } from '../models/bert.js';
import type { EncoderModel, Parameters } from '../models/model.js';
import { readModelConfig } from '../models/registry.js';

/** @throws MoatError `bad-model-config`, `not-an-encoder` */
export async function readEncoder(folder: string): Promise<EncoderModel> {
  const file = path.join(folder, 'config.json');
  let json: unknown;
  try {
    json = JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    throw new MoatError('bad-model-config', `${file}: ${messageOf(error)}`, {
      fix: 'Give the folder of a model, with its config.json.',
      cause: error,
    });
  }
  const { architecture, model } = readModelConfig(json, file);
  if (model.kind === 'encoder') return model;
  throw new MoatError('not-an-encoder', `${file}: ${architecture.title} does not turn texts into vectors`, {
    fix: 'Give the folder of an encoder such as BERT.',
  });
}

/**
 * Every parameter the file has; heads may be missing.
 * @returns what looks one up, and throws MoatError `bad-safetensors` for one that is not there
 */
export async function readEncoderWeights(folder: string, model: EncoderModel): Promise<Parameters> {
  const read = new Map<string, Tensor>();
  const opened = await openModelFolder(folder);
  try {
    for (const { name, shape } of model.parameters) {
      const stored = bertSpellings(name).find((spelling) => opened.weights.tensors.has(spelling));
      if (stored === undefined) continue;
      requireShape(opened, stored, shape);
      read.set(name, constant(await opened.weights.readFloat32(stored), shape));
    }
  } finally {
    await opened.close();
  }
  return (name) => {
    const weight = read.get(name);
    if (weight !== undefined) return weight;
    throw new MoatError('bad-safetensors', `${folder}/model.safetensors: it has no tensor "${name}"`, {
      fix: 'config.json describes another model; copy the folder again.',
    });
  };
}

function requireShape({ directory, weights }: ModelFolder, name: string, expected: readonly number[]): void {
  const shape = weights.tensors.get(name)?.shape ?? [];
  if (shape.length === expected.length && shape.every((size, axis) => size === expected[axis])) return;
  throw new MoatError(
    'bad-safetensors',
    `${directory}: tensor "${name}" is [${shape.join(', ')}], config.json asks for [${expected.join(', ')}]`,
    { fix: 'The two files belong to different models; copy the folder again.' },
  );
}
