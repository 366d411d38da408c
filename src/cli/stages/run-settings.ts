/** From a project's configuration to what a training run is asked to do. */
import type { RunConfig } from '../../lab/train/run-config.js';
import type { ProjectConfig } from '../config/types.js';

export interface TokenizerFacts {
  readonly vocabularySize: number;
  readonly endOfText: number;
  readonly pad: number;
  /** Ends an answer in a conversation. */
  readonly endOfTurn: number;
  readonly hash: string;
}

const FINAL_SCALE = 0.02;

export function runConfigOf(config: ProjectConfig, tokenizer: TokenizerFacts): RunConfig {
  const { train } = config;
  return {
    schemaVersion: 1,
    model: hubModelConfig(config, tokenizer),
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

/** Hugging Face's `config.json`. */
function hubModelConfig({ model }: ProjectConfig, tokenizer: TokenizerFacts): Record<string, unknown> {
  return {
    model_type: model.architecture,
    vocab_size: tokenizer.vocabularySize,
    hidden_size: model.hiddenSize,
    intermediate_size: model.intermediateSize,
    num_hidden_layers: model.layers,
    num_attention_heads: model.heads,
    num_key_value_heads: model.keyValueHeads,
    head_dim: model.headSize,
    max_position_embeddings: model.contextLength,
    rms_norm_eps: 1e-6,
    rope_theta: model.ropeTheta,
    tie_word_embeddings: model.tieWordEmbeddings,
    hidden_act: 'silu',
    attention_bias: false,
    bos_token_id: tokenizer.endOfText,
    eos_token_id: [tokenizer.endOfText, tokenizer.endOfTurn],
    pad_token_id: tokenizer.pad,
  };
}
