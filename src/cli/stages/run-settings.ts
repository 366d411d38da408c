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

/** Gains move slowly beside matrices that are orthogonalised; measured in docs/LOG.md. */
const MUON_VECTOR_RATE = 0.01;
/** The last half of a run cools down: at these sizes that is worth more than a longer plateau. */
const DECAY_FRACTION = 0.5;
const FINAL_SCALE = 0.02;

export function runConfigOf(config: ProjectConfig, tokenizer: TokenizerFacts): RunConfig {
  const { train } = config;
  const withMuon = train.optimizer === 'muon';
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
        decayFraction: DECAY_FRACTION,
        finalScale: FINAL_SCALE,
      },
      clipNorm: train.clipNorm,
      evalEvery: train.evalEvery,
      checkpointEvery: train.checkpointEvery,
    },
    optimizer: {
      kind: train.optimizer,
      learningRate: train.learningRate,
      embeddingLearningRate: train.embeddingLearningRate,
      headLearningRate: train.headLearningRate,
      vectorLearningRate: withMuon ? MUON_VECTOR_RATE : train.learningRate,
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
