/**
 * The folder that travels to the workers of a tuning run: as `job-folder.ts` writes it for a run on shards, with records
 * as tokens in place of the shards, the weights to begin with, and for an adapter the base it stands beside.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { formatBytes } from '../../base/units.js';
import { nodeFileSystem } from '../checkpoint/file-system.js';
import { writeRecorded } from '../checkpoint/manifest.js';
import { type NamedTensor, safetensorsChunks } from '../checkpoint/safetensors.js';
import type { CheckpointContents } from '../checkpoint/save-checkpoint.js';
import { elementCount } from '../graph/dims.js';
import type { AdaptedModel } from '../train/adapters/adapt-model.js';
import { estimateTrainingMemory } from '../train/memory-estimate.js';
import { hubConfig } from '../train/prepare-run.js';
import { trainingBytes } from '../train/parameter-store.js';
import type { RunConfig } from '../train/run-config.js';
import type { TrainableWeights } from '../train/supervised/trainable-weights.js';
import { type TuneSettings, tuneLoop, tuneOptimizer } from '../train/supervised/tune-plan.js';
import type { TuningExamples, TuningTask } from '../train/supervised/tuning-task.js';
import { TRAVEL_LIMIT_BYTES, copyProgram, place } from './job-folder.js';
import { type JobSpec, checkWorkers, jobSpecSchema, portableModel } from './job-spec.js';

const EXAMPLES_FILE = 'examples.safetensors';
const START_FILE = 'start.safetensors';
const BASE_FILE = 'base.safetensors';

/** What is tuned, and to what: as the local tuner takes it. */
export interface PortableTuning {
  /** Hugging Face's `config.json` of the model. */
  readonly model: RunConfig['model'];
  /** Where `model` was read, for errors. */
  readonly origin: string;
  readonly tokenizerHash: string;
  readonly objective: NonNullable<JobSpec['tuning']>['objective'];
  readonly task: TuningTask;
  readonly settings: TuneSettings;
  readonly weights: TrainableWeights;
  /** Undefined where all of the model is trained. */
  readonly adapted: AdaptedModel | undefined;
  /** Files beside the weights. */
  readonly files: CheckpointContents['files'];
  /** The content of `tuning.json` while it trains. */
  readonly record: object;
}

export interface TuningFolderOptions
  extends
    Pick<JobSpec, 'runName' | 'runDirectory' | 'workers'>,
    Partial<Pick<JobSpec, 'threadsPerWorker' | 'device' | 'precision' | 'sharding' | 'maxRestarts'>> {
  readonly resume: boolean;
  /** A folder that the workers see under the same path, for weights that are too large to travel; undefined: they travel. */
  readonly shared: string | undefined;
  /** Where the worker's Python files lie. */
  readonly program: string;
}

/** The run as the workers' trainer knows it. */
export function tuningConfig({ model, tokenizerHash, task, settings }: PortableTuning): RunConfig {
  const { sequenceLength, packed } = task.examples;
  const { clipNorm, recompute, seed } = settings;
  const { betas, ...optimizer } = tuneOptimizer(settings);
  const loop = { ...tuneLoop(task, settings), sequenceLength, clipNorm, recompute, packDocuments: packed };
  return {
    schemaVersion: 1,
    model,
    // the weights that did best lie in a checkpoint until the run has ended
    loop: { ...loop, labelSmoothing: 0, averageDecay: 0, keepBest: 1 },
    optimizer: { ...optimizer, betas: betas && [...betas] },
    keepCheckpoints: 1,
    seed,
    tokenizerHash,
  };
}

/**
 * Whether workers can do this, before anything is written.
 * @throws MoatError `cannot-distribute`, `too-many-workers`
 */
export function checkPortable(tuning: PortableTuning, workers: number): void {
  const config = tuningConfig(tuning);
  portableModel(config, tuning.origin);
  checkWorkers(workers, config);
}

/**
 * Writes the folder anew.
 * @throws MoatError as `checkPortable`; `package-too-large` for weights that neither travel nor lie where both sides see them
 */
