/**
 * Which of a model's numbers training moves: all of them, or a few beside frozen ones. Frozen numbers are inputs of the
 * program and nothing more: no gradient, no place in the optimizer's memory.
 */
import path from 'node:path';
import { writeFileAtomic } from '../../../base/atomic-file.js';
import { type NamedTensor, safetensorsChunks } from '../../checkpoint/safetensors.js';
import { MODEL_FILE } from '../../checkpoint/save-checkpoint.js';
import { type Tensor, input } from '../../graph/tensor.js';
import type { CausalModel, ParameterSpec, Parameters } from '../../models/model.js';
import type { Value } from '../../runtime/program.js';
import type { BuildObjective } from '../objective.js';

/** A trained model's numbers by name, where the optimizer keeps them. */
export type TrainedValues = ReadonlyMap<string, Value>;

export interface TrainableWeights {
  /** What is trained and its values at the start. */
  readonly trained: readonly { readonly spec: ParameterSpec; readonly initial: Float32Array }[];
  /** What is fed with every batch and stays as it is. */
  readonly frozen: ReadonlyMap<string, Value>;
  /** The model's parameters out of those trained and those frozen. */
  readonly wire: (all: Parameters) => Parameters;
  /**
   * Writes what was trained into a folder, in place of what was written before.
   * @returns bytes written @throws MoatError `disk-full`, `not-writable`
   */
  readonly write: (folder: string, values: TrainedValues) => Promise<number>;
  /** The same as a checkpoint holds it. */
  readonly layout: WeightsLayout;
}

/** The file of trained weights, what its metadata say, and small files that explain it. */
export interface WeightsLayout {
  readonly weightsFile: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
}

/** All of a model: the whole of it is written, under its Hugging Face names. */
export function allOf(model: CausalModel, weights: ReadonlyMap<string, Value>): TrainableWeights {
  const trained = model.parameters.map((spec) => ({ spec, initial: weights.get(spec.name)?.data as Float32Array }));
  return {
    trained,
    frozen: new Map(),
    wire: (all) => all,
    write: (folder, values) => writeTensors(path.join(folder, MODEL_FILE), trained, values),
    layout: { weightsFile: MODEL_FILE, metadata: {}, files: {} },
  };
}

/** Writes trained tensors as safetensors, whole or not at all. @returns bytes written */
export async function writeTensors(
  file: string,
  trained: TrainableWeights['trained'],
  values: TrainedValues,
): Promise<number> {
  const tensors = trained.map(({ spec: { name, shape } }): NamedTensor => ({
    name,
    shape,
    data: values.get(name)?.data as Float32Array,
  }));
  let sizeBytes = 0;
  await writeFileAtomic(file, async (handle) => {
    for (const chunk of safetensorsChunks(tensors, { format: 'pt' })) {
      let rest = chunk;
      while (rest.length > 0) rest = rest.subarray((await handle.write(rest)).bytesWritten);
      sizeBytes += chunk.length;
    }
  });
  return sizeBytes;
}

/** An objective over a model's parameters as one over those trained, with the frozen ones among its inputs. */
export function overTrained(
  { frozen, wire }: Pick<TrainableWeights, 'frozen' | 'wire'>,
  build: BuildObjective,
): BuildObjective {
  return (trained, pass) => {
    const stayed = new Map([...frozen].map(([name, { dims, dtype }]) => [name, input(name, dims, dtype)]));
    const all = (name: string): Tensor => stayed.get(name) ?? trained(name);
    const objective = build(wire(all), pass);
    return { ...objective, inputs: [...objective.inputs, ...stayed.values()] };
  };
}
