/** A base that is read and never trained: as it is, or with the matrices of its linear layers as small integers. */
import { dequantizeMatrix, quantizeMatrix } from '../../graph/block-quantization.js';
import { BLOCK_SIZE, type QuantizedBits, blockBytes, dequantize } from '../../graph/ops/quantized.js';
import { transpose } from '../../graph/ops/reshape.js';
import type { CausalModel, Parameters } from '../../models/model.js';
import { type Value, floats } from '../../runtime/program.js';
import { type LinearModule, linearModules } from './linear-modules.js';
import { type ModelValues, floatsOf } from './model-values.js';

/** How the matrices of a frozen base are kept. */
export type BasePrecision = 'float32' | 'int8' | 'int4';

export interface FrozenBase {
  /** What is fed with every batch. */
  readonly feeds: ReadonlyMap<string, Value>;
  readonly sizeBytes: number;
  /** Finds the base's parameters among the inputs that `feeds` names; others are passed on. */
  readonly wire: (all: Parameters) => Parameters;
  /** What is computed with in place of a parameter: for a quantized one, what its integers stand for. */
  readonly valueOf: (name: string) => Float32Array;
}

interface QuantizedModule extends LinearModule {
  readonly bits: QuantizedBits;
}

const packedName = (name: string): string => `${name}:packed`;
const scalesName = (name: string): string => `${name}:scales`;

/**
 * With `int4` (QLoRA, Dettmers et al. 2023, arXiv:2305.14314, here with symmetric levels and one float32 scale for 32
 * elements) a matrix takes 5 bits an element. Embedding, head, gains and biases stay in float32, and so do matrices whose
 * inner size is no multiple of 32. A product reads the integers; its gradient with respect to x multiplies by what
 * they stand for, made when it is needed.
 * @param values of the whole model; those of quantized matrices are not held afterwards
 * @param unused parameters that something else takes the place of
 */
export function freezeBase(
  model: CausalModel,
  values: ModelValues,
  precision: BasePrecision,
  unused: ReadonlySet<string> = new Set(),
): FrozenBase {
  const quantized = precision === 'float32' ? new Map<string, QuantizedModule>() : quantizedModules(model, precision);
  const feeds = new Map<string, Value>();
  for (const { name, shape } of model.parameters) {
    if (unused.has(name)) continue;
    const module = quantized.get(name);
    if (module === undefined) feeds.set(name, floats(floatsOf(values, name), shape));
    else pack(module, floatsOf(values, name), feeds);
  }
  return {
    feeds,
    sizeBytes: [...feeds.values()].reduce((total, { data }) => total + data.byteLength, 0),
    wire: (all) => (name) => {
      const module = quantized.get(name);
      if (module === undefined) return all(name);
      const rows = dequantize(all(packedName(name)), all(scalesName(name)), module.bits);
      return module.transposed ? rows : transpose(rows, [1, 0]);
    },
    valueOf: (name) => {
      const module = quantized.get(name);
      return module === undefined ? floatsOf(feeds, name) : unpack(module, feeds);
    },
  };
}

function quantizedModules(
  model: CausalModel,
  precision: Exclude<BasePrecision, 'float32'>,
): Map<string, QuantizedModule> {
  const bits = precision === 'int4' ? 4 : 8;
  const modules = linearModules(model).filter(
    ({ weight, inSize }) => weight.role === 'matrix' && inSize % BLOCK_SIZE === 0,
  );
  return new Map(modules.map((module) => [module.weight.name, { ...module, bits }]));
}

function pack(module: QuantizedModule, values: Float32Array, feeds: Map<string, Value>): void {
  const { weight, transposed, inSize, outSize, bits } = module;
  const rows = transposed ? values : transposedCopy(values, inSize, outSize);
  const { packed, scales } = quantizeMatrix(rows, outSize, inSize, bits);
  const blocks = inSize / BLOCK_SIZE;
  feeds.set(packedName(weight.name), { data: packed, dims: [outSize, blocks, blockBytes(bits)], dtype: 'uint8' });
  feeds.set(scalesName(weight.name), floats(scales, [outSize, blocks]));
}

function unpack(module: QuantizedModule, feeds: ReadonlyMap<string, Value>): Float32Array {
  const { weight, transposed, inSize: columns, outSize: rows, bits } = module;
  const packed = feeds.get(packedName(weight.name))?.data as Uint8Array;
  const scales = feeds.get(scalesName(weight.name))?.data as Float32Array;
  const values = dequantizeMatrix({ bits, rows, columns, packed, scales });
  return transposed ? values : transposedCopy(values, rows, columns);
}

/** @param data `[height, width]` @returns `[width, height]` */
function transposedCopy(data: Float32Array, height: number, width: number): Float32Array {
  const copy = new Float32Array(data.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) copy[column * height + row] = data[row * width + column] as number;
  }
  return copy;
}
