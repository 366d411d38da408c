/** What a tuning run is asked to do, and what that means for the loop: the same wherever it is trained. */
import type { OptimizerSettings } from '../optimizers.js';
import type { LoopSettings } from '../trainer.js';
import type { TuningTask } from './tuning-task.js';

export interface TuneSettings {
  /** The run ends at whichever comes first. */
  readonly epochs: number;
  readonly maxSteps?: number | undefined;
  readonly maxSeconds?: number | undefined;
  /** The peak: warmed up to over the first `warmupFraction` of the steps, then half a cosine down to a tenth. */
  readonly learningRate: number;
  readonly warmupFraction: number;
  readonly weightDecay: number;
  readonly clipNorm: number;
  readonly gradientAccumulation: number;
  /** Steps between measurements; default: twice an epoch. */
  readonly evalEvery?: number | undefined;
  /** Measurements without a lower loss after which training ends; never when absent. */
  readonly patience?: number | undefined;
  readonly recompute: boolean;
  readonly seed: number;
  readonly threads?: number | undefined;
}

const FINAL_SCALE = 0.1;
const BETAS = [0.9, 0.999] as const;

type Planned = Pick<TuningTask, 'batchSize' | 'batchesPerEpoch' | 'tokensPerBatch'>;

export function tuneLoop(task: Planned, settings: TuneSettings) {
  const { gradientAccumulation, epochs, warmupFraction, patience } = settings;
  const stepsPerEpoch = Math.max(1, Math.ceil(task.batchesPerEpoch / gradientAccumulation));
  const planned = Math.max(1, Math.ceil(stepsPerEpoch * epochs));
  const maxSteps = Math.min(planned, settings.maxSteps ?? planned);
  const evalEvery = settings.evalEvery ?? Math.max(1, Math.min(maxSteps, Math.ceil(stepsPerEpoch / 2)));
  return {
    batchSize: task.batchSize,
    sequenceLength: task.tokensPerBatch / task.batchSize,
    gradientAccumulation,
    maxSteps,
    maxSeconds: settings.maxSeconds,
    schedule: {
      kind: 'cosine',
      warmupSteps: Math.ceil(maxSteps * warmupFraction),
      decayFraction: 1,
      finalScale: FINAL_SCALE,
    },
    evalEvery,
    // what was measured is what a resumed run must know
    checkpointEvery: evalEvery,
    patience: patience === undefined ? undefined : patience * evalEvery,
    keepBest: 0,
  } as const satisfies LoopSettings;
}

/** AdamW with one rate for everything. */
export function tuneOptimizer({ learningRate, weightDecay }: TuneSettings): OptimizerSettings {
  return {
    kind: 'adamw',
    learningRate,
    embeddingLearningRate: learningRate,
    headLearningRate: learningRate,
    vectorLearningRate: learningRate,
    weightDecay,
    betas: BETAS,
  };
}