export async function writeTuningFolder(
  folder: string,
  tuning: PortableTuning,
  options: TuningFolderOptions,
): Promise<JobSpec> {
  checkPortable(tuning, options.workers);
  const config = tuningConfig(tuning);
  const { architecture, model } = portableModel(config, tuning.origin);
  const { task, weights, objective } = tuning;
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, 'files'), { recursive: true });
  await copyProgram(options.program, folder);
  await writeFile(path.join(folder, 'config.json'), hubConfig(config.model, architecture.className));
  const files = { ...weights.layout.files, ...tuning.files };
  for (const [name, content] of Object.entries(files)) await place(path.join(folder, 'files', name), content);
  await writeTensors(path.join(folder, EXAMPLES_FILE), exampleTensors(task.examples));
  const start = await writeWeights(folder, START_FILE, trainedTensors(weights), options);
  const estimate = estimateTrainingMemory(model, config.loop);
  const spec: JobSpec = {
    version: 1,
    id: randomUUID(),
    runName: options.runName,
    runDirectory: options.runDirectory,
    config,
    architecture: architecture.modelType,
    parameters: weights.trained.flatMap(({ spec: { role, shape, ...each } }) =>
      role === 'statistic' ? [] : [{ ...each, role, shape: [...shape] }],
    ),
    data: null,
    tuning: {
      objective,
      examples: EXAMPLES_FILE,
      packed: task.examples.packed,
      fillToken: task.examples.fillToken,
      learnedTokens: task.learnedTokens,
      heldOutBytesPerUnit: task.heldOutBytesPerUnit ?? null,
      record: { ...tuning.record },
    },
    adapter: await adapterOf(folder, tuning, options),
    files: Object.keys(files),
    startWeights: start.file,
    startSha256: start.sha256,
    resume: options.resume ? { fromStep: null } : null,
    workers: options.workers,
    threadsPerWorker: options.threadsPerWorker ?? null,
    device: options.device ?? 'auto',
    precision: options.precision ?? 'auto',
    sharding: options.sharding ?? 'auto',
    memory: { parameterBytes: parameterBytes(tuning, estimate), activationBytes: estimate.activationBytes },
    maxRestarts: options.maxRestarts ?? 3,
    waitSeconds: 600,
  };
  await writeFile(path.join(folder, 'job.json'), `${JSON.stringify(jobSpecSchema.parse(spec), undefined, 2)}\n`);
  return spec;
}

/** The files of weights that a job left where both sides see them. */
export async function removeShared(shared: string): Promise<void> {
  for (const name of [START_FILE, BASE_FILE]) await rm(path.join(shared, name), { force: true });
}

/** A base that stays as it is has neither gradients nor a place in the optimizer. */
function parameterBytes({ adapted, weights }: PortableTuning, whole: { readonly parameterBytes: number }): number {
  if (adapted === undefined) return whole.parameterBytes;
  const base = [...weights.frozen.values()].reduce((sum, { data }) => sum + data.byteLength, 0);
  return base + trainingBytes(weights.trained.map(({ spec }) => spec));
}

const trainedTensors = ({ trained }: TrainableWeights): NamedTensor[] =>
  trained.map(({ spec: { name, shape }, initial }) => ({ name, shape, data: initial }));

async function adapterOf(
  folder: string,
  { adapted, weights }: PortableTuning,
  options: TuningFolderOptions,
): Promise<JobSpec['adapter']> {
  if (adapted === undefined) return null;
  const { rank, alpha, dropout = 0, useDora = false } = adapted.config;
  const base = [...weights.frozen].map(([name, { dims, data }]) => ({ name, shape: dims, data: data as Float32Array }));
  return {
    rank,
    alpha,
    dropout,
    dora: useDora,
    modules: adapted.modules.map(({ name }) => name),
    fanInFanOut: adapted.modules.some(({ transposed }) => !transposed),
    baseWeights: (await writeWeights(folder, BASE_FILE, base, options)).file,
    baseParameters: base.map(({ name, shape }) => ({ name, shape: [...shape] })),
    baseSha256: weights.layout.metadata['base_sha256'] ?? '',
  };
}

/** @returns the file as the workers find it */
async function writeWeights(
  folder: string,
  name: string,
  tensors: readonly NamedTensor[],
  { shared }: TuningFolderOptions,
): Promise<{ readonly file: string; readonly sha256: string }> {
  const bytes = tensors.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
  if (bytes <= TRAVEL_LIMIT_BYTES) {
    return { file: name, sha256: await writeTensors(path.join(folder, name), tensors) };
  }
  if (shared === undefined) {
    throw new MoatError(
      'package-too-large',
      `the model's weights are ${formatBytes(bytes)}; ${formatBytes(TRAVEL_LIMIT_BYTES)} may travel with a job`,
      { fix: 'Give --storage a folder that this machine and the workers see.' },
    );
  }
  const file = path.join(shared, name);
  await rm(file, { force: true });
  return { file, sha256: await writeTensors(file, tensors) };
}

/** @returns the SHA-256 of the file */
async function writeTensors(file: string, tensors: readonly NamedTensor[]): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  return (await writeRecorded(nodeFileSystem, file, safetensorsChunks(tensors, { format: 'pt' }))).sha256;
}

/** Of each side all tokens one after another, which of them are learned, how many each example has, and where it is from. */
export function exampleTensors({ sides }: TuningExamples): NamedTensor[] {
  return Object.entries(sides).flatMap(([side, examples]): NamedTensor[] => {
    const size = examples.reduce((sum, { tokens }) => sum + tokens.length, 0);
    const [tokens, mask] = [new Int32Array(size), new Uint8Array(size)];
    let at = 0;
    for (const example of examples) {
      tokens.set(example.tokens, at);
      mask.set(example.mask, at);
      at += example.tokens.length;
    }
    const origins = Buffer.from(JSON.stringify(examples.map(({ origin = '' }) => origin)));
    const one = (name: string, data: Int32Array | Uint8Array) => ({
      name: `${side}.${name}`,
      shape: [data.length],
      data,
    });
    return [
      one('tokens', tokens),
      one('mask', mask),
      one(
        'lengths',
        Int32Array.from(examples, (example) => example.tokens.length),
      ),
      one('origins', new Uint8Array(origins)),
    ];
  });
}
