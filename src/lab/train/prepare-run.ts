/** Everything a run trains with, wired together: programs, parameters, optimizer, batches, checkpoints. */
import path from 'node:path';
import type { RunEvent } from '../../base/run-events.js';
import { elementCount } from '../graph/dims.js';
import { parameterCount } from '../models/model.js';
import { readTokenModel } from '../models/registry.js';
import { allocationBytes, createKernels } from '../runtime/kernels.js';
import type { CompileOptions, Program, Value } from '../runtime/program.js';
import { documentNats } from './held-out-loss.js';
import { compileEvaluation } from './language-objective.js';
import { type Learner, createLearner, parameterFeeds } from './learner.js';
import type { TokenModel } from './objectives/objectives.js';
import { type ParameterStore, createParameterStore, trainingBytes } from './parameter-store.js';
import {
  compileMeasure,
  meanOfBatches,
  pretrainingObjective,
  pretrainingSource,
  sourceLengths,
} from './pretraining.js';
import type { RunConfig } from './run-config.js';
import { chooseCheckpoint } from './run-directory.js';
import type { Validation, TrainingJob } from './training-job.js';
import { type TextSampler, createTextSampler } from './sample-text.js';
import type { TrainingSource } from './token-source.js';
import {
  type LoopSettings,
  TRAINING_BEGINNING,
  type TrainingOutcome,
  type TrainingProgress,
  runTraining,
} from './trainer.js';
import {
  type TrainingArrays,
  initializeParameters,
  progressSchema,
  restoreTrainingState,
  restoreWeights,
  saveTrainingState,
} from './training-state.js';
import { type WeightAverage, createWeightAverage } from './weight-average.js';

export interface PreparedRun {
  readonly settings: LoopSettings;
  readonly from: TrainingProgress;
  readonly parameterCount: number;
  readonly architecture: string;
  train(emit: (event: RunEvent) => void): Promise<TrainingOutcome>;
  close(): Promise<void>;
}

/** @throws MoatError as `trainRun`, before anything is written */
export async function prepareRun(job: TrainingJob, config: RunConfig): Promise<PreparedRun> {
  const { architecture, model } = readTokenModel(config.model, path.join(job.runDirectory, 'config.json'));
  const settings = loopSettings(config);
  const parts = await trainingParts(job, config, model);
  const { store, learner, average, source } = parts;
  const arrays = arraysOf(parts);
  const from = await startingPoint(job, config, parts, arrays);
  const weights = (): Readonly<Record<string, Value>> => average?.feeds() ?? parameterFeeds(store);
  const measuring = createMeasuring(job, model, config.loop, weights);
  const sampler = samplerOf(job, config, model);
  const files = { 'config.json': hubConfig(config.model, architecture.className), ...job.files };
  return {
    settings,
    from,
    parameterCount: parameterCount(model.parameters),
    architecture: architecture.modelType,
    train: (emit) =>
      runTraining({
        settings,
        learner,
        source,
        from,
        clock: job.clock,
        ...(job.signal === undefined ? {} : { signal: job.signal }),
        onEvent: emit,
        afterStep: (step) => average?.update(step),
        describe: (starts) => namesOf(job, starts),
        evaluate: measuring.evaluate,
        sample: sampler && (() => sampler.write(weights())),
        saveCheckpoint: async (progress) => {
          const where = { runDirectory: job.runDirectory, files, keepLast: config.keepCheckpoints };
          const options = job.fileSystem === undefined ? where : { ...where, fileSystem: job.fileSystem };
          const saved = await saveTrainingState(arrays, progress, options);
          return { path: path.relative(job.runDirectory, saved.directory), bytes: saved.sizeBytes };
        },
      }),
    async close() {
      await learner.close();
      await measuring.close();
      await sampler?.close();
    },
  };
}

/** Of models that continue texts, where the run asks for samples. */
function samplerOf(job: TrainingJob, { samples, loop }: RunConfig, model: TokenModel): TextSampler | undefined {
  if (samples === undefined || job.samples === undefined || model.kind !== 'causal') return undefined;
  const { sequenceLength } = loop;
  return createTextSampler(model, {
    settings: samples,
    tokens: job.samples,
    sequenceLength,
    compiling: compilingFor(job),
  });
}

function loopSettings({ loop }: RunConfig): LoopSettings {
  return { ...loop, maxSteps: loop.maxSteps, maxSeconds: loop.maxSeconds, patience: loop.patience };
}

export interface TrainingParts {
  readonly store: ParameterStore;
  readonly learner: Learner;
  readonly source: TrainingSource;
  readonly average: WeightAverage | undefined;
}

