/**
 * What a model is to the rest of the lab: named parameters, and plain functions over graph tensors. It knows nothing of
 * training, serving or files; weights are whatever tensors `Parameters` yields, inputs or constants.
 */
import type { z } from 'zod';
import type { Dim, Shape } from '../graph/dims.js';
import type { Tensor } from '../graph/tensor.js';

/** How a fresh parameter is filled. */
export type Initializer =
  | { readonly kind: 'normal'; readonly standardDeviation: number }
  /** Between −bound and bound. */
  | { readonly kind: 'uniform'; readonly bound: number }
  | { readonly kind: 'zeros' }
  | { readonly kind: 'ones' };

export interface ParameterSpec {
  /** As Hugging Face (or PyTorch) names it: `model.layers.0.mlp.up_proj.weight`. */
  readonly name: string;
  /** `[out, in]` for linear layers, as Hugging Face stores them. */
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /**
   * What the parameter is to an optimizer: `matrix` maps hidden vectors to hidden vectors (Muon's; always of rank 2),
   * `embedding` and `head` touch the vocabulary, `vector` is a gain or bias (never decayed), `kernel` is a weight of any
   * other rank (convolutions), `statistic` is not trained but updated by the forward pass (a batch norm's running mean).
   */
  readonly role: 'matrix' | 'embedding' | 'head' | 'vector' | 'kernel' | 'statistic';
}

/** Looks a parameter up by its name. */
export type Parameters = (name: string) => Tensor;

/** What a forward pass does beside computing: all of it is nothing at inference (`INFERENCE`). */
export interface Pass {
  readonly training: boolean;
  /** Zeroes each element with this probability and scales the others by 1 ÷ (1 − probability) (Srivastava et al. 2014). */
  dropout(x: Tensor, probability: number): Tensor;
  /** Marks the hidden state between two blocks: where memory may be saved by computing a block again (Chen et al. 2016). */
  boundary(hidden: Tensor): void;
  /** The next value of a parameter of role `statistic`. */
  update(name: string, value: Tensor): void;
}

export const INFERENCE: Pass = { training: false, dropout: (x) => x, boundary: () => {}, update: () => {} };

/** What every model that reads tokens has in its configuration, under one name for all. */
export interface TokenModelConfig {
  readonly model_type: string;
  readonly vocab_size: number;
  /** Tokens of one sequence at most. */
  readonly max_position_embeddings: number;
  readonly eos_token_id?: number | number[] | null | undefined;
}

export interface SequenceInputs {
  /** `[batch, time]` int64 of known sizes. */
  readonly tokens: Tensor;
  /** Several documents in one row: tokens see their own document only. */
  readonly packing?: {
    /** `[batch, time]` int64: which document of the row a token belongs to. */
    readonly segments: Tensor;
    /** `[batch, time]` int64: where in its document it stands. */
    readonly positions: Tensor;
  };
  /** Recurrent states to begin with, as `cacheShape.states` lists them, `[batch, ...shape]`; zeros when absent. */
  readonly states?: readonly Tensor[];
}

export interface SequenceOutputs {
  /** `[batch · time, vocabulary]`. */
  readonly logits: Tensor;
  /** Recurrent states after the last token; empty for models without. */
  readonly states: readonly Tensor[];
}

/** Keys and values of earlier tokens, a pair for each layer: `[batch, keyValueHeads, past, headSize]`. */
export interface CacheLayer {
  readonly keys: Tensor;
  readonly values: Tensor;
}

export interface StepInputs {
  /** `[batch, time]` int64. */
  readonly tokens: Tensor;
  /** `[batch, time]` int64: where each token stands in its sequence. */
  readonly positions: Tensor;
  /** `[batch, 1, 1, past]`: 0 where the cache row is this sequence's, −1e9 where it is not. Row r holds position r. */
  readonly pastMask: Tensor;
  readonly cache: readonly CacheLayer[];
  /** `[batch, ...shape]` each, as `cacheShape.states` lists them. */
  readonly states: readonly Tensor[];
  /** Given when many tokens of one sequence enter at once; otherwise `time` is 1. */
  readonly prefill?: {
    /** `[time, time]`: 0 where the row may see the column, −1e9 where it may not. */
    readonly causalMask: Tensor;
    /** `[1]` int64: the row whose logits are wanted. */
    readonly lastRow: Tensor;
  };
}

