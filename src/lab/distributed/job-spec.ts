/**
 * What a run is told that goes on past this process: `job.json`, read by `distributed/worker.py`. It holds all that the
 * local trainer knows of a run, and where the workers find its data; nothing of the machine it was written on.
 */
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import type { Architecture, CausalModel } from '../models/model.js';
import { readTokenModel } from '../models/registry.js';
import { namedShares } from '../train/objectives/objectives.js';
import { sharesOf } from '../train/pretraining.js';
import { type RunConfig, runConfigSchema } from '../train/run-config.js';

const count = z.int().positive();

const initializerSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('normal'), standardDeviation: z.number() }),
  z.strictObject({ kind: z.literal('uniform'), bound: z.number() }),
  z.strictObject({ kind: z.literal('zeros') }),
  z.strictObject({ kind: z.literal('ones') }),
]);

/** The shards of a split, in order; what else their manifest says stays here. */
const splitSchema = z.object({
  shards: z.array(z.string()),
  tokens: z.int().nonnegative(),
  documents: z.int().nonnegative(),
  textBytes: z.int().nonnegative(),
});

export const jobSpecSchema = z.strictObject({
  version: z.literal(1),
  /** Tells the checkpoints of this job from older ones of its run: what a restarted worker goes on from. */
  id: z.string().min(1),
  runName: z.string().min(1),
  /** `runs/<name>` as the workers see it: a path, or a URI that fsspec knows (`s3://…`, `gs://…`). */
  runDirectory: z.string().min(1),
  config: runConfigSchema,
  /** Hugging Face's `model_type`. */
  architecture: z.string(),
  /** Every parameter, by its Hugging Face name, and what it is to the optimizer. */
  parameters: z.array(
    z.strictObject({
      name: z.string(),
      shape: z.array(count),
      role: z.enum(['matrix', 'embedding', 'head', 'vector', 'kernel']),
      initializer: initializerSchema,
    }),
  ),
  data: z.strictObject({
    /** A folder: beside `job.json` when relative, else a path or URI as the workers see it. */
    shards: z.string(),
    train: splitSchema,
    validation: splitSchema.nullable(),
    endOfText: z.int().nonnegative(),
  }),
  /** Files of `files/` beside `job.json` that stand beside the weights in every checkpoint. */
  files: z.array(z.string()),
  /** A safetensors file, as `data.shards`; null: the workers draw the weights themselves, where they are too large to travel and no storage is shared. */
  startWeights: z.string().nullable(),
  /** Of that file, lower-case hexadecimal. */
  startSha256: z.string().nullable(),
  /** Go on from a checkpoint: the one of this step, or the last. Null for a new run. */
  resume: z.strictObject({ fromStep: count.nullable() }).nullable(),
  workers: count,
  /** Of each worker on processors; null: as many as the machine has, shared out. */
  threadsPerWorker: count.nullable(),
  /** `auto`: a GPU for each worker where there is one. */
  device: z.enum(['auto', 'cpu', 'cuda']),
  /** `auto`: bf16 on GPUs, float32 on processors. */
  precision: z.enum(['auto', 'float32', 'bf16']),
  /** `auto`: every worker holds the whole model (DDP) unless that would not fit; then its share of it (FSDP2). */
  sharding: z.enum(['auto', 'ddp', 'fsdp2']),
  /** What one process that holds the whole model would take. */
  memory: z.strictObject({ parameterBytes: z.number(), activationBytes: z.number() }),
  /** How often the workers are started anew from the last checkpoint after one of them died. */
  maxRestarts: z.int().nonnegative(),
  /** How long a cluster may take to make room for the workers. */
  waitSeconds: count,
});

export type JobSpec = z.output<typeof jobSpecSchema>;

/** Models that `transformers` computes as Moat does, weight by weight. */
const HUB_ARCHITECTURES: readonly string[] = ['llama', 'mistral', 'qwen2', 'qwen3', 'gemma3_text', 'gpt2'];

export interface PortableModel {
  readonly architecture: Architecture;
  readonly model: CausalModel;
}

/**
 * The model of a run, once it is known that workers can train it as the local trainer does.
 * @throws MoatError `cannot-distribute`, naming what cannot go
 */
export function portableModel(config: RunConfig, origin: string): PortableModel {
  const { architecture, model } = readTokenModel(config.model, origin);
  const { modelType, title } = architecture;
  if (model.kind !== 'causal' || !HUB_ARCHITECTURES.includes(modelType)) {
    throw new MoatError(
      'cannot-distribute',
      `${origin}: ${title} (${modelType}) is not among the models of transformers that workers train`,
      {
        fix: `These are: ${HUB_ARCHITECTURES.join(', ')}. Train it here, without --on.`,
      },
    );
  }
  const others = namedShares(sharesOf(config.loop, model)).filter(([name]) => name !== 'causal');
  if (others.length > 0) {
    const names = others.map(([name]) => `"${name}"`).join(', ');
    throw new MoatError('cannot-distribute', `${origin}: workers learn the next token alone, not ${names}`, {
      fix: 'Leave train.objective out, or train here, without --on.',
    });
  }
  return { architecture, model };
}

/**
 * @param workers how many
 * @throws MoatError `too-many-workers`: a step must hold a sequence for each
 */
export function checkWorkers(workers: number, { loop }: RunConfig): void {
  const rows = loop.batchSize * loop.gradientAccumulation;
  if (workers <= rows) return;
  throw new MoatError('too-many-workers', `${workers} workers share the ${rows} sequences of a step`, {
    fix: `Take ${rows} workers at most, or raise train.batchSize.`,
  });
}
