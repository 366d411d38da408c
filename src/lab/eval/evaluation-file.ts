/** What `moat eval` found out about the model of a run, kept beside its events: `runs/NAME/evaluation.json`. */
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.js';

export const EVALUATION_FILE = 'evaluation.json';

const scoredSchema = z.object({
  bitsPerByte: z.number(),
  low: z.number(),
  high: z.number(),
  documents: z.int().min(0),
  bytes: z.int().min(0),
});
const wholeTextSchema = z.object({ bitsPerByte: z.number(), bytes: z.int().min(0) });

export const evaluationSchema = z.object({
  schemaVersion: z.literal(1),
  /** The checkpoint's; null of a model that was imported. */
  step: z.int().min(0).nullable(),
  model: scoredSchema,
  baselines: z.object({
    unigram: scoredSchema,
    sixgram: scoredSchema,
    brotli: wholeTextSchema,
    brotliPrimed: wholeTextSchema,
    trainingBytes: z.int().min(0),
  }),
});
export type Evaluation = z.infer<typeof evaluationSchema>;

/**
 * Replaces what was found out about an earlier checkpoint.
 * @param checkpoint `runs/NAME/checkpoints/step-00000123`, or the folder of an imported model, which is its own run
 */
export async function writeEvaluation(
  checkpoint: string,
  figures: Pick<Evaluation, 'model' | 'baselines'>,
): Promise<void> {
  const step = /^step-(\d+)/.exec(path.basename(checkpoint))?.[1];
  const run = step === undefined ? checkpoint : path.dirname(path.dirname(checkpoint));
  const evaluation: Evaluation = { schemaVersion: 1, step: step === undefined ? null : Number(step), ...figures };
  await writeFileAtomic(path.join(run, EVALUATION_FILE), `${JSON.stringify(evaluation, undefined, 2)}\n`);
}
