/** The folder of a model as something that generates: architecture, weights, tokenizer, and where an answer ends. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { type Weights, openModelFolder } from '../checkpoint/model-folder.js';
import type { CausalModel, TokenModelConfig } from '../models/model.js';
import { readCausalModel } from '../models/registry.js';
import { type Value, floats } from '../runtime/program.js';
import { type Tokenizer, loadTokenizer } from '../tokenizer/tokenizer.js';
import { weightsOf } from './weight-names.js';

export interface LoadedModel {
  readonly model: CausalModel;
  readonly weights: ReadonlyMap<string, Value>;
  readonly tokenizer: Tokenizer;
  /** Tokens that end an answer. */
  readonly endTokens: ReadonlySet<number>;
}

/**
 * @param directory a checkpoint of ours, or a folder as Hugging Face has them
 * @throws MoatError those of `openModelFolder` and `loadTokenizer`; `other-vocabulary`, `other-weights`
 */
export async function loadModel(directory: string): Promise<LoadedModel> {
  const tokenizer = await loadTokenizer(directory);
  const folder = await openModelFolder(directory);
  try {
    const origin = path.join(directory, 'config.json');
    const { model } = readCausalModel(JSON.parse(await folder.readText('config.json')), origin);
    const stored = weightsOf(model, folder.weights);
    checkFits(directory, model, tokenizer, stored);
    const weights = new Map<string, Value>();
    for (const { name, shape } of model.parameters) weights.set(name, floats(await stored.readFloat32(name), shape));
    return { model, weights, tokenizer, endTokens: endTokensOf(model.config, tokenizer) };
  } finally {
    await folder.close();
  }
}

/**
 * Whether configuration, weights and tokenizer belong together. A tensor of the right size in another shape would be read as
 * noise: shapes are checked, not only lengths.
 * @throws MoatError `other-vocabulary`, `other-weights`
 */
export function checkFits(directory: string, model: CausalModel, tokenizer: Tokenizer, weights: Weights): void {
  const { vocab_size: vocabularySize } = model.config;
  if (tokenizer.vocabSize > vocabularySize) {
    const what = `the tokenizer has ${tokenizer.vocabSize} tokens, the model ${vocabularySize}`;
    throw new MoatError('other-vocabulary', `${directory}: ${what}`, {
      fix: 'The two files belong to different models; copy the folder again.',
    });
  }
  for (const { name, shape } of model.parameters) {
    const found = weights.tensors.get(name)?.shape;
    if (found?.join() === shape.join()) continue;
    const what = found === undefined ? 'is missing' : `is [${found.join(', ')}], not [${shape.join(', ')}]`;
    throw new MoatError('other-weights', `${directory}: tensor "${name}" ${what}`, {
      fix: 'config.json and the weights belong to different models; copy the folder again.',
    });
  }
}

function endTokensOf(config: TokenModelConfig, { endOfText, endOfTurn }: Tokenizer): Set<number> {
  const configured = config.eos_token_id ?? [];
  return new Set([endOfText, endOfTurn, ...(Array.isArray(configured) ? configured : [configured])]);
}
