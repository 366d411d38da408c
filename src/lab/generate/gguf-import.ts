/** A whole model out of a GGUF file into a folder as Hugging Face has them. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFolderAtomic } from '../../base/atomic-folder.js';
import { badGguf, quoted } from '../checkpoint/gguf-cursor.js';
import { ggufFields } from '../checkpoint/gguf-fields.js';
import { type GgufReader, openGguf } from '../checkpoint/gguf.js';
import { type TensorSource, writeSafetensorsFrom } from '../checkpoint/safetensors.js';
import { configFromGguf, ggufArchitectureOf } from '../models/gguf-config.js';
import {
  type GgufArchitecture,
  ROPE_FACTORS,
  ggufNameOf,
  ggufShapeOf,
  hasRotaryRows,
  isTransposed,
  reorderPairs,
  transposeBytes,
} from '../models/gguf-names.js';
import { type ParameterSpec, parameterCount } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { tokenizerFromGguf } from '../tokenizer/gguf-tokenizer.js';
import { type TransferOptions, checkFolderIsFree, counted } from './model-transfer.js';

export interface ImportedModel {
  /** `model_type` of the folder. */
  readonly modelType: string;
  readonly tensorCount: number;
  readonly parameterCount: number;
}

/**
 * Writes `config.json`, `generation_config.json`, `model.safetensors`, `tokenizer.json` and `tokenizer_config.json`. Halves (F16,
 * BF16) stay as they are, quantised blocks become F32. The folder appears whole or not at all.
 * @throws MoatError `folder-taken`, `bad-gguf`, `unknown-architecture`, `tokenizer-unsupported`, `bad-model-config`
 */
export async function importGguf(file: string, folder: string, options: TransferOptions = {}): Promise<ImportedModel> {
  await checkFolderIsFree(folder);
  const reader = await openGguf(file);
  try {
    const plan = await planImport(reader);
    await writeFolderAtomic(folder, async (target) => {
      for (const [name, content] of Object.entries(plan.files))
        await writeFile(path.join(target, name), `${JSON.stringify(content, null, 2)}\n`);
      await writeSafetensorsFrom(path.join(target, 'model.safetensors'), counted(plan.tensors, options), {
        metadata: { format: 'pt' },
      });
    });
    return { modelType: plan.modelType, tensorCount: plan.tensors.length, parameterCount: plan.parameterCount };
  } finally {
    await reader.close();
  }
}

interface ImportPlan {
  readonly modelType: string;
  readonly files: Readonly<Record<string, object>>;
  readonly tensors: readonly TensorSource[];
  readonly parameterCount: number;
}

/** Everything is checked here, before the first byte is written. */
async function planImport(reader: GgufReader): Promise<ImportPlan> {
  const { file, metadata, tensors } = reader;
  const fields = ggufFields(file, metadata);
  const architecture = ggufArchitectureOf(file, fields);
  const network = configFromGguf(architecture, fields, {
    shapeOf: (name) => tensors.get(name)?.shape,
    tensorCount: tensors.size,
    ropeFactors: tensors.has(ROPE_FACTORS) ? await reader.readFloat32(ROPE_FACTORS) : undefined,
  });
  const { tokenizer, config: tokenizerConfig, ids } = tokenizerFromGguf(file, fields, Number(network['vocab_size']));
  const { architecture: ours, model } = readCausalModel({ ...network, ...ids }, file);
  const config = {
    architectures: [ours.className],
    ...network,
    ...ids,
    torch_dtype: torchDtypeOf(reader),
    use_cache: true,
  };
  checkAllUsed(reader, model.parameters);
  const headSize = Number(network['head_dim']);
  return {
    modelType: ours.modelType,
    files: {
      'config.json': config,
      'generation_config.json': ids,
      'tokenizer.json': tokenizer,
      'tokenizer_config.json': tokenizerConfig,
    },
    tensors: model.parameters.map((spec) => tensorSource(reader, architecture, spec, headSize)),
    parameterCount: parameterCount(model.parameters),
  };
}

const HALVES: ReadonlySet<string> = new Set(['F16', 'BF16']);

/** What most of the weights are. */
function torchDtypeOf({ tensors }: GgufReader): string {
  const type = tensors.get('token_embd.weight')?.type;
  return type === 'F16' ? 'float16' : type === 'BF16' ? 'bfloat16' : 'float32';
}

/** A tensor without a place in the model would be missing from what it computes. */
function checkAllUsed({ file, tensors }: GgufReader, parameters: readonly ParameterSpec[]): void {
  const used = new Set([ROPE_FACTORS, ...parameters.map(({ name }) => ggufNameOf(name))]);
  for (const name of tensors.keys())
    if (!used.has(name)) throw badGguf(file, `tensor ${quoted(name)} has no place in this architecture`);
}

function tensorSource(
  reader: GgufReader,
  { pairsSideBySide }: GgufArchitecture,
  { name, shape }: ParameterSpec,
  headSize: number,
): TensorSource {
  const source = ggufNameOf(name) ?? name;
  const tensor = reader.tensors.get(source);
  if (tensor === undefined) throw badGguf(reader.file, `tensor ${quoted(source)} is missing`);
  const stored = ggufShapeOf(name, shape);
  if (tensor.shape.join() !== stored.join())
    throw badGguf(reader.file, `tensor ${quoted(source)} is [${tensor.shape.join(', ')}], not [${stored.join(', ')}]`);
  const asHalves = HALVES.has(tensor.type);
  const dtype = asHalves && tensor.type === 'F16' ? 'F16' : asHalves ? 'BF16' : 'F32';
  return {
    name,
    shape,
    dtype,
    async read() {
      const bytes = asHalves ? await reader.readBytes(source) : bytesOf(await reader.readFloat32(source));
      const rows = stored[0] as number;
      if (isTransposed(name)) return transposeBytes(bytes, rows, asHalves ? 2 : 4);
      return pairsSideBySide && hasRotaryRows(name)
        ? reorderPairs(bytes, headSize, bytes.length / rows, 'halves')
        : bytes;
    },
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);
