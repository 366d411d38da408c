/**
 * The folder that travels to the workers: `job.json`, Hugging Face's `config.json`, the tokenizer and other small files
 * of the model, the worker's own program, the first weights, and shards where they are small. Everything else lies on
 * storage that both sides see.
 */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { explainWriteError } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import { formatBytes } from '../../base/units.js';
import { nodeFileSystem } from '../checkpoint/file-system.js';
import { writeRecorded } from '../checkpoint/manifest.js';
import { safetensorsAsMade } from '../checkpoint/safetensors.js';
import type { CheckpointContents } from '../checkpoint/save-checkpoint.js';
import { elementCount } from '../graph/dims.js';
import { initialize } from '../models/initialize.js';
import type { ParameterSpec } from '../models/model.js';
import { readShardManifest } from '../tokenizer/shard-reader.js';
import { estimateTrainingMemory } from '../train/memory-estimate.js';
import { hubConfig } from '../train/prepare-run.js';
import { type JobSpec, checkWorkers, jobSpecSchema, portableModel } from './job-spec.js';

/** What may travel over HTTP in one piece: Ray's Jobs API takes 100 MB, and the program needs some of it. */
export const TRAVEL_LIMIT_BYTES = 64e6;
const JOB_FILE = 'job.json';
/** The first weights: in the folder, or beside the run where they are too large to travel. */
export const START_FILE = 'start.safetensors';

export interface JobFolderOptions
  extends
    Pick<JobSpec, 'runName' | 'runDirectory' | 'config' | 'workers' | 'resume'>,
    Partial<Pick<JobSpec, 'threadsPerWorker' | 'device' | 'precision' | 'sharding' | 'maxRestarts' | 'waitSeconds'>> {
  /** Where `config` was read, for errors. */
  readonly origin: string;
  /** Files beside the weights in every checkpoint, `config.json` excepted. */
  readonly files: CheckpointContents['files'];
  readonly endOfText: number;
  /** The shards on this machine. */
  readonly shards: string;
  /** The same shards as the workers see them, a path or URI; undefined: they travel. */
  readonly shardsThere?: string | undefined;
  /** Whether the folder goes to the workers over HTTP; where both sides see it, its size does not matter. */
  readonly travels: boolean;
  /** A folder that both sides see under the same path, for first weights that are too large to travel. */
  readonly shared?: string | undefined;
  /** The same where there is no such folder but a store: brings a file there, and says where it lies. */
  readonly sendStart?: ((file: string) => Promise<string>) | undefined;
  /** Where the worker's Python files lie. */
  readonly program: string;
}

export interface JobFolder {
  readonly spec: JobSpec;
  readonly sizeBytes: number;
}

/**
 * Writes the folder anew, once it is known that the run can go.
 * @throws MoatError `cannot-distribute`, `too-many-workers`, `shards-too-large`, and those of the shards
 */
export async function writeJobFolder(folder: string, options: JobFolderOptions): Promise<JobFolder> {
  const { config, origin, workers } = options;
  const { architecture, model } = portableModel(config, origin);
  checkWorkers(workers, config);
  const manifest = await readShardManifest(options.shards);
  const shardFiles = Object.values(manifest.splits).flatMap(({ shards }) => shards);
  if (options.shardsThere === undefined && options.travels) await checkTravelSize(options.shards, shardFiles);
  await rm(folder, { recursive: true, force: true });
  await mkdir(path.join(folder, 'files'), { recursive: true });
  await copyProgram(options.program, folder);
  await writeFile(path.join(folder, 'config.json'), hubConfig(config.model, architecture.className));
  for (const [name, content] of Object.entries(options.files)) await place(path.join(folder, 'files', name), content);
  if (options.shardsThere === undefined) await copyShards(options.shards, shardFiles, path.join(folder, 'shards'));
  const estimate = estimateTrainingMemory(model, config.loop);
  const trained = model.parameters.flatMap(({ role, ...spec }) => (role === 'statistic' ? [] : [{ ...spec, role }]));
  const spec: JobSpec = {
    version: 1,
    id: randomUUID(),
    runName: options.runName,
    runDirectory: options.runDirectory,
    config,
    architecture: architecture.modelType,
    parameters: trained.map(({ shape, ...spec }) => ({ ...spec, shape: [...shape] })),
    data: {
      shards: options.shardsThere ?? 'shards',
      train: splitOf(manifest.splits['train'] ?? EMPTY_SPLIT),
      validation: manifest.splits['validation'] === undefined ? null : splitOf(manifest.splits['validation']),
      endOfText: options.endOfText,
    },
    files: Object.keys(options.files),
    ...(await writeStart(folder, model.parameters, options)),
    resume: options.resume,
    workers,
    threadsPerWorker: options.threadsPerWorker ?? null,
    device: options.device ?? 'auto',
    precision: options.precision ?? 'auto',
    sharding: options.sharding ?? 'auto',
    memory: { parameterBytes: estimate.parameterBytes, activationBytes: estimate.activationBytes },
    maxRestarts: options.maxRestarts ?? 3,
    waitSeconds: options.waitSeconds ?? 600,
  };
  await writeFile(path.join(folder, JOB_FILE), `${JSON.stringify(jobSpecSchema.parse(spec), undefined, 2)}\n`);
  return { spec, sizeBytes: await folderBytes(folder) };
}

