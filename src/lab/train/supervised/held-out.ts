/** The loss of a task on batches that nothing is learned from. */
import { INFERENCE } from '../../models/model.js';
import { type CompileOptions, type Value, compile, floats } from '../../runtime/program.js';
import { parameterInputs } from '../objective.js';
import { type TrainableWeights, type TrainedValues, overTrained } from './trainable-weights.js';
import type { TuningTask } from './tuning-task.js';

export interface HeldOut {
  /** The mean over everything counted, nats. */
  loss(values: TrainedValues): Promise<number>;
  close(): Promise<void>;
}

interface Measured {
  readonly task: Pick<TuningTask, 'objective' | 'measure' | 'heldOut'>;
  readonly weights: TrainableWeights;
  readonly settings: CompileOptions | { readonly threads?: number | undefined };
}

/** @returns undefined when nothing is held out */
export async function createHeldOut({ task, weights, settings }: Measured): Promise<HeldOut | undefined> {
  let total = 0;
  for (const { counted } of task.heldOut()) total += counted.reduce((sum, each) => sum + each, 0);
  if (total === 0) return undefined;
  const { lookUp, tensors } = parameterInputs(weights.trained.map(({ spec }) => spec));
  const { inputs, loss } = overTrained(weights, task.measure ?? task.objective)(lookUp, INFERENCE);
  const { threads } = settings;
  const program = await compile({ loss }, [...inputs, ...tensors], threads === undefined ? {} : { threads });
  const frozen = Object.fromEntries(weights.frozen);
  return {
    async loss(values) {
      let sum = 0;
      for (const { feeds, counted } of task.heldOut()) {
        const fed: Record<string, Value> = { ...frozen, ...Object.fromEntries(values), ...feeds };
        fed['weights'] = floats(
          counted.map((each) => each / total),
          [counted.length],
        );
        sum += Number((await program.run(fed))['loss']?.data[0]);
      }
      return sum;
    },
    close: () => program.close(),
  };
}
