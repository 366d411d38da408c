/** A project's worth of data, small and made up, for runs that are compared between the local trainer and PyTorch. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/base/clock.js';
import { Rng } from '../../src/base/rng.js';
import type { RunEvent, StepEvent } from '../../src/base/run-events.js';
import { type JobFolderOptions, writeJobFolder } from '../../src/lab/distributed/job-folder.js';
import { type Python, findPython, runTorchrun } from '../../src/lab/distributed/torchrun.js';
import type { ModelSizes } from '../../src/lab/models/model.js';
import { findArchitecture } from '../../src/lab/models/registry.js';
import { readTokenSplit } from '../../src/lab/tokenizer/shard-reader.js';
import { writeTokenShards } from '../../src/lab/tokenizer/shard-writer.js';
import { trainTokenizer } from '../../src/lab/tokenizer/train-tokenizer.js';
import { type RunConfig, parseRunConfig } from '../../src/lab/train/run-config.js';
import { createRun } from '../../src/lab/train/run-directory.js';
import { trainRun } from '../../src/lab/train/session.js';
import type { TrainingJob } from '../../src/lab/train/training-job.js';

let found: Promise<Python> | undefined;

/** The interpreter with the packages; `MOAT_PYTHON` names it. */
export async function python(): Promise<string> {
  found ??= findPython([process.env['MOAT_PYTHON'] ?? 'python3'], 'distributed/requirements.txt');
  return (await found).executable;
}

const PROGRAM = path.resolve('distributed');
const WORDS = 'the quick brown fox jumps over a lazy dog while seven wise owls watch from old trees at night'.split(
  ' ',
);

export interface ConfigChanges {
  readonly architecture?: string;
  readonly loop?: Record<string, unknown>;
  readonly optimizer?: Record<string, unknown>;
  readonly sizes?: Partial<ModelSizes>;
}

export interface SmallProject {
  readonly folder: string;
  readonly runDirectory: (name: string) => string;
  readonly jobFolder: (name: string) => string;
  config(changes?: ConfigChanges): RunConfig;
  trainHere(name: string, more: Pick<TrainingJob, 'config' | 'resume'> & Partial<TrainingJob>): Promise<RunEvent[]>;
  writeJob(
    name: string,
    more: Partial<JobFolderOptions> & Pick<JobFolderOptions, 'config' | 'workers'>,
  ): Promise<string>;
  trainThere(
    name: string,
    more: Partial<JobFolderOptions> &
      Pick<JobFolderOptions, 'config' | 'workers'> & {
        readonly onEvent?: (event: RunEvent) => void;
        readonly signal?: AbortSignal;
      },
  ): Promise<RunEvent[]>;
  remove(): Promise<void>;
}

