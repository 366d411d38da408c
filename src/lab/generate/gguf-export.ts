/** A whole model from its folder into one GGUF file, as llama.cpp reads it. */
import path from 'node:path';
import { quantizeBlocks, type WrittenType } from '../checkpoint/gguf-quantize.js';
import { GGUF_TYPES } from '../checkpoint/gguf-types.js';
import type { GgufValue } from '../checkpoint/gguf-values.js';
import { type GgufTensorSource, writeGguf } from '../checkpoint/gguf-write.js';
import { type Weights, openModelFolder } from '../checkpoint/model-folder.js';
import { type GgufModelKeys, ggufKeysOf, notExportable } from '../models/gguf-config.js';
import {
  ROPE_FACTORS,
  ggufNameOf,
  ggufShapeOf,
  hasRotaryRows,
  isTransposed,
  reorderPairs,
  transposeBytes,
} from '../models/gguf-names.js';
import type { ParameterSpec, TokenModelConfig } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { ggufTokenizerKeys } from '../tokenizer/gguf-tokenizer.js';
import { readSpecialNames, readTokenizerFile } from '../tokenizer/tokenizer-file.js';
import { loadTokenizer } from '../tokenizer/tokenizer.js';
import { checkFits } from './load-model.js';
import { weightsOf } from './weight-names.js';
import { type TransferOptions, counted } from './model-transfer.js';

export interface ExportOptions extends TransferOptions {
  /** What the matrices are written as. */
  readonly type: WrittenType;
  /** `general.name`; default is the folder's. */
  readonly name?: string;
}

export interface ExportedModel {
  readonly architecture: string;
  readonly tensorCount: number;
  /** What is not as asked for, a sentence each. */
  readonly notes: readonly string[];
}

/** `general.file_type`: `llama_ftype` in `llama.h`. */
const FILE_TYPES: Readonly<Record<WrittenType, number>> = { F32: 0, F16: 1, Q4_0: 2, Q8_0: 7 };
const QUANTIZATION_VERSION = 2;

/**
 * Vectors (norms, biases) stay F32, and rows that the type's blocks do not divide become F16. In a Q4_0 file the matrix that
 * scores the tokens is Q8_0, as llama.cpp's own files keep it finer than the rest. The file appears whole or not at all.
 * @throws MoatError `not-exportable`; those of `openModelFolder`, `readTokenizerFile` and `readCausalModel`; `other-weights`
 */
export async function exportGguf(directory: string, file: string, options: ExportOptions): Promise<ExportedModel> {
  const folder = await openModelFolder(directory);
  try {
    const { model } = readCausalModel(
      JSON.parse(await folder.readText('config.json')),
      path.join(directory, 'config.json'),
    );
    const plan = ggufKeysOf(model.config);
    const weights = weightsOf(model, folder.weights);
    checkFits(directory, model, await loadTokenizer(directory), weights);
    const metadata = new Map<string, GgufValue>([
      ['general.architecture', { type: 'string', value: plan.architecture.name }],
      ['general.type', { type: 'string', value: 'model' }],
      ['general.name', { type: 'string', value: options.name ?? path.basename(path.resolve(directory)) }],
      ['general.file_type', { type: 'uint32', value: FILE_TYPES[options.type] }],
      ['general.quantization_version', { type: 'uint32', value: QUANTIZATION_VERSION }],
      ...plan.keys,
      ...(await tokenizerKeys(directory, model.config)),
    ]);
    const types = typesOf(model.parameters, options.type);
    const tensors = [
      ...ropeTensor(plan.ropeFactors),
      ...model.parameters.map((spec) => tensorSource(weights, plan, spec, types.get(spec.name) ?? 'F32')),
    ];
    await writeGguf(file, metadata, counted(tensors, options));
    return {
      architecture: plan.architecture.name,
      tensorCount: tensors.length,
      notes: [...(plan.note === undefined ? [] : [plan.note]), ...halvesNote(tensors, options.type)],
    };
  } finally {
    await folder.close();
  }
}

async function tokenizerKeys(directory: string, config: TokenModelConfig): Promise<ReadonlyMap<string, GgufValue>> {
  const [file, names] = await Promise.all([readTokenizerFile(directory), readSpecialNames(directory)]);
  return ggufTokenizerKeys(file, names, config, config.vocab_size);
}

function ropeTensor(factors: Float32Array | undefined): GgufTensorSource[] {
  if (factors === undefined) return [];
  return [
    { name: ROPE_FACTORS, type: 'F32', shape: [factors.length], read: async () => quantizeBlocks('F32', factors) },
  ];
}

function tensorSource(
  weights: Weights,
  { architecture, headSize }: GgufModelKeys,
  { name, shape }: ParameterSpec,
  type: WrittenType,
): GgufTensorSource {
  const target = ggufNameOf(name);
  if (target === undefined) throw notExportable(`llama.cpp has no name for tensor "${name}"`);
  return {
    name: target,
    type,
    shape: ggufShapeOf(name, shape),
    async read() {
      const values = await weights.readFloat32(name);
      checkRange(name, values, type);
      const turns = architecture.pairsSideBySide && hasRotaryRows(name);
      if (!turns && !isTransposed(name)) return quantizeBlocks(type, values);
      const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
      const rows = shape[0] as number;
      const reordered = turns
        ? reorderPairs(bytes, headSize, bytes.length / rows, 'side-by-side')
        : transposeBytes(bytes, rows, Float32Array.BYTES_PER_ELEMENT);
      return quantizeBlocks(type, new Float32Array(reordered.buffer));
    },
  };
}

/** From here on the nearest half is an infinity. */
const BEYOND_HALVES = 65520;

/** @throws MoatError `not-exportable` for numbers that the type has no blocks for */
function checkRange(name: string, values: Float32Array, type: WrittenType): void {
  const limit = type === 'F16' ? BEYOND_HALVES : Infinity;
  if (type === 'F32' || values.every((value) => Math.abs(value) < limit)) return;
  throw notExportable(`tensor "${name}" has a number that ${type} cannot hold`);
}

/** What each parameter is written as: see `exportGguf`. */
function typesOf(parameters: readonly ParameterSpec[], wanted: WrittenType): ReadonlyMap<string, WrittenType> {
  const scoring = parameters.some(({ role }) => role === 'head') ? 'head' : 'embedding';
  return new Map(
    parameters.map(({ name, shape, role }) => {
      // positions are added, not multiplied by: llama.cpp has them in full
      if (shape.length < 2 || ggufNameOf(name) === 'position_embd.weight') return [name, 'F32'];
      const type = wanted === 'Q4_0' && role === scoring ? 'Q8_0' : wanted;
      return [name, (ggufShapeOf(name, shape).at(-1) as number) % GGUF_TYPES[type].blockElements === 0 ? type : 'F16'];
    }),
  );
}

function halvesNote(tensors: readonly GgufTensorSource[], wanted: WrittenType): string[] {
  const halves = wanted === 'F16' ? [] : tensors.filter(({ type }) => type === 'F16');
  if (halves.length === 0) return [];
  return [`${halves.length} of ${tensors.length} tensors are F16: their rows do not divide by 32, as ${wanted} needs.`];
}
