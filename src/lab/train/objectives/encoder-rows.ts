/** Windows of the stream as rows of an encoder: framed, in pairs where that is learned, some tokens hidden. */
import type { Rng } from '../../../base/rng.js';
import type { EncoderModel } from '../../models/model.js';
import { type Value, floats, integers } from '../../runtime/program.js';
import type { BatchShape } from '../language-objective.js';
import { type MaskingRules, maskTokens } from '../masked-language-objective.js';
import {
  MASKED_SHARE,
  MEMBER_LIMIT,
  type PredictionCounts,
  maskedCountOf,
  predictionCounts,
  requireOthers,
} from './encoder-objective.js';
import { CLASSIFIER_TOKENS, MASK_TOKENS, type ObjectiveShares, type TokenKnowledge, specialIds } from './objectives.js';
import type { RowSourceOptions } from './row-source.js';
import { cutSentences, sentenceEnds } from './sentence-permutation.js';
import { padOf } from './text-to-text.js';
import { type TextPair, longestText, pairOfTexts } from './text-pairs.js';
import { createWordFinder } from './whole-words.js';

type Feeds = Record<string, Value>;
type Windows = readonly (readonly number[])[];

/** A row of the encoder and what is known of it. */
interface Row {
  readonly ids: readonly number[];
  /** Tokens of the first text, frame included. */
  readonly firstLength: number;
  /** Undefined where the row is one text. */
  readonly follows: 0 | 1 | undefined;
}

/** What all rows of a run have in common. */
interface RowRules {
  readonly shape: BatchShape;
  readonly counts: PredictionCounts;
  readonly shares: ObjectiveShares;
  readonly start: number;
  readonly end: number;
  readonly padToken: number;
  readonly endOfText: number;
  readonly endsSentence: (token: number) => boolean;
  /** Undefined where no token is hidden. */
  readonly masking: MaskingRules | undefined;
}

/** @throws MoatError `tokenizer-lacks-tokens`, `objective-not-for-model` where a batch is one row and needs another */
export function encoderRows(
  model: EncoderModel,
  shape: BatchShape,
  shares: ObjectiveShares,
  tokens: TokenKnowledge,
): Omit<RowSourceOptions, 'seed'> {
  const rules = rowRules(model, shape, shares, tokens);
  const { counts } = rules;
  if ((shares['next-sentence'] ?? 0) > 0) requireOthers(shape.batchSize, 'next-sentence');
  const isRead = counts.masked + counts.membership + counts.follows > 0;
  return {
    batchSize: shape.batchSize,
    windowLength: shape.sequenceLength - (counts.follows > 0 ? 3 : 2),
    makeBatch(windows, rng) {
      const read = isRead ? readRows(windows, rules, rng) : { feeds: {}, counted: [] };
      const sentences = counts.contrastive > 0 ? sentenceRows(windows, rules, rng) : { feeds: {}, counted: [] };
      return {
        feeds: { ...read.feeds, ...sentences.feeds },
        counted: Float32Array.from([...read.counted, ...sentences.counted]),
      };
    },
  };
}

function rowRules(model: EncoderModel, shape: BatchShape, shares: ObjectiveShares, tokens: TokenKnowledge): RowRules {
  const counts = predictionCounts(shape, shares);
  const [start, end] = specialIds(tokens, CLASSIFIER_TOKENS);
  const { endOfText } = tokens;
  const padToken = padOf(tokens);
  const hides = counts.masked + counts.membership > 0;
  const masking = hides
    ? {
        maskToken: specialIds(tokens, MASK_TOKENS)[2],
        padToken,
        vocabularySize: model.config.vocab_size,
        kept: new Set([start, end, padToken, endOfText]),
        share: MASKED_SHARE,
        findWords: createWordFinder(tokens),
      }
    : undefined;
  const endsSentence = sentenceEnds(tokens.vocabSize, (id) => tokens.tokenBytes(id));
  return { shape, counts, shares, start, end, padToken, endOfText, endsSentence, masking };
}

interface Made {
  readonly feeds: Feeds;
  /** As `weights` of the objective, in its order, before it is made a mean. */
  readonly counted: readonly number[];
}

/** A kind's share, over its predictions of this batch. */
const spread = (share: number | undefined, counts: readonly boolean[]): number[] => {
  const number = counts.filter(Boolean).length;
  return counts.map((counted) => (counted ? (share ?? 0) / number : 0));
};

