/** How many bits a trained model needs for a byte of text it has not seen. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { loadCheckpoint } from '../checkpoint/load-checkpoint.js';
import { readCausalModel } from '../models/registry.js';
import { type Value, floats } from '../runtime/program.js';
import { type TokenStream, documentNats } from '../train/held-out-loss.js';
import { compileEvaluation } from '../train/language-objective.js';
import { type BitsPerByte, summarizeBitsPerByte } from './bits-per-byte.js';

export interface EvaluationText extends TokenStream {
  /** UTF-8 bytes of each document's text. */
  readonly documentBytes: ArrayLike<number>;
}

export interface EvaluateOptions {
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/** Windows a run; more makes no run faster and all of them larger. */
const BATCH_SIZE = 8;

/**
 * Reads the checkpoint and scores every document, each token with at least half a context before it.
 * @throws MoatError those of `loadCheckpoint`; `other-vocabulary`; `nothing-to-evaluate`
 */
export async function evaluateCheckpoint(
  directory: string,
  text: EvaluationText,
  options: EvaluateOptions = {},
): Promise<BitsPerByte> {
  const checkpoint = await loadCheckpoint(directory);
  try {
    const origin = path.join(directory, 'config.json');
    const { model } = readCausalModel(JSON.parse(await checkpoint.readText('config.json')), origin);
    if (text.endOfText >= model.config.vocab_size) {
      throw new MoatError(
        'other-vocabulary',
        `${directory}: the model knows ${model.config.vocab_size} tokens, fewer than this text uses`,
      );
    }
    const parameters: Record<string, Value> = {};
    for (const { name, shape } of model.parameters) {
      parameters[name] = floats(await checkpoint.model.readFloat32(name), shape);
    }
    const shape = { batchSize: BATCH_SIZE, sequenceLength: model.config.max_position_embeddings };
    const program = await compileEvaluation(model, shape, threadsOf(options));
    try {
      const nats = await documentNats(program, shape, parameters, text, options.signal);
      return summarizeBitsPerByte(
        Array.from(nats, (each, i) => ({ nats: each, bytes: text.documentBytes[i] as number })),
      );
    } finally {
      await program.close();
    }
  } finally {
    await checkpoint.close();
  }
}

function threadsOf({ threads }: EvaluateOptions): { threads?: number } {
  return threads === undefined ? {} : { threads };
}
