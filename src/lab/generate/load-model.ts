/** A checkpoint directory as something that generates: architecture, weights, tokenizer, and where an answer ends. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { loadCheckpoint } from '../checkpoint/load-checkpoint.js';
import type { CausalModel, TokenModelConfig } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { type Value, floats } from '../runtime/program.js';
import { type Tokenizer, loadTokenizer } from '../tokenizer/tokenizer.js';

export interface LoadedModel {
  readonly model: CausalModel;
  readonly weights: ReadonlyMap<string, Value>;
  readonly tokenizer: Tokenizer;
  /** Tokens that end an answer. */
  readonly endTokens: ReadonlySet<number>;
}

/** @throws MoatError those of `loadCheckpoint` and `loadTokenizer`; `other-vocabulary` */
export async function loadModel(directory: string): Promise<LoadedModel> {
  const tokenizer = await loadTokenizer(directory);
  const checkpoint = await loadCheckpoint(directory);
  try {
    const origin = path.join(directory, 'config.json');
    const { model } = readCausalModel(JSON.parse(await checkpoint.readText('config.json')), origin);
    if (tokenizer.vocabSize > model.config.vocab_size) {
      throw new MoatError(
        'other-vocabulary',
        `${directory}: the tokenizer has ${tokenizer.vocabSize} tokens, the model ${model.config.vocab_size}`,
        {
          fix: 'The two files belong to different models; copy the folder again.',
        },
      );
    }
    const weights = new Map<string, Value>();
    for (const { name, shape } of model.parameters) {
      weights.set(name, floats(await checkpoint.model.readFloat32(name), shape));
    }
    return { model, weights, tokenizer, endTokens: endTokensOf(model.config, tokenizer) };
  } finally {
    await checkpoint.close();
  }
}

function endTokensOf(config: TokenModelConfig, { endOfText, endOfTurn }: Tokenizer): Set<number> {
  const configured = config.eos_token_id ?? [];
  return new Set([endOfText, endOfTurn, ...(Array.isArray(configured) ? configured : [configured])]);
}