export interface StepOutputs {
  /** `[batch, vocabulary]`: of the last token of each sequence. */
  readonly logits: Tensor;
  /** The new rows alone, `[batch, keyValueHeads, time, headSize]`; whoever runs the program appends them. */
  readonly cache: readonly CacheLayer[];
  /** Take the place of the states given. */
  readonly states: readonly Tensor[];
}

/** What a sequence keeps between steps, so that those who hold caches need to know nothing else about a model. */
export interface CacheShape {
  /** Layers whose keys and values grow by a row a token. */
  readonly layerCount: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  /** Shapes, without the batch, of states that each step replaces; zeros in the beginning. */
  readonly states: readonly (readonly number[])[];
}

/** Predicts the next token: trained on text, and served. */
export interface CausalModel {
  readonly kind: 'causal';
  readonly config: TokenModelConfig;
  readonly parameters: readonly ParameterSpec[];
  readonly cacheShape: CacheShape;
  forward(parameters: Parameters, inputs: SequenceInputs, pass: Pass): SequenceOutputs;
  step(parameters: Parameters, inputs: StepInputs): StepOutputs;
}

/** Maps one example (features, an image, a text) to one of several classes. */
export interface ClassifierModel {
  readonly kind: 'classifier';
  readonly parameters: readonly ParameterSpec[];
  /** Of one example: `[features]`, `[channels, height, width]`, `[time]` of token ids. */
  readonly input: { readonly shape: readonly number[]; readonly dtype: 'float32' | 'int64' };
  readonly classCount: number;
  /** @param x `[batch, ...input.shape]` @returns logits `[batch, classCount]` */
  forward(parameters: Parameters, x: Tensor, pass: Pass): Tensor;
}

export interface EncoderInputs {
  /** `[batch, time]` int64. */
  readonly tokens: Tensor;
  /** `[batch, time]` int64: 0 for the first text, 1 for the second. */
  readonly tokenTypes?: Tensor;
  /** `[batch, time]` float32: 1 for a token, 0 for padding. */
  readonly mask: Tensor;
  /** `[time]` int64: 0, 1, 2 …; needed only where the time is a named size. */
  readonly positions?: Tensor;
}

/** Reads a whole text at once; each token sees all others. */
export interface EncoderModel {
  readonly kind: 'encoder';
  readonly config: TokenModelConfig;
  readonly parameters: readonly ParameterSpec[];
  /** @returns hidden states `[batch, time, width]` */
  encode(parameters: Parameters, inputs: EncoderInputs, pass: Pass): Tensor;
  /** @param hidden `[batch, time, width]` @returns `[batch, width]`, from the first token; absent without a pooler */
  pool?(parameters: Parameters, hidden: Tensor): Tensor;
  /** @param hidden `[rows, width]` @returns `[rows, vocabulary]`: which token was masked; absent without that head */
  maskedLogits?(parameters: Parameters, hidden: Tensor): Tensor;
  /** @param pooled `[batch, width]` @returns `[batch, 2]`: class 0 says that the second text follows the first */
  nextSentenceLogits?(parameters: Parameters, pooled: Tensor): Tensor;
}

/** One more token of each target; the source was read before. */
export interface DecoderStepInputs {
  /** `[batch, 1]` int64: the last token so far. */
  readonly tokens: Tensor;
  /** `[1]` int64: where it stands; all targets of a batch are equally long. */
  readonly position: Tensor;
  /** `[past]` int64: 0, 1, 2 …: which token each cache row holds. */
  readonly pastPositions: Tensor;
  /** `[batch, 1, 1, past]`: 0 where the cache row is filled, −1e9 where it is not yet. */
  readonly pastMask: Tensor;
  readonly cache: readonly CacheLayer[];
  /** As `crossRows` gave them: `[batch, heads, sourceTime, headSize]`. */
  readonly cross: readonly CacheLayer[];
  /** `[batch, sourceTime]` float32: 1 for a token of the source, 0 for padding. */
  readonly sourceMask: Tensor;
}

export interface DecoderStepOutputs {
  /** `[batch, vocabulary]`. */
  readonly logits: Tensor;
  /** The new rows alone, `[batch, heads, 1, headSize]`. */
  readonly cache: readonly CacheLayer[];
}

