/** What a run was asked to do, kept in its `config.json`, so that a resumed run needs nothing else. */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { OBJECTIVES } from './objectives/objectives.js';

const positive = z.number().positive();
const count = z.int().positive();

/** Each is read anew for every token that is written. */
export const MAX_PROMPTS = 8;

export const runConfigSchema = z.strictObject({
  schemaVersion: z.literal(1),
  /** Hugging Face's `config.json` of the model. */
  model: z.record(z.string(), z.unknown()),
  loop: z.strictObject({
    batchSize: count,
    sequenceLength: count,
    gradientAccumulation: count,
    maxSteps: count.optional(),
    maxSeconds: positive.optional(),
    schedule: z.strictObject({
      kind: z.enum(['wsd', 'cosine']),
      warmupSteps: z.int().nonnegative(),
      decayFraction: z.number().min(0).max(1),
      finalScale: z.number().min(0).max(1),
    }),
    clipNorm: z.number().nonnegative(),
    labelSmoothing: z.number().min(0).max(0.9).default(0),
    /** What is learned, by relative weights; what models of this kind usually learn when absent. */
    objective: z.partialRecord(z.enum(OBJECTIVES), positive).optional(),
    /** Tokens see their own document only. */
    packDocuments: z.boolean().default(false),
    /** Compute blocks again in the backward pass instead of keeping them. */
    recompute: z.boolean().default(false),
    /** Of the moving average of the weights; 0 for none. */
    averageDecay: z.number().min(0).max(0.999999).default(0),
    /** Steps without a lower validation loss after which the run ends. */
    patience: count.optional(),
    /** Checkpoints kept for their validation loss, beside the last ones. */
    keepBest: z.int().nonnegative().default(0),
    evalEvery: count,
    checkpointEvery: count,
  }),
  optimizer: z.strictObject({
    kind: z.enum(['muon', 'adamw', 'adam', 'sgd']),
    learningRate: positive,
    embeddingLearningRate: positive,
    headLearningRate: positive,
    vectorLearningRate: positive,
    weightDecay: z.number().nonnegative(),
    momentum: z.number().min(0).max(1).optional(),
    betas: z.tuple([z.number(), z.number()]).optional(),
  }),
  /** What the model goes on with at every measurement, so that it is seen to learn; absent for none. */
  samples: z
    .union([
      z.strictObject({ prompts: z.array(z.string()).min(1).max(MAX_PROMPTS), tokens: count }),
      // as it was written when there was one
      z
        .strictObject({ prompt: z.string(), tokens: count })
        .transform(({ prompt, tokens }) => ({ prompts: [prompt], tokens })),
    ])
    .optional(),
  keepCheckpoints: count,
  seed: z.int(),
  /** Of the tokenizer whose ids the shards hold. */
  tokenizerHash: z.string(),
});

export type RunConfig = z.output<typeof runConfigSchema>;

/** @throws MoatError `bad-run-config` naming the field */
export function parseRunConfig(json: unknown, origin: string): RunConfig {
  const parsed = runConfigSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new MoatError(
    'bad-run-config',
    `${origin}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a run configuration'}`,
    {
      fix: 'Start a new run under another --name.',
    },
  );
}
