/** A checkpoint directory as something that generates: architecture, weights, tokenizer, and where an answer ends. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { loadCheckpoint } from '../checkpoint/load-checkpoint.js';
import type { DecoderConfig } from '../models/llama.js';
import type { Architecture } from '../models/model.js';
import { readModelConfig } from '../models/registry.js';
import { type Value, floats } from '../runtime/program.js';
import { type Tokenizer, loadTokenizer } from '../tokenizer/tokenizer.js';

export interface LoadedModel {
  readonly architecture: Architecture<DecoderConfig>;
  readonly config: DecoderConfig;
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
    const { architecture, config } = readModelConfig(JSON.parse(await checkpoint.readText('config.json')), origin);
    if (tokenizer.vocabSize > config.vocab_size) {
      throw new MoatError(
        'other-vocabulary',
        `${directory}: the tokenizer has ${tokenizer.vocabSize} tokens, the model ${config.vocab_size}`,
        {
          fix: 'The two files belong to different models; copy the folder again.',
        },
      );
    }
    const weights = new Map<string, Value>();
    for (const { name, shape } of architecture.parameters(config)) {
      weights.set(name, floats(await checkpoint.model.readFloat32(name), shape));
    }
    return { architecture, config, weights, tokenizer, endTokens: endTokensOf(config, tokenizer) };
  } finally {
    await checkpoint.close();
  }
}

function endTokensOf(config: DecoderConfig, { endOfText, endOfTurn }: Tokenizer): Set<number> {
  const configured = config.eos_token_id ?? [];
  return new Set([endOfText, endOfTurn, ...(Array.isArray(configured) ? configured : [configured])]);
}
