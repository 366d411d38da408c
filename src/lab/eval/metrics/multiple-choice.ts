/**
 * Multiple choice and perplexities from log-likelihoods, with the definitions of lm-evaluation-harness. Knows no model: what
 * a model gives each choice are numbers here.
 */
import { bitsPerByte, perplexity } from '../bits-per-byte.js';
import { meanOf, standardError } from './intervals.js';

export interface Choice {
  /** As it stands after the question, without the blank that joins them. */
  readonly text: string;
  /** ln P(choice | question), summed over its tokens. */
  readonly logLikelihood: number;
  /** ln P(choice) without the question; needed for `accMutualInfo` alone. */
  readonly unconditional?: number;
}

export interface ChoiceItem {
  readonly choices: readonly Choice[];
  /** Number of the right choice, or of several that are right. */
  readonly gold: number | readonly number[];
}

export interface ChoiceScores {
  /** The likeliest choice is right. */
  readonly acc: number;
  /** As `acc`, by log-likelihood ÷ characters (code points), so that short choices have no advantage. */
  readonly accNorm: number;
  /** As `acc`, by log-likelihood ÷ UTF-8 bytes. */
  readonly accBytes: number;
  /** As `acc`, by ln P(choice | question) − ln P(choice) (Holtzman et al. 2021); undefined without the latter. */
  readonly accMutualInfo?: number;
}

const utf8 = new TextEncoder();

/** Number of the largest; of equal ones the first, as numpy's argmax. */
function largest(values: readonly number[]): number {
  let best = 0;
  for (const [index, value] of values.entries()) if (value > (values[best] as number)) best = index;
  return best;
}

/** Which choice each way to choose takes, by its number. */
export interface Chosen {
  readonly acc: number;
  readonly accNorm: number;
  readonly accBytes: number;
  readonly accMutualInfo?: number;
}

/** @throws RangeError without choices, for a log-likelihood that is no number of 0 or less, and for an empty choice */
export function choose(choices: readonly Choice[]): Chosen {
  if (choices.length === 0) throw new RangeError('the item has no choices');
  for (const [index, { text, logLikelihood, unconditional = 0 }] of choices.entries()) {
    if (text === '') throw new RangeError(`choice ${index} is empty`);
    if (!(logLikelihood <= 0) || !(unconditional <= 0))
      throw new RangeError(`choice ${index} has no log-likelihood of 0 or less`);
  }
  const hasPrior = choices.every(({ unconditional }) => unconditional !== undefined);
  return {
    acc: largest(choices.map(({ logLikelihood }) => logLikelihood)),
    accNorm: largest(choices.map(({ logLikelihood, text }) => logLikelihood / [...text].length)),
    accBytes: largest(choices.map(({ logLikelihood, text }) => logLikelihood / utf8.encode(text).length)),
    ...(hasPrior
      ? { accMutualInfo: largest(choices.map(({ logLikelihood, unconditional = 0 }) => logLikelihood - unconditional)) }
      : {}),
  };
}

/**
 * 1 or 0 for each way to choose.
 * @throws RangeError as `choose`, and for a right choice that is not among them
 */
export function scoreChoices({ choices, gold }: ChoiceItem): ChoiceScores {
  const right = typeof gold === 'number' ? [gold] : gold;
  if (choices.length > 0 && (right.length === 0 || right.some((index) => choices[index] === undefined)))
    throw new RangeError(`right choice ${right.join(', ')} is not among 0 to ${choices.length - 1}`);
  const { acc, accNorm, accBytes, accMutualInfo } = choose(choices);
  const isRight = (chosen: number): number => Number(right.includes(chosen));
  return {
    acc: isRight(acc),
    accNorm: isRight(accNorm),
    accBytes: isRight(accBytes),
    ...(accMutualInfo === undefined ? {} : { accMutualInfo: isRight(accMutualInfo) }),
  };
}

export interface MeanWithError {
  readonly mean: number;
  /** NaN for one item. */
  readonly standardError: number;
}

export interface ChoiceReport {
  readonly count: number;
  readonly acc: MeanWithError;
  readonly accNorm: MeanWithError;
  readonly accBytes: MeanWithError;
  /** Only where every choice of every item has its likelihood without the question. */
  readonly accMutualInfo?: MeanWithError;
}

/** Means over items with their standard errors. @throws RangeError as `scoreChoices`, and without items */
export function multipleChoice(items: readonly ChoiceItem[]): ChoiceReport {
  if (items.length === 0) throw new RangeError('no multiple-choice items to score');
  const scores = items.map(scoreChoices);
  const summary = (values: readonly number[]): MeanWithError => ({
    mean: meanOf(values),
    standardError: standardError(values),
  });
  const mutual = scores.flatMap(({ accMutualInfo }) => accMutualInfo ?? []);
  return {
    count: items.length,
    acc: summary(scores.map(({ acc }) => acc)),
    accNorm: summary(scores.map(({ accNorm }) => accNorm)),
    accBytes: summary(scores.map(({ accBytes }) => accBytes)),
    ...(mutual.length === items.length ? { accMutualInfo: summary(mutual) } : {}),
  };
}

export interface ScoredText {
  /** ln P of the whole text, summed over its tokens. */
  readonly logLikelihood: number;
  /** Of the text before any detokenisation, separated by white space. */
  readonly words: number;
  /** UTF-8 bytes of the same text. */
  readonly bytes: number;
}

export interface Perplexities {
  /** exp(−mean log-likelihood of a text), as the harness's `perplexity`. */
  readonly perText: number;
  /** exp(−Σ log-likelihood ÷ Σ words): `word_perplexity`. */
  readonly perWord: number;
  /** exp(−Σ log-likelihood ÷ Σ bytes): `byte_perplexity`. */
  readonly perByte: number;
  readonly bitsPerByte: number;
}

/** Perplexities of a corpus; only those per word and byte compare models with different tokenizers. @throws RangeError without texts */
export function corpusPerplexities(texts: readonly ScoredText[]): Perplexities {
  if (texts.length === 0) throw new RangeError('no texts to take the perplexity of');
  const sum = (of: (text: ScoredText) => number): number => texts.reduce((total, text) => total + of(text), 0);
  const nats = -sum(({ logLikelihood }) => logLikelihood);
  const bytes = sum((text) => text.bytes);
  return {
    perText: perplexity(nats, texts.length),
    perWord: perplexity(
      nats,
      sum(({ words }) => words),
    ),
    perByte: perplexity(nats, bytes),
    bitsPerByte: bitsPerByte(nats, bytes),
  };
}
