/**
 * Masked-language modelling (Devlin et al. 2018, §3.1): some tokens are hidden, and the model says what they were. Only
 * the hidden places pass through the head, the costliest part of a small model with a large vocabulary.
 */
import type { Rng } from '../../base/rng.js';
import { mul } from '../graph/ops/arithmetic.js';
import { gather } from '../graph/ops/indexing.js';
import { crossEntropy } from '../graph/ops/normalize.js';
import { reshape, sum } from '../graph/ops/reshape.js';
import { input } from '../graph/tensor.js';
import type { EncoderModel } from '../models/model.js';
import { sizeAt } from '../models/model.js';
import { type Value, floats, integers } from '../runtime/program.js';
import type { BuildObjective } from './objective.js';

export interface MaskedShape {
  readonly batchSize: number;
  readonly sequenceLength: number;
  /** Hidden places of a whole batch at most. */
  readonly maskedCount: number;
}

/**
 * Feeds, as `maskTokens` makes them: `tokens` and `mask` `[batchSize, sequenceLength]`, and for each hidden place where it
 * is in the flattened batch, what stood there, and its weight: `places`, `targets` and `weights` `[maskedCount]`.
 * @throws RangeError for a model without the head
 */
export function maskedLanguageObjective(model: EncoderModel, shape: MaskedShape): BuildObjective {
  const { batchSize, sequenceLength, maskedCount } = shape;
  return (parameters, pass) => {
    const tokens = input('tokens', [batchSize, sequenceLength], 'int64');
    const mask = input('mask', [batchSize, sequenceLength]);
    const places = input('places', [maskedCount], 'int64');
    const targets = input('targets', [maskedCount], 'int64');
    const weights = input('weights', [maskedCount]);
    const hidden = model.encode(parameters, { tokens, mask }, pass); // [batch, time, width]
    const rows = reshape(hidden, [batchSize * sequenceLength, sizeAt(hidden.shape, -1)]);
    const logits = model.maskedLogits?.(parameters, gather(rows, places)); // [maskedCount, vocabulary]
    if (logits === undefined) throw new RangeError('the model has no head for masked tokens');
    const loss = sum(mul(crossEntropy(logits, targets), weights));
    return { inputs: [tokens, mask, places, targets, weights], loss };
  };
}

export interface MaskingRules {
  /** Stands for a hidden token, four times of five. */
  readonly maskToken: number;
  readonly padToken: number;
  /** Ids from which a wrong token is drawn, one time of ten. */
  readonly vocabularySize: number;
  /** Never hidden: `[CLS]`, `[SEP]`. */
  readonly kept: ReadonlySet<number>;
  /** Of the tokens that may be hidden; BERT's 0.15. */
  readonly share: number;
  /** Numbers a row's words, to be hidden whole; tokens are hidden one by one without it. */
  readonly findWords?: (row: readonly number[]) => readonly number[];
}

/**
 * Hides tokens of a batch at random: of the chosen places four in five show the mask, one in ten a random token, one in ten
 * what was there, so that the model cannot rely on seeing the mask.
 * @param rows token ids, each at most `sequenceLength` long; `shape.maskedCount` bounds how many are chosen
 */
export function maskTokens(
  rows: readonly (readonly number[])[],
  { batchSize, sequenceLength, maskedCount }: MaskedShape,
  rules: MaskingRules,
  rng: Rng,
): Record<string, Value> {
  const tokens = new Int32Array(batchSize * sequenceLength).fill(rules.padToken);
  const mask = new Float32Array(batchSize * sequenceLength);
  for (const [row, ids] of rows.entries()) {
    tokens.set(ids, row * sequenceLength);
    mask.fill(1, row * sequenceLength, row * sequenceLength + ids.length);
  }
  const words = wordsToHide(rows, sequenceLength, rules);
  const chosen = chooseWords(rng.shuffle(words), maskedCount, rules.share);
  const count = chosen.length;
  const places = new Int32Array(maskedCount);
  const targets = new Int32Array(maskedCount);
  for (const [index, place] of chosen.entries()) {
    places[index] = place;
    targets[index] = tokens[place] as number;
    const fate = rng.uniform();
    if (fate < 0.8) tokens[place] = rules.maskToken;
    else if (fate < 0.9) tokens[place] = rng.below(rules.vocabularySize);
  }
  const size = [batchSize, sequenceLength];
  return {
    tokens: integers(tokens, size),
    mask: floats(mask, size),
    places: integers(places, [maskedCount]),
    targets: integers(targets, [maskedCount]),
    weights: floats(new Float32Array(maskedCount).fill(1 / count, 0, count), [maskedCount]),
  };
}

/** Places in the flattened batch that are hidden together. */
function wordsToHide(
  rows: readonly (readonly number[])[],
  sequenceLength: number,
  { kept, findWords }: MaskingRules,
): number[][] {
  return rows.flatMap((ids, row) => {
    const numbers = findWords?.(ids);
    const words: number[][] = [];
    let before: number | undefined;
    for (const [column, id] of ids.entries()) {
      const number = numbers?.[column];
      const place = row * sequenceLength + column;
      if (!kept.has(id)) {
        if (number !== undefined && number === before) words.at(-1)?.push(place);
        else words.push([place]);
      }
      before = kept.has(id) ? undefined : number;
    }
    return words;
  });
}

/** As many tokens as the share asks for, or fewer where the next words are longer than what is left. */
function chooseWords(words: readonly number[][], maskedCount: number, share: number): number[] {
  const candidates = words.reduce((sum, { length }) => sum + length, 0);
  const wanted = Math.min(maskedCount, Math.max(1, Math.round(share * candidates)), candidates);
  const chosen: number[] = [];
  for (const word of words) {
    if (chosen.length + word.length <= wanted) chosen.push(...word);
  }
  // a batch of long words alone: a piece of one rather than nothing
  return chosen.length > 0 || wanted === 0 ? chosen : (words[0] ?? []).slice(0, wanted);
}