/** Reads one text and writes another. */
export interface EncoderDecoderModel {
  readonly kind: 'encoder-decoder';
  readonly config: TokenModelConfig;
  readonly parameters: readonly ParameterSpec[];
  /** @returns the source's hidden states `[batch, sourceTime, width]` */
  encode(parameters: Parameters, source: EncoderInputs, pass: Pass): Tensor;
  /** @param target `[batch, time]` int64, shifted right @returns logits `[batch · time, vocabulary]` */
  decode(
    parameters: Parameters,
    target: Tensor,
    encoded: { readonly hidden: Tensor; readonly mask: Tensor },
    pass: Pass,
  ): Tensor;
  /** What a decoder keeps of a target while writing it. */
  readonly cacheShape: CacheShape;
  /** The token before the first. */
  readonly startToken: number;
  /** @param hidden the encoded source @returns what each layer's cross attention reads of it, computed once a text */
  crossRows(parameters: Parameters, hidden: Tensor): readonly CacheLayer[];
  step(parameters: Parameters, inputs: DecoderStepInputs): DecoderStepOutputs;
}

/** Two players (Goodfellow et al. 2014); their parameters begin with `generator.` and `discriminator.`. */
export interface AdversarialModel {
  readonly kind: 'adversarial';
  readonly parameters: readonly ParameterSpec[];
  readonly noiseSize: number;
  /** `[channels, height, width]`. */
  readonly imageShape: readonly [number, number, number];
  /** @param noise `[batch, noiseSize]` @returns images in [−1, 1] `[batch, channels, height, width]` */
  generate(parameters: Parameters, noise: Tensor, pass: Pass): Tensor;
  /** @returns logits `[batch]`: above 0 says real */
  discriminate(parameters: Parameters, images: Tensor, pass: Pass): Tensor;
}

export type Model = CausalModel | ClassifierModel | EncoderModel | EncoderDecoderModel | AdversarialModel;

/** How large a model is to be, in words that fit every architecture that predicts tokens. */
export interface ModelSizes {
  readonly vocabularySize: number;
  readonly layers: number;
  /** Width of the hidden states. */
  readonly hiddenSize: number;
  /** Width inside the feed-forward layers. */
  readonly intermediateSize: number;
  readonly heads: number;
  readonly keyValueHeads: number;
  readonly headSize: number;
  readonly contextLength: number;
  readonly tieWordEmbeddings: boolean;
  /** The base of rotary positions. */
  readonly ropeTheta: number;
  readonly dropout: number;
}

/** An architecture: what it is called, where it is described, and how a configuration becomes a model. */
export interface Architecture {
  /** Hugging Face's `model_type`, or our own name where Hugging Face has none. */
  readonly modelType: string;
  /** Hugging Face's class, written to `architectures` in `config.json`. */
  readonly className: string;
  readonly title: string;
  /** The paper or report that describes it. */
  readonly source: string;
  readonly kind: Model['kind'];
  /** A published or customary size, for listings: a `config.json` without `model_type`. */
  readonly example: { readonly name: string; readonly config: Readonly<Record<string, unknown>> };
  /** A `config.json` (without `model_type` and special tokens) of these sizes; what an architecture does not have is left out. */
  sized?(sizes: ModelSizes): Readonly<Record<string, unknown>>;
  /** @returns the model, or what is wrong with the configuration (`field: problem`) */
  read(json: unknown): { readonly model: Model } | { readonly problem: string };
}

export interface ArchitectureDefinition<Config, Kind extends Model['kind']> extends Omit<Architecture, 'read'> {
  readonly kind: Kind;
  /** Accepts a Hugging Face `config.json`; unknown keys are kept. */
  readonly configSchema: z.ZodType<Config>;
  build(config: Config): Extract<Model, { kind: Kind }>;
}

/** Closes an architecture over its type of configuration, so that all of them fit into one registry. */
export function defineArchitecture<Config, Kind extends Model['kind']>(
  definition: ArchitectureDefinition<Config, Kind>,
): Architecture {
  const { configSchema, build, ...facts } = definition;
  return {
    ...facts,
    read(json) {
      const parsed = configSchema.safeParse(json);
      if (parsed.success) return { model: build(parsed.data) };
      const issue = parsed.error.issues[0];
      return { problem: `${issue?.path.join('.')}: ${issue?.message}` };
    },
  };
}

/** The total number of elements of all parameters; statistics do not count. */
export function parameterCount(specs: readonly ParameterSpec[]): number {
  return specs
    .filter(({ role }) => role !== 'statistic')
    .reduce((total, { shape }) => total + shape.reduce((product, dim) => product * dim, 1), 0);
}

/** Size of `axis`, counted from the end when negative. */
export function sizeAt(shape: Shape, axis: number): Dim {
  const size = shape[axis < 0 ? shape.length + axis : axis];
  if (size === undefined) throw new RangeError(`no axis ${axis} in a tensor of rank ${shape.length}`);
  return size;
}
