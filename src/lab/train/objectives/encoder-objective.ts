/** What an encoder learns from plain text: which tokens were hidden, and more about whole texts on the same batch. */
import { scale } from '../../graph/ops/arithmetic.js';
import type { EncoderModel } from '../../models/model.js';
import type { BatchShape } from '../language-objective.js';
import { maskedLanguageObjective } from '../masked-language-objective.js';
import type { BuildObjective } from '../objective.js';
import type { ObjectiveShares } from './objectives.js';

/** BERT's share of hidden tokens. */
export const MASKED_SHARE = 0.15;

/** Hidden places of a batch at most. */
export function maskedCountOf({ batchSize, sequenceLength }: BatchShape): number {
  return Math.max(1, Math.round(batchSize * sequenceLength * MASKED_SHARE));
}

export function encoderObjective(model: EncoderModel, shape: BatchShape, shares: ObjectiveShares): BuildObjective {
  const masked = maskedLanguageObjective(model, { ...shape, maskedCount: maskedCountOf(shape) });
  return (parameters, pass) => {
    const { loss, ...rest } = masked(parameters, pass);
    return { ...rest, loss: scale(loss, shares.masked ?? 0) };
  };
}
