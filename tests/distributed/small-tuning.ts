/** Small models and made-up records, for tuning runs that are compared between the local tuner and PyTorch. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { systemClock } from '../../src/base/clock.js';
import { Rng } from '../../src/base/rng.js';
import type { RunEvent } from '../../src/base/run-events.js';
import { saveCheckpoint } from '../../src/lab/checkpoint/save-checkpoint.js';
import { runTorchrun } from '../../src/lab/distributed/torchrun.js';
import {
  type PortableTuning,
  type TuningFolderOptions,
  writeTuningFolder,
} from '../../src/lab/distributed/tuning-folder.js';
import { loadModel } from '../../src/lab/generate/load-model.js';
import { elementCount } from '../../src/lab/graph/dims.js';
import { findArchitecture, readCausalModel } from '../../src/lab/models/registry.js';
import { trainTokenizer } from '../../src/lab/tokenizer/train-tokenizer.js';
import { type AdaptedModel, adaptModel } from '../../src/lab/train/adapters/adapt-model.js';
import { adapterWeights } from '../../src/lab/train/adapters/adapter-weights.js';
import { createRun } from '../../src/lab/train/run-directory.js';
import { preferenceTask, referenceLogProbabilities } from '../../src/lab/train/supervised/dpo.js';
import { allOf } from '../../src/lab/train/supervised/trainable-weights.js';
import { tuneModel, tuningRecordOf } from '../../src/lab/train/supervised/tune-model.js';
import type { TuneSettings } from '../../src/lab/train/supervised/tune-plan.js';
import { type TuningTask, supervisedTask } from '../../src/lab/train/supervised/tuning-task.js';
import type { TuneResult } from '../../src/lab/train/supervised/tuning-record.js';
import { python } from './small-run.js';

const WORDS = 'the quick brown fox jumps over a lazy dog while seven wise owls watch from old trees at night'.split(
  ' ',
);

export interface TuningChanges {
  readonly architecture?: string;
  /** Undefined: all of the model is tuned. */
  readonly adapter?: { readonly modules?: readonly string[]; readonly dora?: boolean };
  readonly packed?: boolean;
  /** Preferences in place of answers. */
  readonly beta?: number;
  readonly settings?: Partial<TuneSettings>;
  /** Of the base's weights. */
  readonly seed?: number;
}

export interface SmallTuning {
  readonly base: string;
  readonly tuning: PortableTuning;
}

export interface Watched {
  readonly resume?: boolean;
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

/** Where nobody looks on. */
export const silentReporter = {
  stage: () => ({ progress: () => {}, done: () => {}, skipped: () => {}, failed: () => {} }),
  warn: () => {},
  note: () => {},
  close: () => {},
};

export interface TuningProject {
  readonly folder: string;
  readonly out: (name: string) => string;
  tuning(changes?: TuningChanges): Promise<SmallTuning>;
  here(name: string, tuning: PortableTuning, watched?: Watched): Promise<{ events: RunEvent[]; result: TuneResult }>;
  there(
    name: string,
    tuning: PortableTuning,
    more: Watched & Pick<TuningFolderOptions, 'workers' | 'sharding'>,
  ): Promise<RunEvent[]>;
  remove(): Promise<void>;
}

export async function makeTuningProject(): Promise<TuningProject> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-tuning-'));
  const rng = Rng.fromSeed(5);
  const text = Array.from({ length: 3000 }, () => WORDS[rng.below(WORDS.length)]).join(' ');
  const tokenizer = await trainTokenizer(path.join(folder, 'tokenizer'), [text], { vocabularySize: 320 });
  const out = (name: string): string => path.join(folder, 'runs', name);

  /** @returns the folder of a model with drawn weights, as large as those of trained ones */
  async function baseOf(architecture: string, seed: number): Promise<string> {
    const json = {
      model_type: architecture,
      ...findArchitecture(architecture, 'test').sized?.({
        vocabularySize: tokenizer.vocabSize,
        layers: 2,
        hiddenSize: 32,
        intermediateSize: 48,
        heads: 4,
        keyValueHeads: architecture === 'gpt2' ? 4 : 2,
        headSize: 8,
        contextLength: 64,
        tieWordEmbeddings: architecture === 'gpt2',
        ropeTheta: 10_000,
        dropout: 0,
      }),
      bos_token_id: tokenizer.endOfText,
      eos_token_id: tokenizer.endOfText,
      // what folders from Hugging Face have besides
      torch_dtype: 'bfloat16',
      transformers_version: '4.40.0',
      is_llama_config: true,
      rope_interleaved: false,
    };
    const { model } = readCausalModel(json, 'test');
    const drawn = Rng.fromSeed(seed);
    const tensors = model.parameters.map(({ name, shape }) => ({
      name,
      shape,
      data: Float32Array.from({ length: elementCount(shape) }, () => (shape.length === 1 ? 1 : drawn.normal() * 0.2)),
    }));
    const copy = (name: string) => ({ copyOf: path.join(folder, 'tokenizer', name) });
    const files = {
      'config.json': JSON.stringify(json),
      'tokenizer.json': copy('tokenizer.json'),
      'tokenizer_config.json': copy('tokenizer_config.json'),
    };
    const place = path.join(folder, `base-${architecture}-${seed}`);
    return (await saveCheckpoint(place, 1, { files, tensors, optimizer: [], state: {} })).directory;
  }

