/** Every architecture there is; adding one is its file and its line here. */
import { MoatError } from '../../base/errors.js';
import { gan } from './gan.js';
import { lenet } from './lenet.js';
import { mlp } from './mlp.js';
import { resnet } from './resnet.js';
import { textCnn } from './text-cnn.js';
import { vit } from './vit.js';
import { bert } from './bert.js';
import { bigModel } from './big-model.js';
import { gemma3 } from './gemma3.js';
import { gpt2 } from './gpt2.js';
import { gru } from './gru.js';
import { llama } from './llama.js';
import { mistral } from './mistral.js';
import type { Architecture, CausalModel, Model } from './model.js';
import { qwen2 } from './qwen2.js';
import { qwen3 } from './qwen3.js';
import { rnn } from './rnn.js';
import { mt5, t5 } from './t5.js';
import { textGenerator } from './text-generator.js';

export const architectures: readonly Architecture[] = [
  llama,
  mistral,
  qwen2,
  qwen3,
  gemma3,
  gpt2,
  bert,
  t5,
  mt5,
  textGenerator,
  bigModel,
  gru,
  rnn,
  mlp,
  lenet,
  resnet,
  textCnn,
  vit,
  gan,
];

/** A configuration with the model it describes. */
export interface ReadModel<M extends Model = Model> {
  readonly architecture: Architecture;
  readonly model: M;
}

/**
 * @param origin where the name stands, for the error
 * @throws MoatError `unknown-architecture`
 */
export function findArchitecture(modelType: unknown, origin: string): Architecture {
  const found = architectures.find((candidate) => candidate.modelType === modelType);
  if (found !== undefined) return found;
  throw new MoatError('unknown-architecture', `${origin}: ${JSON.stringify(modelType)} is not one Moat knows`, {
    fix: `Known: ${architectures.map((known) => known.modelType).join(', ')}.`,
  });
}

/**
 * Reads a Hugging Face `config.json`.
 * @param origin the file, for the error
 * @throws MoatError `unknown-architecture`, or `bad-model-config` naming the field
 */
export function readModelConfig(json: unknown, origin: string): ReadModel {
  const modelType = typeof json === 'object' && json !== null && 'model_type' in json ? json.model_type : undefined;
  const architecture = findArchitecture(modelType, `${origin}: model_type`);
  const read = architecture.read(json);
  if ('problem' in read) throw new MoatError('bad-model-config', `${origin}: ${read.problem}`);
  return { architecture, model: read.model };
}

/**
 * As `readModelConfig`, for models that predict the next token.
 * @throws MoatError also `not-generative` for the others
 */
export function readCausalModel(json: unknown, origin: string): ReadModel<CausalModel> {
  const { architecture, model } = readModelConfig(json, origin);
  if (model.kind === 'causal') return { architecture, model };
  throw new MoatError('not-generative', `${origin}: ${architecture.title} does not continue texts`, {
    fix: `These do: ${architectures.flatMap((known) => (known.kind === 'causal' ? [known.modelType] : [])).join(', ')}.`,
  });
}

/**
 * As `readModelConfig`, for models that read tokens and so can learn from plain text.
 * @throws MoatError also `not-trainable` for the others
 */
export function readTokenModel(
  json: unknown,
  origin: string,
): ReadModel<Extract<Model, { kind: 'causal' | 'encoder' | 'encoder-decoder' }>> {
  const { architecture, model } = readModelConfig(json, origin);
  if (model.kind === 'classifier' || model.kind === 'adversarial') {
    throw new MoatError('not-trainable', `${origin}: ${architecture.title} does not learn from plain text`, {
      fix: `These do: ${architectures.flatMap((known) => (known.sized === undefined ? [] : [known.modelType])).join(', ')}.`,
    });
  }
  return { architecture, model };
}
