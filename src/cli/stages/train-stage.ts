import os from 'node:os';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import type { RunEvent, StepEvent } from '../../base/run-events.js';
import { formatBytes, formatCount } from '../../base/units.js';
import { readPassport } from '../../lab/data/corpus.js';
import { findArchitecture } from '../../lab/models/registry.js';
import { readTokenSplit } from '../../lab/tokenizer/shard-reader.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { type RateSearch, findLearningRate } from '../../lab/train/find-learning-rate.js';
import { fitMemory } from '../../lab/train/memory-estimate.js';
import { PASSPORT_NAME, renderModelCard } from '../../lab/train/model-card.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import { chooseCheckpoint } from '../../lab/train/run-directory.js';
import { type TrainingResult, trainRun } from '../../lab/train/session.js';
import type { TrainingJob, Validation } from '../../lab/train/training-job.js';
import type { Project } from '../config/project.js';
import type { Reporter, Stage } from '../terminal/reporter.js';
import { checkedRunName } from './find-run.js';
import { type Fork, forkedConfig } from './fork-settings.js';
import { filesOf } from './project-files.js';
import { runConfigOf } from './run-settings.js';

export interface TrainStageOptions {
  readonly project: Project;
  readonly runName: string;
  readonly resume: { readonly fromStep: number | undefined } | undefined;
  /** The run whose settings are taken, but for those that are given. */
  readonly fork?: Fork | undefined;
  readonly reporter: Reporter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onEvent?: (event: RunEvent) => void;
}

export interface TrainStageResult extends TrainingResult {
  readonly runName: string;
  /** Median over the steps of this process. */
  readonly tokensPerSecond: number;
  /** Training loss of every step of this process, nats a token. */
  readonly losses: readonly number[];
  /** Last figure on the validation documents; undefined when none was taken. */
  readonly bitsPerByte: number | undefined;
}

/** Trains (or goes on training) a run of the project, with a live bar. */
export async function runTrainStage(options: TrainStageOptions): Promise<TrainStageResult> {
  const { runName, reporter } = options;
  const { tokenizer, job } = await prepareJob(options);
  const config = options.resume === undefined ? await fittedConfig(options, tokenizer, job.validation) : undefined;
  const stage = reporter.stage('train');
  const watch = watchRun(stage);
  const result = await trainRun({
    ...job,
    config,
    onEvent: (event) => {
      watch.see(event);
      options.onEvent?.(event);
    },
  });
  const { progress, reason, parameterCount } = result;
  const tokensPerSecond = watch.tokensPerSecond();
  const bits = watch.bitsPerByte();
  const measured = watch.measured();
  stage.done(
    `${formatCount(parameterCount)} parameters, ${formatCount(progress.step)} steps, ${formatCount(progress.tokensSeen)} tokens at ` +
      `${formatCount(tokensPerSecond)}/s; loss ${result.loss.toFixed(2)}${measured === undefined ? '' : `, validation ${measured}`}` +
      (reason === 'stopped' ? '; stopped and saved' : '') +
      (reason === 'converged' ? '; the validation loss falls no more' : ''),
  );
  return { ...result, runName, tokensPerSecond, losses: watch.losses, bitsPerByte: bits };
}

type LoadedTokenizer = Awaited<ReturnType<typeof loadTokenizer>>;

/** Tokens, tokenizer and place of a run; its configuration is not yet known. */
async function prepareJob({ project, runName, resume, fork, clock, signal }: TrainStageOptions): Promise<{
  tokenizer: LoadedTokenizer;
  job: Omit<TrainingJob, 'config'>;
}> {
  const files = filesOf(project);
  const tokenizer = await loadTokenizer(files.tokenizer);
  const train = await readTokenSplit(files.shards, 'train', tokenizer);
  const validation = await readTokenSplit(files.shards, 'validation', tokenizer);
  const job = {
    runDirectory: path.join(files.runs, checkedRunName(runName)),
    resume,
    trainTokens: train.tokens,
    documentStarts: train.documentStarts,
    documentAt: (token: number) => train.documentIds[train.documentAt(token)] ?? `at token ${token}`,
    validation:
      validation.textBytes === 0
        ? undefined
        : { stream: { ...validation, endOfText: tokenizer.endOfText }, byteCount: validation.textBytes },
    files: { ...tokenizerFiles(files.tokenizer, tokenizer), ...(await cardFiles(project, runName)) },
    tokenizerHash: tokenizer.hash,
    tokens: tokenizer,
    samples: tokenizer,
    ...(fork?.withWeights === true ? { weightsFrom: await weightsOf(files.runs, fork) } : {}),
    threads: project.config.serve.threads,
    device: project.config.train.device,
    clock,
    signal,
  };
  return { tokenizer, job };
}

const GIGABYTE = 1e9;

/** The run's configuration, its batch split where the memory asks for it. */
async function fittedConfig(
  { project, fork, reporter }: TrainStageOptions,
  tokenizer: LoadedTokenizer,
  validation: Validation | undefined,
): Promise<RunConfig> {
  const { memoryLimit } = project.config.train;
  const limitBytes = memoryLimit === undefined ? availableMemoryBytes() : memoryLimit * GIGABYTE;
  const asked =
    fork === undefined
      ? withSamples(runConfigOf(project.config, factsOf(tokenizer)), project, tokenizer, validation)
      : await forkedConfig(filesOf(project).runs, fork, factsOf(tokenizer));
  const { batchSize } = asked.loop;
  const { config, estimate } = fitMemory(asked, limitBytes, 'moat.config.ts');
  if (config.loop.batchSize < batchSize) {
    const parts = batchSize / config.loop.batchSize;
    reporter.warn(
      `a batch of ${batchSize} would not fit in ${formatBytes(limitBytes)}: it is run in ${parts} parts of ` +
        `${config.loop.batchSize}, about ${formatBytes(estimate.totalBytes)}`,
    );
  }
  return config;
}

