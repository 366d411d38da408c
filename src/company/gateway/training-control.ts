/** What the studio may do to training; the gateway knows neither how a run is started nor what a setting may be. */

/** The settings a run can be given in the studio, by their path in `moat.config.ts`. */
export const RUN_SETTINGS = [
  'model.depth',
  'train.steps',
  'train.minutes',
  'train.learningRate',
  'train.batchSize',
  'train.gradientAccumulation',
  'train.sequenceLength',
  'train.seed',
  'train.optimizer',
  'train.embeddingLearningRate',
  'train.headLearningRate',
  'train.vectorLearningRate',
  'train.weightDecay',
  'train.schedule',
  'train.warmupSteps',
  'train.evalEvery',
  'train.checkpointEvery',
  'train.patience',
  'train.samplePrompt',
  'train.sampleTokens',
] as const;

export type RunSetting = (typeof RUN_SETTINGS)[number];
export type RunSettings = Partial<Record<RunSetting, string | number | boolean>>;

/** What a form for a new run, or for a fork of one, begins with. */
export interface RunFormValues {
  /** A name that no run has. */
  readonly name: string;
  readonly settings: RunSettings;
  /** The run that this machine trains now; null when none does. */
  readonly training: string | null;
  /** Steps from which the run can go on, oldest first. */
  readonly checkpoints: readonly number[];
}

export interface StartRequest {
  readonly name: string;
  /** The run whose settings are taken, but for those that are given; undefined for the project's. */
  readonly fork:
    { readonly run: string; readonly withWeights: boolean; readonly fromStep?: number | undefined } | undefined;
  readonly settings: RunSettings;
}

/**
 * This machine trains one run at a time; those that a cluster trains are not counted. What is started goes on when the
 * server stops.
 */
export interface TrainingControl {
  /** Of a run, or of the project. */
  values(run: string | undefined): Promise<RunFormValues>;
  freeName(): Promise<string>;
  /** Resolves when it trains. @throws MoatError `training-busy`, `bad-setting`, `bad-run-name`, `training-refused` */
  start(request: StartRequest): Promise<void>;
  /**
   * From the last checkpoint, or that of a step, where it was trained last. A run that a job has is followed.
   * @throws MoatError as `start`
   */
  resume(name: string, fromStep: number | undefined): Promise<void>;
  /** Saves and ends after the step that is under way, wherever it trains. Safe to repeat. @throws MoatError `not-training`, `training-refused` */
  stop(name: string): Promise<void>;
}