const EMPTY_SPLIT = { shards: [], tokens: 0, documents: 0, textBytes: 0 };

/** What the workers need of a manifest's split. */
function splitOf({ shards, tokens, documents, textBytes }: JobSpec['data']['train']): JobSpec['data']['train'] {
  return { shards, tokens, documents, textBytes };
}

/** The weights that the local trainer would begin with; none for a resumed run, and none where they cannot be sent. */
async function writeStart(
  folder: string,
  specs: readonly ParameterSpec[],
  { resume, config, travels, shared, sendStart }: JobFolderOptions,
): Promise<Pick<JobSpec, 'startWeights' | 'startSha256'>> {
  const bytes = Float32Array.BYTES_PER_ELEMENT * specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
  const isWithin = !travels || bytes <= TRAVEL_LIMIT_BYTES;
  const isSent = isWithin || shared !== undefined || sendStart !== undefined;
  if (resume !== null || !isSent) return { startWeights: null, startSha256: null };
  const file = path.join(isWithin ? folder : (shared ?? folder), START_FILE);
  const rng = Rng.fromSeed(config.seed);
  const tensors = specs.map((spec) => ({
    name: spec.name,
    shape: spec.shape,
    make() {
      const data = new Float32Array(elementCount(spec.shape));
      initialize(spec, data, rng);
      return data;
    },
  }));
  // of a process that was killed
  await rm(file, { force: true });
  const written = writeRecorded(nodeFileSystem, file, safetensorsAsMade(tensors, { format: 'pt' }));
  const { sha256 } = await written.catch((error: unknown) => {
    throw explainWriteError(error, file);
  });
  if (isWithin || shared !== undefined || sendStart === undefined) {
    return { startWeights: isWithin ? START_FILE : file, startSha256: sha256 };
  }
  const startWeights = await sendStart(file);
  // else it would travel, too
  await rm(file);
  return { startWeights, startSha256: sha256 };
}

async function copyProgram(program: string, folder: string): Promise<void> {
  const names = (await readdir(program)).filter((name) => name.endsWith('.py') || name === 'requirements.txt');
  for (const name of names) await copyFile(path.join(program, name), path.join(folder, name));
}

async function place(target: string, content: CheckpointContents['files'][string]): Promise<void> {
  if (typeof content === 'string') await writeFile(target, content);
  else await writeFile(target, await readFile(content.copyOf));
}

async function copyShards(from: string, names: readonly string[], to: string): Promise<void> {
  await mkdir(to);
  for (const name of names) await copyFile(path.join(from, name), path.join(to, name));
}

async function checkTravelSize(shards: string, names: readonly string[]): Promise<void> {
  const sizes = await Promise.all(names.map(async (name) => (await stat(path.join(shards, name))).size));
  const total = sizes.reduce((a, b) => a + b, 0);
  if (total <= TRAVEL_LIMIT_BYTES) return;
  throw new MoatError(
    'shards-too-large',
    `${shards}: ${formatBytes(total)} of shards; ${formatBytes(TRAVEL_LIMIT_BYTES)} may travel with a job`,
    {
      fix: 'Put them on storage that the workers see, and say where.',
    },
  );
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async (file) => (await stat(path.join(file.parentPath, file.name))).size));
  return sizes.reduce((a, b) => a + b, 0);
}
