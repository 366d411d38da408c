/** The loss of a task on batches that nothing is learned from. */
import { z } from 'zod';
import { INFERENCE } from '../../models/model.js';
import { type CompileOptions, type Value, compile, floats } from '../../runtime/program.js';
import { parameterInputs } from '../objective.js';
import { type TrainableWeights, type TrainedValues, overTrained } from './trainable-weights.js';
import type { TuningTask } from './tuning-task.js';

/** As checkpoints keep it. */
export const heldOutMeasureSchema = z.object({
  /** The mean over everything counted, nats. */
  loss: z.number(),
  /** The share of pairs whose better answer gained on the worse; null for objectives without `margins`. */
  preferred: z.number().nullable(),
  /** Of each held-out record's learned tokens together; empty for objectives without `nats`. */
  nats: z.array(z.number()),
});

export type HeldOutMeasure = z.output<typeof heldOutMeasureSchema>;

export interface HeldOut {
  measure(values: TrainedValues): Promise<HeldOutMeasure>;
  close(): Promise<void>;
}

interface Measured {
  readonly task: Pick<TuningTask, 'objective' | 'measure' | 'heldOut' | 'heldOutIds'>;
  readonly weights: TrainableWeights;
  readonly settings: CompileOptions | { readonly threads?: number | undefined };
}

/** @returns undefined when nothing is held out */
export async function createHeldOut({ task, weights, settings }: Measured): Promise<HeldOut | undefined> {
  let total = 0;
  for (const { counted } of task.heldOut()) total += counted.reduce((sum, each) => sum + each, 0);
  if (total === 0) return undefined;
  const { lookUp, tensors } = parameterInputs(weights.trained.map(({ spec }) => spec));
  const { inputs, loss, outputs = {} } = overTrained(weights, task.measure ?? task.objective)(lookUp, INFERENCE);
  const { threads } = settings;
  const program = await compile(
    { ...outputs, loss },
    [...inputs, ...tensors],
    threads === undefined ? {} : { threads },
  );
  const frozen = Object.fromEntries(weights.frozen);
  return {
    async measure(values) {
      let sum = 0;
      let preferred: number | null = null;
      const ofRecord = new Float64Array(task.heldOutIds.length);
      let isByRecord = false;
      for (const { feeds, counted, owners } of task.heldOut()) {
        const fed: Record<string, Value> = { ...frozen, ...Object.fromEntries(values), ...feeds };
        fed['weights'] = floats(
          counted.map((each) => each / total),
          [counted.length],
        );
        const { loss: share, margins, nats } = await program.run(fed);
        if (nats !== undefined && owners !== undefined) {
          addUp(ofRecord, { nats: nats.data as Float32Array, counted, owners });
          isByRecord = true;
        }
        sum += Number(share?.data[0]);
        if (margins !== undefined) preferred = (preferred ?? 0) + gained(margins.data as Float32Array, counted) / total;
      }
      return { loss: sum, preferred, nats: isByRecord ? [...ofRecord] : [] };
    },
    close: () => program.close(),
  };
}

/** How many counted pairs have a margin above 0. */
const gained = (margins: Float32Array, counted: Float32Array): number =>
  margins.reduce((count, margin, pair) => count + (margin > 0 ? (counted[pair] ?? 0) : 0), 0);

interface Counted {
  readonly nats: Float32Array;
  readonly counted: Float32Array;
  readonly owners: Int32Array;
}

function addUp(ofRecord: Float64Array, { nats, counted, owners }: Counted): void {
  for (const [at, owner] of owners.entries()) {
    if (owner >= 0 && counted[at] === 1) ofRecord[owner] = (ofRecord[owner] as number) + (nats[at] as number);
  }
}