/** Parameters are still zero. */
export async function trainingParts(job: TrainingJob, config: RunConfig, model: TokenModel): Promise<TrainingParts> {
  const { loop, seed } = config;
  const specs = model.parameters;
  const averaged = loop.averageDecay > 0 ? specs.map(({ shape }) => elementCount(shape)) : [];
  const further = allocationBytes([...averaged, ...sourceLengths(model, loop.batchSize)]);
  const kernels = createKernels(trainingBytes(specs) + further);
  const store = createParameterStore(kernels, specs);
  const { documentStarts, tokens } = job;
  const source = pretrainingSource(model, loop, job.trainTokens, { seed, kernels, documentStarts, tokens });
  const learner = await createLearner({
    store,
    objective: pretrainingObjective(model, loop),
    optimizer: config.optimizer,
    clipNorm: loop.clipNorm,
    recompute: loop.recompute,
    seed,
    ...compilingFor(job),
  });
  const average = loop.averageDecay > 0 ? createWeightAverage(kernels, store, loop.averageDecay) : undefined;
  return { store, learner, source, average };
}

/** With an average, that is the model; the parameters themselves are then part of what a resumed run needs. */
function arraysOf({ store, learner, source, average }: TrainingParts): TrainingArrays {
  const parameters = store.parameters.map(
    ({ spec, value }) => [spec.name, { array: value, shape: spec.shape }] as const,
  );
  const raw = average === undefined ? [] : parameters.map(([name, state]) => [`weights.${name}`, state] as const);
  return {
    model: average?.arrays ?? new Map(parameters),
    further: new Map([...learner.optimizer.state, ...source.state, ...raw]),
  };
}

async function startingPoint(
  job: TrainingJob,
  config: RunConfig,
  { store, source }: TrainingParts,
  arrays: TrainingArrays,
): Promise<TrainingProgress> {
  if (job.resume === undefined) {
    if (job.weightsFrom === undefined) initializeParameters(store, config.seed);
    else await restoreWeights(store, job.weightsFrom);
    return TRAINING_BEGINNING;
  }
  const { directory } = await chooseCheckpoint(job.runDirectory, job.resume.fromStep);
  const progress = await restoreTrainingState(arrays, directory, progressSchema);
  source.seek(progress.batches);
  return progress;
}

/**
 * Validation loss of the weights as they are; the program is compiled when it is first needed. A model that learns to continue
 * texts is measured by that alone, whatever else it learns; others by their own objective.
 */
function createMeasuring(
  job: TrainingJob,
  model: TokenModel,
  loop: RunConfig['loop'],
  weights: () => Readonly<Record<string, Value>>,
) {
  const { validation } = job;
  if (model.kind !== 'causal') return measureObjective(job, model, loop, weights);
  let program: Program | undefined;
  const measure = async ({ stream, byteCount }: Validation): Promise<{ loss: number; bitsPerByte: number }> => {
    program ??= await compileEvaluation(model, loop, compilingFor(job));
    const nats = await documentNats(program, loop, weights(), stream);
    const total = nats.reduce((sum, each) => sum + each, 0);
    return { loss: total / stream.tokens.length, bitsPerByte: total / Math.LN2 / byteCount };
  };
  return {
    evaluate: validation && (() => measure(validation)),
    close: async () => program?.close(),
  };
}

/** Windows that the validation documents must fill before anything is measured on them. */
const LEAST_WINDOWS = 4;

function measureObjective(
  job: TrainingJob,
  model: TokenModel,
  loop: RunConfig['loop'],
  weights: () => Readonly<Record<string, Value>>,
) {
  const { tokens } = job.validation?.stream ?? { tokens: [] };
  let measuring: ReturnType<typeof compileMeasure> | undefined;
  const start = (): ReturnType<typeof compileMeasure> =>
    compileMeasure(model, loop, tokens, { tokens: job.tokens, ...compilingFor(job) });
  const evaluate = async () => {
    measuring ??= start();
    return { loss: meanOfBatches(await (await measuring).measure(weights())) };
  };
  return {
    evaluate: tokens.length < LEAST_WINDOWS * loop.sequenceLength ? undefined : evaluate,
    close: async () => (await measuring)?.close(),
  };
}

function compilingFor({ threads, device = 'cpu' }: TrainingJob): CompileOptions {
  return threads === undefined ? { device } : { device, threads };
}

/** How many documents of a bad batch are named. */
const NAMED_DOCUMENTS = 5;

function namesOf({ documentAt }: TrainingJob, starts: readonly number[]): string {
  if (documentAt === undefined) return `the windows that start at tokens ${starts.join(', ')}`;
  const names = [...new Set(starts.map(documentAt))];
  const more = names.length > NAMED_DOCUMENTS ? ` and ${names.length - NAMED_DOCUMENTS} more` : '';
  return `the documents ${names.slice(0, NAMED_DOCUMENTS).join(', ')}${more}`;
}

/** `config.json` as Hugging Face writes it for a saved model. */
export function hubConfig(model: RunConfig['model'], className: string): string {
  return `${JSON.stringify({ architectures: [className], torch_dtype: 'float32', ...model }, undefined, 2)}\n`;
}
