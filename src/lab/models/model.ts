import type { z } from 'zod';
import type { Dim, Shape } from '../graph/dims.js';
import type { Tensor } from '../graph/tensor.js';

/** How a fresh parameter is filled. */
export type Initializer =
  | { readonly kind: 'normal'; readonly standardDeviation: number }
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' };

export interface ParameterSpec {
  /** As Hugging Face names it: `model.layers.0.mlp.up_proj.weight`. */
  readonly name: string;
  /** `[out, in]` for linear layers, as Hugging Face stores them. */
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /**
   * What the parameter is to an optimizer: `matrix` maps hidden vectors to hidden vectors (Muon's), `embedding` and
   * `head` touch the vocabulary, `vector` is a gain or bias (never decayed).
   */
  readonly role: 'matrix' | 'embedding' | 'head' | 'vector';
}

/** Looks a parameter up by its Hugging Face name. */
export type Parameters = (name: string) => Tensor;

/** What every language model's configuration holds, as in Hugging Face's `config.json`. */
export interface LanguageModelConfig {
  readonly model_type: string;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
}

export interface StepInputs {
  /** `[batch, time]` int64. */
  readonly tokens: Tensor;
  /** `[batch, time]` int64: where each token stands in its sequence. */
  readonly positions: Tensor;
  /** `[batch, 1, 1, past]`: 0 where the cache row is this sequence's, −1e9 where it is not. */
  readonly pastMask: Tensor;
  /** Given when many tokens of one sequence enter at once; otherwise `time` is 1. */
  readonly prefill?: {
    /** `[time, time]`: 0 where the row may see the column, −1e9 where it may not. */
    readonly causalMask: Tensor;
    /** `[1]` int64: the row whose logits are wanted. */
    readonly lastRow: Tensor;
  };
}

/** Keys and values of earlier tokens, a pair for each layer: `[batch, keyValueHeads, past, headSize]`. */
export interface CacheLayer {
  readonly keys: Tensor;
  readonly values: Tensor;
}

export interface StepOutputs {
  /** `[batch, vocabulary]`: of the last token of each sequence. */
  readonly logits: Tensor;
  /** The new rows alone, `[batch, keyValueHeads, time, headSize]`; whoever runs the program appends them. */
  readonly cache: readonly CacheLayer[];
}

/** The shape of a layer's cache, so that those who hold caches need to know nothing else about an architecture. */
export interface CacheShape {
  readonly layerCount: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
}

/**
 * An architecture: plain functions over graph tensors. It knows nothing of training, serving or files; weights are
 * whatever tensors `parameters` yields, inputs or constants.
 */
export interface Architecture<Config extends LanguageModelConfig = LanguageModelConfig> {
  /** Hugging Face's `model_type`. */
  readonly modelType: string;
  /** Hugging Face's class, written to `architectures` in `config.json`. */
  readonly className: string;
  readonly title: string;
  /** The paper or report that describes it. */
  readonly source: string;
  /** Accepts a Hugging Face `config.json`; unknown keys are kept. */
  readonly configSchema: z.ZodType<Config>;
  parameters(config: Config): readonly ParameterSpec[];
  /** @param tokens `[batch, time]` int64 of known sizes @returns logits `[batch · time, vocabulary]` */
  forward(parameters: Parameters, tokens: Tensor, config: Config): Tensor;
  step(parameters: Parameters, inputs: StepInputs, cache: readonly CacheLayer[], config: Config): StepOutputs;
  cacheShape(config: Config): CacheShape;
}

/** The total number of elements of all parameters. */
export function parameterCount(specs: readonly ParameterSpec[]): number {
  return specs.reduce((total, { shape }) => total + shape.reduce((product, dim) => product * dim, 1), 0);
}

/** Size of `axis`, counted from the end when negative. */
export function sizeAt(shape: Shape, axis: number): Dim {
  const size = shape[axis < 0 ? shape.length + axis : axis];
  if (size === undefined) throw new RangeError(`no axis ${axis} in a tensor of rank ${shape.length}`);
  return size;
}