function readRows(windows: Windows, rules: RowRules, rng: Rng): Made {
  const { shape, counts, shares, masking, padToken } = rules;
  const { batchSize, sequenceLength } = shape;
  const rows = windows.map((window, index) =>
    framed(window, windows[(index + 1) % windows.length] as readonly number[], rules, rng),
  );
  const ids = rows.map((row) => row.ids);
  const maskedCount = maskedCountOf(shape);
  const masked = masking === undefined ? undefined : maskTokens(ids, { ...shape, maskedCount }, masking, rng);
  const hidden = Array.from(masked?.['weights']?.data ?? [], Number).map((weight) => weight > 0);
  const pairs =
    counts.follows === 0
      ? {}
      : {
          types: typesOf(rows, shape),
          follows: integers(
            Int32Array.from(rows, ({ follows }) => follows ?? 0),
            [batchSize],
          ),
        };
  const { weights: _, ...feeds } = masked ?? textFeeds(ids, shape, padToken, ['tokens', 'mask']);
  return {
    feeds: {
      ...feeds,
      ...pairs,
      ...(masked !== undefined && masking !== undefined && counts.membership > 0
        ? memberFeeds(masked, hidden, sequenceLength, masking.vocabularySize)
        : {}),
    },
    counted: [
      ...(counts.masked > 0 ? spread(shares.masked, hidden) : []),
      ...(counts.membership > 0 ? spread(shares.membership, hidden) : []),
      ...(counts.follows > 0
        ? spread(
            (shares.order ?? 0) + (shares['next-sentence'] ?? 0),
            rows.map(({ follows }) => follows !== undefined),
          )
        : []),
    ],
  };
}

/** `[CLS] text [SEP]`, or `[CLS] first [SEP] second [SEP]` where pairs are learned and the window holds one. */
function framed(window: readonly number[], other: readonly number[], rules: RowRules, rng: Rng): Row {
  const { counts, shares, start, end, endOfText, endsSentence } = rules;
  const pair =
    counts.follows > 0
      ? pairOfTexts(window, other, { endOfText, endsSentence, swapped: swappedOf(shares) }, rng)
      : undefined;
  if (pair !== undefined) return pairRow(pair, start, end);
  return { ids: [start, ...window, end], firstLength: window.length + 2, follows: undefined };
}

function pairRow({ first, second, follows }: TextPair, start: number, end: number): Row {
  const beginning = [start, ...first, end];
  return { ids: [...beginning, ...second, end], firstLength: beginning.length, follows };
}

/** Sentence order's share of what says whether a text follows another. */
function swappedOf(shares: ObjectiveShares): number {
  const [order, next] = [shares.order ?? 0, shares['next-sentence'] ?? 0];
  return order / (order + next);
}

/** `[batch, time]`: 0 for the first text, 1 for the second. */
function typesOf(rows: readonly Row[], { batchSize, sequenceLength }: BatchShape): Value {
  const types = new Int32Array(batchSize * sequenceLength);
  for (const [row, { ids, firstLength }] of rows.entries()) {
    types.fill(1, row * sequenceLength + firstLength, row * sequenceLength + ids.length);
  }
  return integers(types, [batchSize, sequenceLength]);
}

/** For each hidden place the words that were hidden in its row, its own first. */
function memberFeeds(masked: Feeds, hidden: readonly boolean[], sequenceLength: number, vocabularySize: number): Feeds {
  const read = (name: string): number[] => Array.from(masked[name]?.data ?? [], Number);
  const [places, targets] = [read('places'), read('targets')];
  const rowOf = (index: number): number => Math.floor((places[index] as number) / sequenceLength);
  const removed = new Map<number, Set<number>>();
  for (const index of hidden.keys()) {
    if (!hidden[index]) continue;
    const words = removed.get(rowOf(index)) ?? new Set();
    removed.set(rowOf(index), words.add(targets[index] as number));
  }
  const members = new Int32Array(hidden.length * MEMBER_LIMIT);
  const memberMask = new Float32Array(members.length);
  for (const index of hidden.keys()) {
    const own = targets[index] as number;
    const right = [...new Set([own, ...(removed.get(rowOf(index)) ?? [])])].slice(0, MEMBER_LIMIT);
    const at = index * MEMBER_LIMIT;
    members.fill(index * vocabularySize + own, at, at + MEMBER_LIMIT);
    members.set(
      right.map((word) => index * vocabularySize + word),
      at,
    );
    // a place that is not used has its own word alone, so that no logarithm is of 0
    memberMask.fill(1, at, at + (hidden[index] ? right.length : 1));
  }
  const dims = [hidden.length, MEMBER_LIMIT];
  return { members: integers(members, dims), memberMask: floats(memberMask, dims) };
}

/** A sentence of each window, drawn among all it has. */
function sentenceRows(windows: Windows, { shape, shares, padToken, ...rules }: RowRules, rng: Rng): Made {
  const rows = windows.map((window) => {
    const sentences = cutSentences(longestText(window, rules.endOfText), rules.endsSentence);
    const sentence = sentences.length === 0 ? window : (sentences[rng.below(sentences.length)] as number[]);
    return [rules.start, ...sentence, rules.end];
  });
  return {
    feeds: textFeeds(rows, shape, padToken, ['sentences', 'sentenceMask']),
    counted: spread(
      shares.contrastive,
      rows.map(() => true),
    ),
  };
}

function textFeeds(
  rows: Windows,
  { batchSize, sequenceLength }: BatchShape,
  padToken: number,
  [tokensName, maskName]: readonly [string, string],
): Feeds {
  const tokens = new Int32Array(batchSize * sequenceLength).fill(padToken);
  const mask = new Float32Array(tokens.length);
  for (const [row, ids] of rows.entries()) {
    tokens.set(ids, row * sequenceLength);
    mask.fill(1, row * sequenceLength, row * sequenceLength + ids.length);
  }
  const dims = [batchSize, sequenceLength];
  return { [tokensName]: integers(tokens, dims), [maskName]: floats(mask, dims) };
}
