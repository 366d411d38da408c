/**
 * What an encoder learns from plain text, as one graph: hidden tokens, hidden tokens in any order, whether one text follows
 * another, and vectors that lie close for the same text. Each prediction is a number of nats, and the loss their sum by
 * `weights`, which the rows bring along.
 */
import { MoatError } from '../../../base/errors.js';
import type { Dim } from '../../graph/dims.js';
import { add, div, exp, log, maximum, mul, neg, scale, sqrt, sub } from '../../graph/ops/arithmetic.js';
import { gather } from '../../graph/ops/indexing.js';
import { concat, slice } from '../../graph/ops/layout.js';
import { matmul } from '../../graph/ops/matmul.js';
import { crossEntropy } from '../../graph/ops/normalize.js';
import { reshape, sum } from '../../graph/ops/reshape.js';
import { type Tensor, constant, input, scalar } from '../../graph/tensor.js';
import { type EncoderModel, type Parameters, type Pass, sizeAt } from '../../models/model.js';
import type { BatchShape } from '../language-objective.js';
import type { BuildObjective } from '../objective.js';
import type { ObjectiveShares } from './objectives.js';

/** BERT's share of hidden tokens. */
export const MASKED_SHARE = 0.15;
/** Removed words of a row at most that count as right for membership. */
export const MEMBER_LIMIT = 64;
/** SimCSE's. */
const TEMPERATURE = 0.05;
/** e to a higher power is no number of 32 bits any more. */
const LARGEST_EXPONENT = 80;

/** Predictions of each kind in a batch, in the order of `weights`; 0 for what is not learned. */
export interface PredictionCounts {
  readonly masked: number;
  readonly membership: number;
  readonly follows: number;
  readonly contrastive: number;
}

/** Hidden places of a batch at most. */
export function maskedCountOf({ batchSize, sequenceLength }: BatchShape): number {
  return Math.max(1, Math.round(batchSize * sequenceLength * MASKED_SHARE));
}

export function predictionCounts(shape: BatchShape, shares: ObjectiveShares): PredictionCounts {
  const where = (share: number | undefined, count: number): number => ((share ?? 0) > 0 ? count : 0);
  const hidden = maskedCountOf(shape);
  return {
    masked: where(shares.masked, hidden),
    membership: where(shares.membership, hidden),
    follows: where((shares.order ?? 0) + (shares['next-sentence'] ?? 0), shape.batchSize),
    contrastive: where(shares.contrastive, shape.batchSize),
  };
}

/**
 * Feeds, as `encoderRows` makes them: `tokens` and `mask` `[batch, time]`; where tokens are hidden `places` and `targets`
 * `[hidden]`; for membership `members` and `memberMask` `[hidden, MEMBER_LIMIT]`, where in the
 * flattened logits `[hidden · vocabulary]` the words stand that are right at a place, its own first;
 * for pairs `types` `[batch, time]` and `follows` `[batch]` (0: the second text follows the first); for SimCSE `sentences` and
 * `sentenceMask` `[batch, time]`; and `weights`, one a prediction.
 * @throws MoatError `objective-not-for-model` for a model without the head, or without dropout where that is what is learned
 */
export function encoderObjective(model: EncoderModel, shape: BatchShape, shares: ObjectiveShares): BuildObjective {
  const counts = predictionCounts(shape, shares);
  return (parameters, pass) => {
    const parts = [
      ...(counts.masked + counts.membership + counts.follows > 0
        ? [readPart({ model, shape, counts, parameters, pass })]
        : []),
      ...(counts.contrastive > 0 ? [contrastivePart(model, shape, parameters, pass)] : []),
    ];
    const nats = parts.flatMap((part) => part.nats);
    const weights = input('weights', [nats.reduce((total, { shape: [size] }) => total + (size as number), 0)]);
    const loss = sum(mul(nats.length === 1 ? (nats[0] as Tensor) : concat(nats, 0), weights));
    return { inputs: [...parts.flatMap(({ inputs }) => inputs), weights], loss };
  };
}

interface Part {
  readonly inputs: readonly Tensor[];
  /** `[predictions]` each. */
  readonly nats: readonly Tensor[];
}

interface Reading {
  readonly model: EncoderModel;
  readonly shape: BatchShape;
  readonly counts: PredictionCounts;
  readonly parameters: Parameters;
  readonly pass: Pass;
}

/** What is learned from rows some of whose tokens are hidden: one pass of the encoder for all of it. */
function readPart(reading: Reading): Part {
  const { model, shape, counts, parameters, pass } = reading;
  const { batchSize, sequenceLength } = shape;
  const tokens = input('tokens', [batchSize, sequenceLength], 'int64');
  const mask = input('mask', [batchSize, sequenceLength]);
  const types = input('types', [batchSize, sequenceLength], 'int64');
  const isPaired = counts.follows > 0;
  const hidden = model.encode(parameters, { tokens, mask, ...(isPaired ? { tokenTypes: types } : {}) }, pass);
  const parts = [
    ...(counts.masked + counts.membership > 0 ? [hiddenPart(reading, hidden)] : []),
    ...(isPaired ? [followsPart(model, hidden, batchSize, parameters)] : []),
  ];
  return {
    inputs: [tokens, mask, ...(isPaired ? [types] : []), ...parts.flatMap(({ inputs }) => inputs)],
    nats: parts.flatMap(({ nats }) => nats),
  };
}

