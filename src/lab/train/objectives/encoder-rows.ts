/** Windows of the stream as rows of an encoder: framed, some tokens hidden. */
import type { EncoderModel } from '../../models/model.js';
import type { BatchShape } from '../language-objective.js';
import type { Value } from '../../runtime/program.js';
import { maskTokens } from '../masked-language-objective.js';
import { MASKED_SHARE, maskedCountOf } from './encoder-objective.js';
import { MASK_TOKENS, type ObjectiveShares, type TokenKnowledge, specialIds } from './objectives.js';
import type { RowSourceOptions } from './row-source.js';
import { padOf } from './text-to-text.js';

export function encoderRows(
  model: EncoderModel,
  shape: BatchShape,
  _shares: ObjectiveShares,
  tokens: TokenKnowledge,
): Omit<RowSourceOptions, 'seed'> {
  const [start, end, mask] = specialIds(tokens, MASK_TOKENS);
  const padToken = padOf(tokens);
  const rules = {
    maskToken: mask,
    padToken,
    vocabularySize: model.config.vocab_size,
    kept: new Set([start, end, padToken]),
    share: MASKED_SHARE,
  };
  const masking = { ...shape, maskedCount: maskedCountOf(shape) };
  return {
    batchSize: shape.batchSize,
    windowLength: shape.sequenceLength - 2,
    makeBatch(windows, rng) {
      const { weights, ...feeds } = maskTokens(
        windows.map((window) => [start, ...window, end]),
        masking,
        rules,
        rng,
      );
      return { feeds, counted: ((weights as Value).data as Float32Array).map((weight) => (weight > 0 ? 1 : 0)) };
    },
  };
}
