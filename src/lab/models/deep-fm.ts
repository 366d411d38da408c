/**
 * DeepFM (Guo et al. 2017, arXiv:1703.04247): whether someone clicks, from words and figures. A linear term, all pairs of
 * features by the dot products of their vectors (a factorisation machine, Rendle 2010), and a perceptron over the same
 * vectors; their sum is the logit. Words are hashed to rows of one table; a figure multiplies the vector of its column.
 */
import type { Dim } from '../graph/dims.js';
import { add, mul, relu, scale, sub } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { concat } from '../graph/ops/layout.js';
import { reshape, sum } from '../graph/ops/reshape.js';
import type { Tensor } from '../graph/tensor.js';
import { dense, linearSpecs } from './layers.js';
import type { ParameterSpec, Parameters, Pass } from './model.js';

export interface DeepFmConfig {
  /** Rows of the table that words are hashed to. */
  readonly bucketCount: number;
  /** Columns of words and of figures; of both together at least one. */
  readonly wordColumns: number;
  readonly figureColumns: number;
  readonly vectorSize: number;
  readonly hiddenSizes: readonly number[];
  readonly dropout: number;
}

export interface DeepFmInputs {
  /** `[batch, wordColumns]` int64: rows of the table; absent without such columns. */
  readonly words?: Tensor;
  /** `[batch, figureColumns]`, standardised; absent without such columns. */
  readonly figures?: Tensor;
}

export function deepFmParameters(config: DeepFmConfig): ParameterSpec[] {
  const { bucketCount, wordColumns, figureColumns, vectorSize, hiddenSizes } = config;
  const small = { kind: 'normal', standardDeviation: 0.05 } as const;
  const zeros = { kind: 'zeros' } as const;
  const sizes = [(wordColumns + figureColumns) * vectorSize, ...hiddenSizes, 1];
  const tables = (name: string, rows: number): ParameterSpec[] => [
    { name: `${name}.vectors`, shape: [rows, vectorSize], initializer: small, role: 'embedding' },
    { name: `${name}.linear`, shape: [rows, 1], initializer: zeros, role: 'embedding' },
  ];
  return [
    ...(wordColumns > 0 ? tables('words', bucketCount) : []),
    ...(figureColumns > 0 ? tables('figures', figureColumns) : []),
    ...sizes.slice(1).flatMap((out, index) => linearSpecs(`layers.${index}`, out, sizes[index] as number)),
  ];
}

/** @returns logits `[batch]` */
export function deepFmLogits(
  p: Parameters,
  { words, figures }: DeepFmInputs,
  { hiddenSizes, vectorSize, wordColumns, figureColumns, dropout }: DeepFmConfig,
  pass: Pass,
): Tensor {
  const parts = [
    ...(words === undefined ? [] : [[gather(p('words.vectors'), words), gather(p('words.linear'), words)] as const]),
    ...(figures === undefined
      ? []
      : [[weighted(figures, p('figures.vectors')), weighted(figures, p('figures.linear'))] as const]),
  ];
  const [vectors, terms] = [0, 1].map((at) => joined(parts.map((part) => part[at] as Tensor))) as [Tensor, Tensor];
  const [batch] = vectors.shape as readonly [Dim, number, number]; // vectors: [batch, columns, vectorSize]
  const total = sum(vectors, [1]); // [batch, vectorSize]
  // Σ over pairs of ⟨vᵢ, vⱼ⟩ = ½ (‖Σ vᵢ‖² − Σ ‖vᵢ‖²)
  const pairs = scale(sub(sum(mul(total, total), [1]), sum(mul(vectors, vectors), [1, 2])), 0.5);
  let hidden = reshape(vectors, [batch, (wordColumns + figureColumns) * vectorSize]);
  for (const index of hiddenSizes.keys()) hidden = pass.dropout(relu(dense(p, `layers.${index}`, hidden)), dropout);
  // the last layer's bias is that of the whole
  const deep = reshape(dense(p, `layers.${hiddenSizes.length}`, hidden), [batch]);
  return add(add(sum(terms, [1, 2]), pairs), deep);
}

/** @param figures `[batch, columns]` @param table `[columns, size]` @returns `[batch, columns, size]` */
function weighted(figures: Tensor, table: Tensor): Tensor {
  const [batch, columns] = figures.shape as readonly [Dim, number];
  return mul(reshape(figures, [batch, columns, 1]), table);
}

const joined = (parts: readonly Tensor[]): Tensor => (parts.length === 1 ? (parts[0] as Tensor) : concat(parts, 1));
