import os from 'node:os';
import type { Clock } from '../../base/clock.js';
import type { RunEvent, SampleEvent } from '../../base/run-events.js';
import { formatBytes, formatCount } from '../../base/units.js';
import { claimedBy, readClaim } from '../../lab/distributed/run-claim.js';
import { forgetPlace } from '../../lab/distributed/run-place.js';
import { readTokenSplit } from '../../lab/tokenizer/shard-reader.js';
import { loadTokenizer } from '../../lab/tokenizer/tokenizer.js';
import { type RateSearch, findLearningRate } from '../../lab/train/find-learning-rate.js';
import { fitMemory } from '../../lab/train/memory-estimate.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import { chooseCheckpoint } from '../../lab/train/run-directory.js';
import { type TrainingResult, trainRun } from '../../lab/train/session.js';
import type { TrainingJob, Validation } from '../../lab/train/training-job.js';
import { readPrompts } from '../config/fields.js';
import type { Project } from '../config/project.js';
import type { Reporter } from '../terminal/reporter.js';
import { type Fork, forkedConfig } from './fork-settings.js';
import { modelFiles, runDirectoryOf, tokenizerFacts } from './model-files.js';
import { filesOf } from './project-files.js';
import { runConfigOf } from './run-settings.js';
import { watchRun } from './watch-run.js';

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
  const { project, runName, reporter } = options;
  await refuseWhileElsewhere(runDirectoryOf(project, runName));
  const { tokenizer, job } = await prepareJob(options);
  const config = options.resume === undefined ? await fittedConfig(options, tokenizer, job.validation) : undefined;
  const stage = reporter.stage('train');
  const watch = watchRun(stage);
  const result = await trainRun({
    ...job,
    config,
    onEvent: (event) => {
      // from now on it is trained here
      if (event.type === 'start') forgetPlace(job.runDirectory);
      watch.see(event);
      // whoever asked for texts reads along; those of a run that did not are in the studio
      if (event.type === 'sample' && project.config.train.samplePrompt !== undefined) reporter.note(sampleLine(event));
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

/** @throws MoatError `run-busy` for a run that a job of a cluster has */
export async function refuseWhileElsewhere(runDirectory: string): Promise<void> {
  const claim = await readClaim(runDirectory);
  if (claim !== undefined) throw claimedBy(runDirectory, claim);
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
    runDirectory: runDirectoryOf(project, runName),
    resume,
    trainTokens: train.tokens,
    documentStarts: train.documentStarts,
    documentAt: (token: number) => train.documentIds[train.documentAt(token)] ?? `at token ${token}`,
    validation:
      validation.textBytes === 0
        ? undefined
        : { stream: { ...validation, endOfText: tokenizer.endOfText }, byteCount: validation.textBytes },
    files: await modelFiles(project, runName, tokenizer),
    tokenizerHash: tokenizer.hash,
    tokens: tokenizer,
    samples: tokenizer,
    ...(fork?.withWeights === true ? { weightsFrom: await weightsOf(project, fork) } : {}),
    threads: project.config.serve.threads,
    device: project.config.train.device,
    clock,
    signal,
  };
  return { tokenizer, job };
}

const GIGABYTE = 1e9;

/** The run's configuration, its batch split where the memory asks for it. */
export async function fittedConfig(
  { project, fork, reporter }: Pick<TrainStageOptions, 'project' | 'fork' | 'reporter'>,
  tokenizer: LoadedTokenizer,
  validation: Validation | undefined,
): Promise<RunConfig> {
  const { memoryLimit } = project.config.train;
  const limitBytes = memoryLimit === undefined ? availableMemoryBytes() : memoryLimit * GIGABYTE;
  const asked =
    fork === undefined
      ? withSamples(runConfigOf(project.config, tokenizerFacts(tokenizer)), project, tokenizer, validation)
      : await forkedConfig(filesOf(project).runs, fork, tokenizerFacts(tokenizer));
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

/** `step 200: Once upon · a time there was` on one line, whatever was written. */
const sampleLine = ({ step, prompt, text }: SampleEvent): string =>
  `step ${step}: ${prompt} · ${text === '' ? '(it ended there)' : text}`.replaceAll(/\s+/g, ' ');

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
  const prompts =
    train.samplePrompt === undefined
      ? [tokenizer.decode(beginning).replace(/\uFFFD+$/u, '')]
      : readPrompts(train.samplePrompt);
  return { ...config, samples: { prompts, tokens: train.sampleTokens } };
}

async function weightsOf(project: Project, { run, fromStep }: Fork): Promise<string> {
  return (await chooseCheckpoint(runDirectoryOf(project, run), fromStep)).directory;
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