/** What the samples go on with when nothing else is said: so many tokens of the first validation document. */
const PROMPT_TOKENS = 12;

function withSamples(
  config: RunConfig,
  { config: { train } }: Project,
  tokenizer: LoadedTokenizer,
  validation: Validation | undefined,
): RunConfig {
  if (train.sampleTokens === 0) return config;
  const stream = validation?.stream;
  const beginning = Array.from(stream?.tokens ?? []).slice(
    0,
    Math.min(PROMPT_TOKENS, stream?.documentStarts[1] ?? PROMPT_TOKENS),
  );
  // half a character may stand at the end
  const prompt = train.samplePrompt ?? tokenizer.decode(beginning).replace(/\uFFFD+$/u, '');
  return { ...config, samples: { prompt, tokens: train.sampleTokens } };
}

async function weightsOf(runs: string, { run, fromStep }: Fork): Promise<string> {
  return (await chooseCheckpoint(path.join(runs, checkedRunName(run)), fromStep)).directory;
}

/** What this process may still take, its container's limit included. */
function availableMemoryBytes(): number {
  const limit = process.constrainedMemory();
  const left = limit > 0 ? limit - process.memoryUsage.rss() : Infinity;
  return Math.min(os.freemem(), left);
}

/** Steps of the learning-rate search, and how far it goes to either side of the configuration's rates. */
const SEARCH = { steps: 100, from: 0.01, to: 30 } as const;

/** Tries learning rates on a fresh model; writes nothing. */
export async function runRateSearchStage(options: TrainStageOptions): Promise<RateSearch> {
  const { reporter } = options;
  const { tokenizer, job } = await prepareJob(options);
  const config = await fittedConfig(options, tokenizer, job.validation);
  const stage = reporter.stage('rates');
  const search = await findLearningRate({ ...job, config }, config, {
    ...SEARCH,
    onPoint: ({ factor, loss }, index) =>
      stage.progress({
        fraction: (index + 1) / SEARCH.steps,
        text: `× ${factor.toPrecision(2)}  loss ${loss.toFixed(2)}`,
      }),
  });
  const { points, suggestedFactor } = search;
  const last = points.at(-1)?.factor.toPrecision(2) ?? '0';
  stage.done(
    suggestedFactor === undefined
      ? `the loss never fell, up to ${last} times the rates of the configuration`
      : `the loss falls fastest at ${suggestedFactor.toPrecision(2)} times the rates of the configuration`,
  );
  return search;
}

function factsOf(tokenizer: LoadedTokenizer) {
  const { vocabSize: vocabularySize, endOfText, pad, endOfTurn, hash } = tokenizer;
  return { vocabularySize, endOfText, pad, endOfTurn, hash };
}

/** Where the model's data came from, in the form that the Hub shows. */
async function cardFiles(project: Project, name: string): Promise<Record<string, string>> {
  const passport = await readPassport(filesOf(project).corpus);
  const { architecture } = project.config.model;
  const { title, source } = findArchitecture(architecture, 'model.architecture');
  return {
    'README.md': renderModelCard({ name, architecture: { title, source }, passport }),
    [PASSPORT_NAME]: `${JSON.stringify(passport, undefined, 2)}\n`,
  };
}

/** What stands beside the weights in every checkpoint, so that the folder alone is a model. */
function tokenizerFiles(
  folder: string,
  { endOfText, endOfTurn, pad }: { endOfText: number; endOfTurn: number; pad: number | undefined },
) {
  const generation = {
    bos_token_id: endOfText,
    eos_token_id: [endOfText, endOfTurn],
    ...(pad === undefined ? {} : { pad_token_id: pad }),
  };
  return {
    'tokenizer.json': { copyOf: path.join(folder, 'tokenizer.json') },
    'tokenizer_config.json': { copyOf: path.join(folder, 'tokenizer_config.json') },
    'generation_config.json': `${JSON.stringify(generation, undefined, 2)}\n`,
  };
}

const SMOOTHING = 0.9;

/** Turns events into the bar's text, and keeps what the summary needs. */
function watchRun(stage: Stage) {
  const losses: number[] = [];
  const speeds: number[] = [];
  let smoothed: number | undefined;
  let bits: number | undefined;
  let validationLoss: number | undefined;
  const show = (event: StepEvent): void => {
    smoothed = smoothed === undefined ? event.loss : SMOOTHING * smoothed + (1 - SMOOTHING) * event.loss;
    const total = event.elapsedSeconds + event.remainingSeconds;
    stage.progress({
      fraction: total === 0 ? 0 : event.elapsedSeconds / total,
      text: `step ${event.step}  loss ${smoothed.toFixed(2)}  ${formatCount(event.tokensPerSecond)} tok/s${bits === undefined ? '' : `  ${bits.toFixed(2)} b/B`}`,
      remainingSeconds: event.remainingSeconds,
    });
  };
  return {
    losses,
    see(event: RunEvent): void {
      if (event.type === 'eval') {
        bits = event.bitsPerByte;
        validationLoss = event.loss;
      }
      if (event.type !== 'step') return;
      losses.push(event.loss);
      speeds.push(event.tokensPerSecond);
      show(event);
    },
    bitsPerByte: () => bits,
    /** As it is printed: bits a byte where texts have a probability, else the loss. */
    measured: () => (bits === undefined ? validationLoss?.toFixed(3) : `${bits.toFixed(3)} bits a byte`),
    tokensPerSecond(): number {
      const sorted = [...speeds].sort((a, b) => a - b);
      return sorted[sorted.length >> 1] ?? 0;
    },
  };
}
