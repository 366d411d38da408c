import { openSafetensors, writeSafetensors } from '../checkpoint/safetensors.js';
import type { ParameterSpec } from '../models/model.js';
import { type Value, floats } from '../runtime/program.js';
import type { Weights } from '../train/fit-objective.js';

/** Writes parameters under their names into a new file. */
export async function saveWeights(file: string, weights: Weights): Promise<void> {
  const tensors = [...weights].map(([name, { data, dims }]) => ({ name, shape: dims, data: data as Float32Array }));
  await writeSafetensors(file, tensors);
}

/** @throws MoatError `bad-safetensors` for a parameter that is missing or of another size */
export async function loadWeights(file: string, specs: readonly ParameterSpec[]): Promise<Weights> {
  const tensors = await openSafetensors(file);
  try {
    const weights = new Map<string, Value>();
    for (const { name, shape } of specs) {
      const size = shape.reduce((product, dim) => product * dim, 1);
      weights.set(name, floats(await tensors.readFloat32(name, new Float32Array(size)), shape));
    }
    return weights;
  } finally {
    await tensors.close();
  }
}