  const example = (index: number) => {
    const size = 4 + rng.below(20);
    const asked = 1 + rng.below(size - 2);
    return {
      id: `q${index >> 1}`,
      origin: `records.jsonl:${index + 1}`,
      tokens: Int32Array.from({ length: size }, () => rng.below(300)),
      mask: Uint8Array.from({ length: size }, (_, at) => Number(at >= asked)),
    };
  };
  const examples = Array.from({ length: 30 }, (_, index) => example(index));
  const pairs = examples.map(({ id, origin, tokens, mask }) => {
    const rejected = tokens.map((token, at) => (mask[at] === 1 ? (token + 7) % 300 : token));
    return { id, origin, chosen: { tokens, mask }, rejected: { tokens: rejected, mask } };
  });

  async function taskOf(changes: TuningChanges, base: string, adapted: AdaptedModel | undefined): Promise<TuningTask> {
    const { model, weights } = await loadModel(base);
    const tuned = adapted?.model ?? model;
    const common = { sequenceLength: 32, fillToken: tokenizer.endOfText, seed: 3 };
    if (changes.beta === undefined) {
      const packed = changes.packed ?? false;
      const sides = { train: examples.slice(0, 24), heldOut: examples.slice(24) };
      return supervisedTask(tuned, sides, { ...common, batchSize: 3, packed, bytesOf: () => 3 });
    }
    const shape = { ...common, pairCount: 3 };
    const referenced = async (some: typeof pairs) => ({
      pairs: some,
      reference: await referenceLogProbabilities(model, weights, some, shape),
    });
    const sides = { train: await referenced(pairs.slice(0, 24)), heldOut: await referenced(pairs.slice(24)) };
    return preferenceTask(tuned, sides, { ...shape, beta: changes.beta });
  }

  const tuning: TuningProject['tuning'] = async (changes = {}) => {
    const { architecture = 'qwen3', adapter, settings: changed, seed = 1 } = changes;
    const base = await baseOf(architecture, seed);
    const { model, weights: values } = await loadModel(base);
    const { modules, dora = false } = adapter ?? {};
    const target = modules === undefined ? {} : { targetModules: modules };
    const adapted =
      adapter === undefined ? undefined : adaptModel(model, { rank: 4, alpha: 8, useDora: dora, ...target });
    const settings: TuneSettings = {
      epochs: 100,
      maxSteps: 20,
      learningRate: adapter === undefined ? 0.002 : 0.02,
      warmupFraction: 0.1,
      weightDecay: 0.01,
      clipNorm: 1,
      gradientAccumulation: 2,
      evalEvery: 5,
      recompute: false,
      seed: 3,
      threads: 1,
      ...changed,
    };
    const weights =
      adapted === undefined
        ? allOf(model, values)
        : adapterWeights(adapted, { base: values, seed: 3, baseModel: base });
    const task = await taskOf(changes, base, adapted);
    const config = { ...model.config };
    const files = adapted === undefined ? { 'config.json': JSON.stringify(config) } : {};
    const job = { architecture, weights, task, settings, files, clock: systemClock };
    return {
      base,
      tuning: {
        ...job,
        adapted,
        model: config,
        origin: path.join(base, 'config.json'),
        tokenizerHash: tokenizer.hash,
        objective: changes.beta === undefined ? { kind: 'sft' } : { kind: 'dpo', beta: changes.beta },
        record: tuningRecordOf(job),
      },
    };
  };

  const here: TuningProject['here'] = async (name, { task, settings, weights, files, model }, watched = {}) => {
    const events: RunEvent[] = [];
    const architecture = String(model['model_type']);
    const job = { folder: out(name), architecture, weights, task, settings, files, clock: systemClock };
    const onEvent = (event: RunEvent): void => {
      events.push(event);
      watched.onEvent?.(event);
    };
    return { events, result: await tuneModel({ ...job, ...watched, onEvent }) };
  };

  const there: TuningProject['there'] = async (name, asked, { workers, sharding, resume = false, signal, onEvent }) => {
    const jobFolder = path.join(folder, 'jobs', name);
    const runDirectory = out(name);
    await writeTuningFolder(jobFolder, asked, {
      runName: name,
      runDirectory,
      resume,
      workers,
      ...(sharding === undefined ? {} : { sharding }),
      threadsPerWorker: 1,
      device: 'cpu',
      shared: jobFolder,
      program: path.resolve('distributed'),
    });
    if (!resume) await createRun(runDirectory, asked.record, 'tuning.json');
    const events: RunEvent[] = [];
    const job = { python: await python(), jobFolder, runDirectory, workers, maxRestarts: 3, env: process.env };
    await runTorchrun({
      ...job,
      ...(signal === undefined ? {} : { signal }),
      onEvent(event) {
        events.push(event);
        onEvent?.(event);
      },
    });
    return events;
  };
  return { folder, out, tuning, here, there, remove: () => rm(folder, { recursive: true, force: true }) };
}