export async function makeSmallProject(): Promise<SmallProject> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-distributed-'));
  const rng = Rng.fromSeed(11);
  const write = (sentences: number): string =>
    Array.from({ length: sentences }, () =>
      Array.from({ length: 3 + rng.below(9) }, () => WORDS[rng.below(WORDS.length)]).join(' '),
    ).join('. ');
  const documents = (count: number, prefix: string) =>
    Array.from({ length: count }, (_, index) => ({ id: `${prefix}-${index}`, text: write(1 + rng.below(6)) }));
  const tokenizer = await trainTokenizer(path.join(folder, 'tokenizer'), [write(400)], { vocabularySize: 320 });
  const shards = path.join(folder, 'shards');
  const splits = { train: documents(120, 'train'), validation: documents(9, 'validation') };
  await writeTokenShards(shards, splits, tokenizer, { shardTokens: 2000 });
  const train = await readTokenSplit(shards, 'train', tokenizer);
  const validation = await readTokenSplit(shards, 'validation', tokenizer);
  const copy = (name: string) => ({ copyOf: path.join(folder, 'tokenizer', name) });
  const files = { 'tokenizer.json': copy('tokenizer.json'), 'tokenizer_config.json': copy('tokenizer_config.json') };
  const runDirectory = (name: string): string => path.join(folder, 'runs', name);
  const jobFolder = (name: string): string => path.join(folder, 'jobs', name);

  const config = ({ architecture = 'qwen3', loop, optimizer, sizes }: ConfigChanges = {}): RunConfig =>
    parseRunConfig(
      {
        schemaVersion: 1,
        model: {
          model_type: architecture,
          ...findArchitecture(architecture, 'test').sized?.({
            vocabularySize: tokenizer.vocabSize,
            layers: 2,
            hiddenSize: 32,
            intermediateSize: 48,
            heads: 4,
            keyValueHeads: architecture === 'gpt2' ? 4 : 2,
            headSize: 8,
            contextLength: 32,
            tieWordEmbeddings: architecture === 'gpt2',
            ropeTheta: 10_000,
            dropout: 0,
            ...sizes,
          }),
          bos_token_id: tokenizer.endOfText,
          eos_token_id: [tokenizer.endOfText, tokenizer.endOfTurn],
        },
        loop: {
          batchSize: 4,
          sequenceLength: 32,
          gradientAccumulation: 2,
          maxSteps: 20,
          schedule: { kind: 'wsd', warmupSteps: 4, decayFraction: 0.4, finalScale: 0.02 },
          clipNorm: 1,
          evalEvery: 10,
          checkpointEvery: 5,
          ...loop,
        },
        optimizer: {
          kind: 'muon',
          learningRate: 0.02,
          embeddingLearningRate: 0.02,
          headLearningRate: 0.005,
          vectorLearningRate: 0.01,
          weightDecay: 0.1,
          ...optimizer,
        },
        keepCheckpoints: 10,
        seed: 3,
        tokenizerHash: tokenizer.hash,
      },
      'test',
    );

  const trainHere: SmallProject['trainHere'] = async (name, more) => {
    const events: RunEvent[] = [];
    await trainRun({
      runDirectory: runDirectory(name),
      trainTokens: train.tokens,
      documentStarts: train.documentStarts,
      validation: { stream: { ...validation, endOfText: tokenizer.endOfText }, byteCount: validation.textBytes },
      files,
      tokenizerHash: tokenizer.hash,
      threads: 1,
      clock: systemClock,
      onEvent: (event) => events.push(event),
      ...more,
    });
    return events;
  };

  const writeJob: SmallProject['writeJob'] = async (name, more) => {
    await writeJobFolder(jobFolder(name), {
      runName: name,
      runDirectory: runDirectory(name),
      origin: 'test',
      files,
      endOfText: tokenizer.endOfText,
      shards,
      shardsThere: shards,
      travels: false,
      program: PROGRAM,
      resume: null,
      threadsPerWorker: 1,
      device: 'cpu',
      ...more,
    });
    return jobFolder(name);
  };

  const trainThere: SmallProject['trainThere'] = async (name, { onEvent, signal, ...more }) => {
    const written = await writeJob(name, more);
    if ((more.resume ?? null) === null) await createRun(runDirectory(name), more.config);
    const events: RunEvent[] = [];
    await runTorchrun({
      python: await python(),
      jobFolder: written,
      runDirectory: runDirectory(name),
      workers: more.workers,
      maxRestarts: more.maxRestarts ?? 3,
      env: process.env,
      onEvent: (event) => {
        events.push(event);
        onEvent?.(event);
      },
      ...(signal === undefined ? {} : { signal }),
    });
    return events;
  };
  return {
    folder,
    runDirectory,
    jobFolder,
    config,
    trainHere,
    writeJob,
    trainThere,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export const losses = (events: readonly RunEvent[]): number[] =>
  events.flatMap((event) => (event.type === 'step' ? [event.loss] : []));

/** As readers of a run's events see it: a start lets go of the steps after the one it goes on from. */
export function countedSteps(events: readonly RunEvent[]): StepEvent[] {
  let counted: StepEvent[] = [];
  for (const event of events) {
    if (event.type === 'start') counted = counted.filter(({ step }) => step <= event.resumedFromStep);
    if (event.type === 'step') counted.push(event);
  }
  return counted;
}

/** The processes that train a job, oldest first. */
export function workersOf(jobFolder: string): number[] {
  const lines = execFileSync('ps', ['-eo', 'pid,args', '--sort', 'pid']).toString().split('\n');
  const workers = lines.filter(
    (line) => line.includes(`${jobFolder}/worker.py`) && !line.includes('torch.distributed.run'),
  );
  return workers.map((line) => Number(line.trim().split(' ')[0]));
}

/** Kills the second worker of a job as a machine's failure would. @returns its process id */
export function killWorker(jobFolder: string): number {
  const pid = workersOf(jobFolder).at(-1);
  if (pid === undefined) throw new Error('no process trains');
  process.kill(pid, 'SIGKILL');
  return pid;
}
