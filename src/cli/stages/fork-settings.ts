/** A new run with the settings of another one, but for those that are given. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { readTokenModel } from '../../lab/models/registry.js';
import { type RunConfig, parseRunConfig } from '../../lab/train/run-config.js';
import { readRunConfig } from '../../lab/train/run-directory.js';
import { readPrompts, writePrompts } from '../config/fields.js';
import { type Override, applyOverrides } from '../config/overrides.js';
import { resolveConfig } from '../config/resolve.js';
import type { ProjectConfig, TrainConfig } from '../config/types.js';
import { checkedRunName } from './find-run.js';
import { type TokenizerFacts, runConfigOf } from './run-settings.js';

export interface Fork {
  /** The run whose settings are taken. */
  readonly run: string;
  /** Begin with its weights, at this step or the last; else from scratch. */
  readonly withWeights: boolean;
  readonly fromStep: number | undefined;
  readonly overrides: readonly Override[];
}

/**
 * What the new run is asked to do: the model of the other one, and its settings with the given ones in place. What goes
 * together is changed together: a budget in steps replaces one in minutes, and another optimizer brings its own rates.
 * @throws MoatError `no-such-run`, `bad-run-config`, `other-tokenizer`, `fork-keeps-model`, `config-invalid`
 */
export async function forkedConfig(runs: string, fork: Fork, tokenizer: TokenizerFacts): Promise<RunConfig> {
  const source = await readSource(runs, fork.run);
  if (source.tokenizerHash !== tokenizer.hash) {
    throw new MoatError('other-tokenizer', `${fork.run}: the run has another tokenizer than the project has now`, {
      fix: 'Start a run without --fork.',
    });
  }
  const other = fork.overrides.find(({ path: field }) => field.startsWith('model.'));
  if (other !== undefined) {
    throw new MoatError('fork-keeps-model', `${other.label}: a fork has the model of its run`, {
      fix: 'Leave it out, or start a run without --fork.',
    });
  }
  const settings = resolvedSettings(source, fork);
  const forked = runConfigOf(settings, tokenizer, source.model);
  const samples = samplesOf(source, settings.train);
  const { momentum, betas } = source.optimizer;
  const isSame = forked.optimizer.kind === source.optimizer.kind;
  return {
    ...forked,
    optimizer: {
      ...forked.optimizer,
      ...(isSame && momentum !== undefined ? { momentum } : {}),
      ...(isSame && betas !== undefined ? { betas } : {}),
    },
    ...(samples === undefined ? {} : { samples }),
  };
}

/** The settings of a run that can be changed in a fork, in the words of `moat.config.ts`. @throws MoatError as `forkedConfig` */
export async function readForkSettings(runs: string, run: string): Promise<TrainConfig> {
  return trainSettingsOf(await readSource(runs, run));
}

async function readSource(runs: string, run: string): Promise<RunConfig> {
  const directory = path.join(runs, checkedRunName(run));
  return parseRunConfig(await readRunConfig(directory), path.join(directory, 'config.json'));
}

function resolvedSettings(source: RunConfig, { run, overrides }: Fork): ProjectConfig {
  const origin = path.join('runs', run, 'config.json');
  const { architecture, model } = readTokenModel(source.model, origin);
  const changed = new Set(overrides.map(({ path: field }) => field));
  const kept = withoutReplaced(trainSettingsOf(source), changed);
  const given = {
    model: { architecture: architecture.modelType, contextLength: model.config.max_position_embeddings },
    train: kept,
  };
  const flags = new Map(overrides.map(({ path: field, label }) => [field, label]));
  const input = applyOverrides(given, overrides);
  return resolveConfig(input, { root: '.', env: {}, source: { file: origin, flags } });
}

const RATES = ['learningRate', 'embeddingLearningRate', 'headLearningRate', 'vectorLearningRate', 'weightDecay'];

function withoutReplaced(settings: TrainConfig, changed: ReadonlySet<string>): TrainConfig {
  const replaced = new Set<string>();
  if (changed.has('train.steps') !== changed.has('train.minutes'))
    replaced.add(changed.has('train.steps') ? 'minutes' : 'steps');
  if (changed.has('train.optimizer')) for (const rate of RATES) replaced.add(rate);
  return Object.fromEntries(Object.entries(settings).filter(([name]) => !replaced.has(name)));
}

/** The inverse of `runConfigOf`. */
function trainSettingsOf({ loop, optimizer, keepCheckpoints, seed, samples }: RunConfig): TrainConfig {
  const { maxSteps, maxSeconds, schedule, objective, patience } = loop;
  const settings: { [Name in keyof TrainConfig]: TrainConfig[Name] | undefined } = {
    steps: maxSteps,
    minutes: maxSeconds === undefined ? undefined : maxSeconds / 60,
    batchSize: loop.batchSize,
    sequenceLength: loop.sequenceLength,
    gradientAccumulation: loop.gradientAccumulation,
    optimizer: optimizer.kind,
    learningRate: optimizer.learningRate,
    embeddingLearningRate: optimizer.embeddingLearningRate,
    headLearningRate: optimizer.headLearningRate,
    vectorLearningRate: optimizer.vectorLearningRate,
    weightDecay: optimizer.weightDecay,
    schedule: schedule.kind,
    warmupSteps: schedule.warmupSteps,
    decayFraction: schedule.decayFraction,
    clipNorm: loop.clipNorm,
    labelSmoothing: loop.labelSmoothing,
    objective:
      objective &&
      Object.entries(objective)
        .map(([name, share]) => `${name}=${share}`)
        .join(', '),
    packDocuments: loop.packDocuments,
    recompute: loop.recompute,
    averageDecay: loop.averageDecay,
    patience,
    keepBest: loop.keepBest,
    evalEvery: loop.evalEvery,
    checkpointEvery: loop.checkpointEvery,
    keepCheckpoints,
    seed,
    samplePrompt: samples === undefined ? undefined : writePrompts(samples.prompts) || undefined,
    sampleTokens: samples?.tokens ?? 0,
  };
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

function samplesOf(
  source: RunConfig,
  { sampleTokens, samplePrompt }: { readonly sampleTokens: number; readonly samplePrompt: string | undefined },
): RunConfig['samples'] {
  return sampleTokens === 0
    ? undefined
    : {
        prompts: samplePrompt === undefined ? (source.samples?.prompts ?? ['']) : readPrompts(samplePrompt),
        tokens: sampleTokens,
      };
}
