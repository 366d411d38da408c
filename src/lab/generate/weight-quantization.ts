/** Which weights of a language model are quantized, and to how many bits. */
import type { QuantizationPolicy } from '../graph/quantize.js';
import type { Tensor } from '../graph/tensor.js';
import type { ParameterSpec } from '../models/model.js';

/** `int4` and `int8` quantize the matrices when the model is loaded; the checkpoint stays as it is. */
export const quantizations = ['none', 'int8', 'int4'] as const;
export type Quantization = (typeof quantizations)[number];

/** Under this many elements a matrix is cheap to read in float32, and rounding it would cost accuracy for nothing. */
const SMALLEST = 4096;

/**
 * Matrices take the bits that were asked for; the head and the embedding, whose errors reach every token, 8 in either case.
 * @param parameters by name, as they stand in the graph
 */
export function quantizationPolicy(
  quantization: Exclude<Quantization, 'none'>,
  specs: readonly ParameterSpec[],
  parameters: ReadonlyMap<string, Tensor>,
): QuantizationPolicy {
  const touchesVocabulary = new Set(
    specs.filter(({ role }) => role === 'head' || role === 'embedding').map(({ name }) => parameters.get(name)),
  );
  const isLarge = ({ shape }: Tensor): boolean => (shape[0] as number) * (shape[1] as number) >= SMALLEST;
  return {
    product(matrix) {
      if (!isLarge(matrix)) return undefined;
      return quantization === 'int8' || touchesVocabulary.has(matrix) ? 8 : 4;
    },
    lookup: (table) => (isLarge(table) && touchesVocabulary.has(table) ? 8 : undefined),
    accuracyLevel: 4,
  };
}
