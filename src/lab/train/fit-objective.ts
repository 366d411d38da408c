/**
 * Trains any objective epoch by epoch and keeps the weights of the epoch that scored best. Knows no model and no data:
 * batches come as feeds, the score is whatever the caller measures on held-out examples.
 */
import { Rng } from '../../base/rng.js';
import { initialize } from '../models/initialize.js';
import type { ParameterSpec } from '../models/model.js';
import { createKernels } from '../runtime/kernels.js';
import type { CompileOptions, Value } from '../runtime/program.js';
import { createLearner } from './learner.js';
import type { BuildObjective } from './objective.js';
import { createParameterStore, trainingBytes } from './parameter-store.js';
import { type ScheduleSettings, learningRateScale } from './schedule.js';

export type Weights = ReadonlyMap<string, Value>;
export type Feeds = Readonly<Record<string, Value>>;

export interface ObjectiveEpoch {
  /** 1-based. */
  readonly epoch: number;
  /** Mean of the batches' losses. */
  readonly trainingLoss: number;
  /** NaN where nothing is measured. */
  readonly score: number;
}

export interface FitObjectiveOptions extends CompileOptions {
  readonly parameters: readonly ParameterSpec[];
  readonly objective: BuildObjective;
  /** The feeds of one epoch, drawn anew each time; as many as `batchesPerEpoch`. */
  readonly batches: (rng: Rng) => Iterable<Feeds>;
  readonly batchesPerEpoch: number;
  readonly epochs: number;
  /** Peak learning rate of AdamW (Loshchilov & Hutter 2019) for every parameter. */
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly seed: number;
  /** Weights to begin with, by name; others are initialised. */
  readonly initial?: Weights;
  /** Higher is better; the last epoch's weights are kept when absent. */
  readonly score?: (weights: Weights) => Promise<number>;
  /** Epochs without a better score after which training ends. Default: never. */
  readonly patience?: number;
  readonly signal?: AbortSignal | undefined;
  /** What the objective gave back at each step, before the next batch is drawn. */
  readonly onStep?: (outputs: Readonly<Record<string, Value>>) => void;
  readonly onEpoch?: (epoch: ObjectiveEpoch) => void;
}

export interface FittedObjective {
  readonly weights: Weights;
  /** The epoch the weights are from. */
  readonly epoch: number;
  readonly score: number;
}

const SCHEDULE: ScheduleSettings = { kind: 'cosine', warmupSteps: 20, decayFraction: 1, finalScale: 0.1 };
const BETAS = [0.9, 0.98] as const;

/** @throws the signal's reason when aborted */
export async function fitObjective(options: FitObjectiveOptions): Promise<FittedObjective> {
  const { parameters, epochs, batchesPerEpoch, seed, score, patience = Infinity, signal } = options;
  const store = createParameterStore(createKernels(trainingBytes(parameters)), parameters);
  const rng = Rng.fromSeed(seed);
  for (const { spec, value } of store.parameters) {
    initialize(spec, value.view(), rng);
    const given = options.initial?.get(spec.name);
    if (given !== undefined) value.view().set(given.data as Float32Array);
  }
  const learner = await createLearner({
    store,
    objective: options.objective,
    optimizer: optimizerOf(options),
    seed,
    clipNorm: 1,
    ...(options.threads === undefined ? {} : { threads: options.threads }),
  });
  let best: FittedObjective | undefined;
  try {
    for (let epoch = 1; epoch <= epochs; epoch++) {
      let total = 0;
      let batch = 0;
      for (const feeds of options.batches(rng)) {
        signal?.throwIfAborted();
        const step = (epoch - 1) * batchesPerEpoch + batch++;
        const scale = learningRateScale(SCHEDULE, step + 1, step / (epochs * batchesPerEpoch));
        const { loss, outputs } = await learner.step(feeds, scale);
        options.onStep?.(outputs);
        total += loss;
      }
      const weights = learner.parameters();
      const reached = score === undefined ? Number.NaN : await score(weights);
      options.onEpoch?.({ epoch, trainingLoss: total / batch, score: reached });
      if (best === undefined || score === undefined || reached > best.score) {
        best = { weights: copied(weights), epoch, score: reached };
      } else if (epoch - best.epoch >= patience) break;
    }
  } finally {
    await learner.close();
  }
  if (best === undefined) throw new RangeError('no epoch was asked for');
  return best;
}

const optimizerOf = ({ learningRate, weightDecay }: FitObjectiveOptions) => ({
  kind: 'adamw' as const,
  learningRate,
  embeddingLearningRate: learningRate,
  headLearningRate: learningRate,
  vectorLearningRate: learningRate,
  weightDecay,
  betas: BETAS,
});

const copied = (weights: Weights): Weights =>
  new Map([...weights].map(([name, value]) => [name, { ...value, data: value.data.slice() }]));
