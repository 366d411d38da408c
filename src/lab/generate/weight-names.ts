/**
 * Weights under the names an architecture gives them. Hugging Face has two spellings of every model: with its head, as
 * here, where the body's names begin with `model.` or `transformer.`, and the body alone, without that (`gpt2`'s own
 * files). Files of the second kind are read as the first.
 */
import type { Weights } from '../checkpoint/model-folder.js';
import type { CausalModel } from '../models/model.js';

/** The same weights, with the body's names where the file leaves its prefix out. */
export function weightsOf(model: Pick<CausalModel, 'parameters'>, weights: Weights): Weights {
  const prefix = /^[^.]+\./.exec(model.parameters[0]?.name ?? '')?.[0];
  if (prefix === undefined) return weights;
  const names = [...weights.tensors.keys()];
  const wanted = new Set(model.parameters.map(({ name }) => name));
  const isBody = names.every((name) => !name.startsWith(prefix)) && names.some((name) => wanted.has(prefix + name));
  if (!isBody) return weights;
  const stored = new Map(names.map((name) => [wanted.has(prefix + name) ? prefix + name : name, name]));
  const nameIn = (name: string): string => stored.get(name) ?? name;
  return {
    tensors: new Map(
      [...weights.tensors].map(([name, tensor]) => [wanted.has(prefix + name) ? prefix + name : name, tensor]),
    ),
    readFloat32: async (name, into) => weights.readFloat32(nameIn(name), into),
    readBytes: async (name) => weights.readBytes(nameIn(name)),
    close: () => weights.close(),
  };
}
