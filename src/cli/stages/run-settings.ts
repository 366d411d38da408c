/** From a project's configuration to what a training run is asked to do. */
import { MoatError } from '../../base/errors.js';
import { architectures, findArchitecture } from '../../lab/models/registry.js';
import { type ObjectiveShares, readObjectives } from '../../lab/train/objectives/objectives.js';
import type { RunConfig } from '../../lab/train/run-config.js';
import type { ProjectConfig } from '../config/types.js';

export interface TokenizerFacts {
  readonly vocabularySize: number;
  readonly endOfText: number;
  readonly pad: number | undefined;
  /** Ends an answer in a conversation. */
  readonly endOfTurn: number;
  readonly hash: string;
}

const FINAL_SCALE = 0.02;

/** @param model Hugging Face's `config.json`; that of the settings when left out */
export function runConfigOf(
  config: ProjectConfig,
  tokenizer: TokenizerFacts,
  model: Record<string, unknown> = hubModelConfig(config, tokenizer),
): RunConfig {
  const { train } = config;
  return {
    schemaVersion: 1,
    model,
    loop: {
      batchSize: train.batchSize,
      sequenceLength: train.sequenceLength,
      gradientAccumulation: train.gradientAccumulation,
      ...(train.steps === undefined ? {} : { maxSteps: train.steps }),
      ...(train.minutes === undefined ? {} : { maxSeconds: train.minutes * 60 }),
      schedule: {
        kind: train.schedule,
        warmupSteps: train.warmupSteps,
        decayFraction: train.decayFraction,
        finalScale: FINAL_SCALE,
      },
      clipNorm: train.clipNorm,
      labelSmoothing: train.labelSmoothing,
      ...(train.objective === undefined ? {} : { objective: objectiveOf(train.objective) }),
      packDocuments: train.packDocuments,
      recompute: train.recompute,
      averageDecay: train.averageDecay,
      keepBest: train.keepBest,
      ...(train.patience === undefined ? {} : { patience: train.patience }),
      evalEvery: train.evalEvery,
      checkpointEvery: train.checkpointEvery,
    },
    optimizer: {
      kind: train.optimizer,
      learningRate: train.learningRate,
      embeddingLearningRate: train.embeddingLearningRate,
      headLearningRate: train.headLearningRate,
      vectorLearningRate: train.vectorLearningRate,
      weightDecay: train.weightDecay,
    },
    keepCheckpoints: train.keepCheckpoints,
    seed: train.seed,
    tokenizerHash: tokenizer.hash,
  };
}

/** @throws MoatError `bad-objective` */
export function objectiveOf(text: string): ObjectiveShares {
  const read = readObjectives(text);
  if (typeof read !== 'string') return read;
  throw new MoatError('bad-objective', `train.objective: ${read}`);
}

/**
 * Hugging Face's `config.json`.
 * @throws MoatError `unknown-architecture`; `not-trainable` for one that does not predict tokens
 */
function hubModelConfig({ model }: ProjectConfig, tokenizer: TokenizerFacts): Record<string, unknown> {
  const sized = findArchitecture(model.architecture, 'model.architecture').sized?.({
    ...model,
    vocabularySize: tokenizer.vocabularySize,
  });
  if (sized === undefined) {
    throw new MoatError('not-trainable', `model.architecture: ${model.architecture} does not learn from plain text`, {
      fix: `These do: ${sizedArchitectures().join(', ')}.`,
    });
  }
  return {
    model_type: model.architecture,
    ...sized,
    bos_token_id: tokenizer.endOfText,
    ...(tokenizer.pad === undefined ? {} : { pad_token_id: tokenizer.pad }),
    ...endsOf(model.architecture, tokenizer),
  };
}

/** An encoder-decoder begins to write from padding, as T5 does, and knows one end. */
function endsOf(architecture: string, { endOfText, endOfTurn, pad }: TokenizerFacts): Record<string, unknown> {
  const { kind } = findArchitecture(architecture, 'model.architecture');
  if (kind !== 'encoder-decoder') return { eos_token_id: [endOfText, endOfTurn] };
  return { eos_token_id: endOfText, decoder_start_token_id: pad ?? endOfText };
}

const sizedArchitectures = (): string[] =>
  architectures.flatMap(({ modelType, sized }) => (sized === undefined ? [] : [modelType]));
