/** What an encoder-decoder learns from plain text: spans that were taken out, or sentences put right. */
import { MoatError } from '../../../base/errors.js';
import type { Rng } from '../../../base/rng.js';
import type { EncoderDecoderModel } from '../../models/model.js';
import type { BatchShape } from '../language-objective.js';
import { type TokenPair, pairFeeds } from '../pair-batches.js';
import { type ObjectiveShares, SENTINELS, type TokenKnowledge, specialIds } from './objectives.js';
import type { RowBatch, RowSourceOptions } from './row-source.js';
import { cutSentences, sentenceEnds, shuffleSentences } from './sentence-permutation.js';
import { corruptSpans, textLengthFor } from './span-corruption.js';

/** How windows become pairs of a corrupted text and what is to be written. */
export function textToTextRows(
  model: EncoderDecoderModel,
  { batchSize, sequenceLength }: BatchShape,
  shares: ObjectiveShares,
  tokens: TokenKnowledge,
): Omit<RowSourceOptions, 'seed'> {
  const { endOfText } = tokens;
  const padToken = padOf(tokens);
  const rules = { sentinels: specialIds(tokens, SENTINELS), endOfText };
  const windowLength = textLengthFor(sequenceLength, rules);
  const endsSentence = sentenceEnds(tokens.vocabSize, (id) => tokens.tokenBytes(id));
  const [infill, order] = [shares.infill ?? 0, shares.order ?? 0];
  const pairOf = (window: readonly number[], rng: Rng): TokenPair => {
    if (rng.uniform() * (infill + order) >= infill) {
      const right = window.slice(0, sequenceLength - 1);
      const wrong = shuffleSentences(cutSentences(right, endsSentence), rng);
      if (wrong !== undefined) return { source: [...wrong.flat(), endOfText], target: [...right, endOfText] };
    }
    return corruptSpans(window, rules, rng);
  };
  return {
    batchSize,
    windowLength,
    makeBatch(windows, rng): RowBatch {
      const pairs = windows.map((window) => pairOf(window, rng));
      const shape = { batchSize, length: sequenceLength };
      const feeds = pairFeeds({ shape, pairs }, { startToken: model.startToken, padToken });
      const counted = new Float32Array(batchSize * sequenceLength);
      for (const [row, { target }] of pairs.entries()) {
        counted.fill(1, row * sequenceLength, row * sequenceLength + target.length);
      }
      return { feeds, counted };
    },
  };
}

export function padOf({ pad }: TokenKnowledge): number {
  if (pad !== undefined) return pad;
  throw new MoatError('tokenizer-lacks-tokens', 'the tokenizer has no padding token', {
    fix: 'Make one with moat tokenizer.',
  });
}