/** Devlin et al. 2018, §3.1, task 1: −log p(the word that stood there); and the same of any word that was removed. */
function hiddenPart({ model, shape, counts, parameters }: Reading, hidden: Tensor): Part {
  const hiddenCount = Math.max(counts.masked, counts.membership);
  const places = input('places', [hiddenCount], 'int64');
  const targets = input('targets', [hiddenCount], 'int64');
  const rows = reshape(hidden, [shape.batchSize * shape.sequenceLength, sizeAt(hidden.shape, -1)]);
  const logits = model.maskedLogits?.(parameters, gather(rows, places)); // [hidden, vocabulary]
  if (logits === undefined) throw lacksHead('for hidden tokens');
  const exact = crossEntropy(logits, targets); // [hidden]
  if (counts.membership === 0) return { inputs: [places, targets], nats: [exact] };
  const members = input('members', [hiddenCount, MEMBER_LIMIT], 'int64');
  const memberMask = input('memberMask', [hiddenCount, MEMBER_LIMIT]);
  const flat = reshape(logits, [hiddenCount * model.config.vocab_size]);
  const right = gather(flat, members); // [hidden, members], its own word first
  const odds = oddsOf(sub(right, slice(right, 1, 0, 1)), memberMask);
  return {
    inputs: [places, targets, members, memberMask],
    nats: [...(counts.masked > 0 ? [exact] : []), sub(exact, odds)],
  };
}

/**
 * How much likelier one of the members is than the target alone: log Σ_w e^(l_w − l_target), 0 or more, as the target is a
 * member. Taken from −log p(target) it leaves −log Σ_w p(w), without a probability that could be too small for its type.
 */
function oddsOf(differences: Tensor, memberMask: Tensor): Tensor {
  const bounded = neg(maximum(neg(differences), scalar(-LARGEST_EXPONENT)));
  return log(sum(mul(exp(bounded), memberMask), [1]));
}

/** Devlin et al. 2018, §3.1, task 2; Lan et al. 2019 (arXiv:1909.11942), §3.1, with the same head. */
function followsPart(model: EncoderModel, hidden: Tensor, batchSize: number, parameters: Parameters): Part {
  const follows = input('follows', [batchSize], 'int64');
  const pooled = model.pool?.(parameters, hidden); // [batch, width]
  const logits = pooled && model.nextSentenceLogits?.(parameters, pooled); // [batch, 2]
  if (logits === undefined) throw lacksHead('for pairs of texts');
  return { inputs: [follows], nats: [crossEntropy(logits, follows)] };
}

/**
 * SimCSE (Gao et al. 2021, arXiv:2104.08821), §3: each sentence is read twice, and dropout alone makes the difference;
 * −log e^(cos(h, h⁺) / τ) / Σ_j e^(cos(h, h_j⁺) / τ) over the batch.
 */
function contrastivePart(model: EncoderModel, shape: BatchShape, parameters: Parameters, pass: Pass): Part {
  const { batchSize, sequenceLength } = shape;
  requireOthers(batchSize, 'contrastive');
  const tokens = input('sentences', [batchSize, sequenceLength], 'int64');
  const mask = input('sentenceMask', [batchSize, sequenceLength]);
  let drops = false;
  const watched: Pass = {
    ...pass,
    dropout(x, probability) {
      drops ||= probability > 0;
      return pass.dropout(x, probability);
    },
  };
  const read = (): Tensor => meanDirection(model.encode(parameters, { tokens, mask }, watched), mask);
  const [once, again] = [read(), read()];
  if (pass.training && !drops) {
    throw new MoatError('objective-not-for-model', 'train.objective: "contrastive" learns from dropout alone', {
      fix: 'Set model.dropout to 0.1.',
    });
  }
  const cosines = matmul(once, again, { transposeB: true }); // [batch, batch]
  const own = constant(
    BigInt64Array.from({ length: batchSize }, (_, row) => BigInt(row)),
    [batchSize],
    'int64',
  );
  return { inputs: [tokens, mask], nats: [crossEntropy(scale(cosines, 1 / TEMPERATURE), own)] };
}

/** The mean over the tokens of a text, of length 1, as `moat embed` makes vectors. @returns `[batch, width]` */
function meanDirection(hidden: Tensor, mask: Tensor): Tensor {
  const [batch, time, width] = [0, 1, 2].map((axis) => sizeAt(hidden.shape, axis)) as [Dim, Dim, Dim];
  const total = reshape(matmul(reshape(mask, [batch, 1, time]), hidden), [batch, width]);
  const length = sqrt(add(sum(mul(total, total), [1], true), scalar(1e-12)));
  return div(total, length);
}

/** @throws MoatError `objective-not-for-model` where a batch has one text only */
export function requireOthers(batchSize: number, name: string): void {
  if (batchSize > 1) return;
  throw new MoatError('objective-not-for-model', `train.objective: "${name}" needs two texts in a batch at least`, {
    fix: 'Raise train.batchSize, or train.memoryLimit if it made the batch smaller.',
  });
}

function lacksHead(what: string): MoatError {
  return new MoatError('objective-not-for-model', `train.objective: the model has no head ${what}`, {
    fix: 'Set "architectures" in its config.json to ["BertForPreTraining"], which has both.',
  });
}
