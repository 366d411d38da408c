/** The loss of a task on batches that nothing is learned from. */
import { INFERENCE } from '../../models/model.js';
import { type CompileOptions, type Value, compile, floats } from '../../runtime/program.js';
import { parameterInputs } from '../objective.js';
import { type TrainableWeights, type TrainedValues, overTrained } from './trainable-weights.js';
import type { TuningTask } from './tuning-task.js';

export interface HeldOutMeasure {
  /** The mean over everything counted, nats. */
  readonly loss: number;
  /** The share of pairs whose better answer gained on the worse; undefined for objectives without `margins`. */
  readonly preferred: number | undefined;
  /** Learned tokens and their nats by id; empty for objectives without `nats`. */
  readonly byId: ReadonlyMap<string, RecordNats>;
}

/** Of all held-out records with one id. */
export interface RecordNats {
  readonly tokens: number;
  readonly nats: number;
}

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
      let preferred: number | undefined;
      const byId = new Map<string, RecordNats>();
      for (const { feeds, counted, owners } of task.heldOut()) {
        const fed: Record<string, Value> = { ...frozen, ...Object.fromEntries(values), ...feeds };
        fed['weights'] = floats(
          counted.map((each) => each / total),
          [counted.length],
        );
        const { loss: share, margins, nats } = await program.run(fed);
        if (nats !== undefined && owners !== undefined)
          addUp(byId, task.heldOutIds, { nats: nats.data as Float32Array, counted, owners });
        sum += Number(share?.data[0]);
        if (margins !== undefined) preferred = (preferred ?? 0) + gained(margins.data as Float32Array, counted) / total;
      }
      return { loss: sum, preferred, byId };
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

function addUp(byId: Map<string, RecordNats>, ids: readonly string[], { nats, counted, owners }: Counted): void {
  for (const [at, owner] of owners.entries()) {
    const id = ids[owner];
    if (id === undefined || counted[at] !== 1) continue;
    const before = byId.get(id) ?? { tokens: 0, nats: 0 };
    byId.set(id, { tokens: before.tokens + 1, nats: before.nats + (nats[at] as number) });
  }
}
