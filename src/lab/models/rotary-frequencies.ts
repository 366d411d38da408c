/**
 * How fast each pair of a head's elements turns from one position to the next, and how that is stretched for contexts
 * longer than those of pre-training. Reads both of Hugging Face's spellings: `rope_theta` with `rope_scaling`, and the
 * newer `rope_parameters`.
 */
import { z } from 'zod';

const positive = z.number().positive();
const theta = { rope_theta: positive.optional() };
/** Only part of each head turns: no architecture here is trained so, and ignoring it would give wrong answers. */
export const wholeHead = z.literal(1, { error: 'heads that turn only in part are not supported' }).optional();
const common = { ...theta, partial_rotary_factor: wholeHead };

const scalingSchema = z.discriminatedUnion(
  'rope_type',
  [
    z.looseObject({ rope_type: z.literal('default'), ...common }),
    z.looseObject({ rope_type: z.literal('linear'), ...common, factor: positive }),
    z.looseObject({ rope_type: z.literal('dynamic'), ...common, factor: positive }),
    z.looseObject({
      rope_type: z.literal('llama3'),
      ...common,
      factor: positive,
      low_freq_factor: positive,
      high_freq_factor: positive,
      original_max_position_embeddings: positive.optional(),
    }),
    z.looseObject({
      rope_type: z.literal('yarn'),
      ...common,
      factor: positive,
      attention_factor: positive.nullish(),
      mscale: z.number().nullish(),
      mscale_all_dim: z.number().nullish(),
      beta_fast: positive.nullish(),
      beta_slow: positive.nullish(),
      truncate: z.boolean().default(true),
      original_max_position_embeddings: positive.optional(),
    }),
  ],
  { error: 'known are default, linear, dynamic, llama3 and yarn' },
);

/** `rope_scaling` or `rope_parameters`; `type` is the oldest spelling of `rope_type`. */
export const ropeSchema = z.preprocess((json) => {
  if (typeof json !== 'object' || json === null || 'rope_type' in json) return json;
  return { ...json, rope_type: 'type' in json ? json.type : 'default' };
}, scalingSchema);
export type RopeParameters = z.infer<typeof scalingSchema>;

export interface Rotation {
  /** Radians a position, `[headSize/2]`. */
  readonly frequencies: Float32Array;
  /** Multiplies cosines and sines, and so the scores by its square: 1 except in YaRN. */
  readonly magnitude: number;
}

export interface RotationOptions {
  readonly headSize: number;
  /** Where `rope` does not say. */
  readonly theta: number;
  readonly contextLength: number;
}

/** @param rope undefined for the plain rotation (Su et al. 2021) */
export function rotationOf(rope: RopeParameters | undefined, options: RotationOptions): Rotation {
  const { headSize, contextLength } = options;
  const plain = plainFrequencies(headSize, rope?.rope_theta ?? options.theta);
  switch (rope?.rope_type) {
    case 'linear':
      return { frequencies: plain.map((frequency) => frequency / rope.factor), magnitude: 1 };
    case 'llama3':
      return { frequencies: plain.map((frequency) => llama3Frequency(frequency, rope, contextLength)), magnitude: 1 };
    case 'yarn':
      return yarnRotation(plain, rope, options);
    default:
      // `dynamic` stretches only beyond `max_position_embeddings`, where no sequence gets here
      return { frequencies: plain, magnitude: 1 };
  }
}

/** θ^(−2i/headSize), in float32 as the reference computes it, so that long contexts agree to the last bits. */
function plainFrequencies(headSize: number, theta: number): Float32Array {
  const half = headSize / 2;
  return Float32Array.from({ length: half }, (_, i) => 1 / Math.fround(theta ** ((2 * i) / headSize)));
}

type Scaling<Kind extends RopeParameters['rope_type']> = Extract<RopeParameters, { rope_type: Kind }>;

/** Llama 3 (Dubey et al. 2024): slow turns are stretched, fast ones are not, a ramp between. */
function llama3Frequency(frequency: number, rope: Scaling<'llama3'>, contextLength: number): number {
  const { factor, low_freq_factor: low, high_freq_factor: high } = rope;
  const turns = ((rope.original_max_position_embeddings ?? contextLength) * frequency) / (2 * Math.PI);
  if (turns < low) return frequency / factor;
  if (turns > high) return frequency;
  const kept = (turns - low) / (high - low);
  return ((1 - kept) * frequency) / factor + kept * frequency;
}

/** YaRN (Peng et al. 2023, arXiv:2309.00071): the ramp runs over the index, and scores grow with the logarithm of the factor. */
function yarnRotation(
  plain: Float32Array,
  rope: Scaling<'yarn'>,
  { headSize, theta, contextLength }: RotationOptions,
): Rotation {
  const { factor, mscale, mscale_all_dim: mscaleAll, truncate } = rope;
  const base = rope.rope_theta ?? theta;
  const original = rope.original_max_position_embeddings ?? contextLength;
  const indexOf = (turns: number): number =>
    (headSize * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(base));
  const fast = indexOf(rope.beta_fast ?? 32);
  const slow = indexOf(rope.beta_slow ?? 1);
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, headSize - 1);
  const width = high === low ? 0.001 : high - low;
  const frequencies = plain.map((frequency, i) => {
    const stretched = Math.min(Math.max((i - low) / width, 0), 1);
    return (frequency / factor) * stretched + frequency * (1 - stretched);
  });
  const growth = (weight: number): number => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const inferred = mscale && mscaleAll ? growth(mscale) / growth(mscaleAll) : growth(1);
  return { frequencies, magnitude: rope.attention_factor ?? inferred };
}
