/**
 * Which stretches of a text may answer a question, and what is seen of each: how it is written, what stands around it, and how
 * that fits the question (after the features of Rajpurkar et al. 2016, §5, without a parser).
 */
import { type TextToken, textTokens } from '../text-tokens.js';

export interface Candidate {
  /** UTF-16 units in the context, the last not included. */
  readonly start: number;
  readonly end: number;
  /** Values by the feature's name. */
  readonly features: ReadonlyMap<string, number>;
}

export interface Candidates {
  readonly spans: readonly Candidate[];
  /** What speaks for there being no answer. */
  readonly none: ReadonlyMap<string, number>;
}

const SENTENCE_ENDS = new Intl.Segmenter('en', { granularity: 'sentence' });
/** Sentences of a context that are looked at, those that share most with the question. */
const SENTENCES = 6;
/** Tokens of an answer at most. */
const LONGEST = 16;
/** Neighbours that are compared with the question. */
const NEAR = 4;
const MOST_ALIGNED = 6;

const ASKING =
  /\b(?:who|whose|when|where|why|which|what|how many|how much|how long|how)\b|谁|什么时候|何时|哪一年|哪里|哪儿|哪个|哪些|多少|几|为什么|怎么|如何|什么/giu;

interface Question {
  readonly words: readonly string[];
  /** How much each word says: those of many sentences say little. */
  readonly weights: ReadonlyMap<string, number>;
  readonly asks: string;
}

interface Sentence {
  readonly tokens: readonly TextToken[];
  readonly words: readonly string[];
  /** Of the question's weight, the share that stands here. */
  readonly overlap: number;
}

export function candidatesOf(question: string, context: string): Candidates {
  const sentences = Array.from(SENTENCE_ENDS.segment(context), ({ segment, index }) => ({
    tokens: textTokens(segment).map((token) => ({ ...token, start: token.start + index, end: token.end + index })),
  }));
  const asked = readQuestion(
    question,
    sentences.map(({ tokens }) => new Set(tokens.map(wordOf))),
  );
  const read = sentences.map(({ tokens }): Sentence => {
    const words = tokens.map(wordOf);
    return { tokens, words, overlap: overlapOf(asked, new Set(words)) };
  });
  const best = read.map((_, index) => index).sort((a, b) => (read[b]?.overlap ?? 0) - (read[a]?.overlap ?? 0) || a - b);
  const spans = best.slice(0, SENTENCES).flatMap((index, rank) => spansIn(read[index] as Sentence, rank, asked));
  const most = read[best[0] ?? 0]?.overlap ?? 0;
  return {
    spans,
    none: new Map([
      ['none', 1],
      ['none overlap', most],
      [`none asks=${asked.asks}`, 1],
    ]),
  };
}

const wordOf = ({ text }: TextToken): string => text.toLowerCase();

function readQuestion(question: string, sentences: readonly ReadonlySet<string>[]): Question {
  const words = textTokens(question).map(wordOf);
  const weights = new Map<string, number>();
  for (const word of words) {
    if (!/[\p{L}\p{N}]/u.test(word)) continue;
    const holding = sentences.filter((of) => of.has(word)).length;
    weights.set(word, Math.log(1 + sentences.length / (0.5 + holding)));
  }
  const asks = question.match(ASKING)?.[0]?.toLowerCase() ?? '';
  return { words, weights, asks };
}

function overlapOf({ weights }: Question, words: ReadonlySet<string>): number {
  let [shared, total] = [0, 0];
  for (const [word, weight] of weights) {
    total += weight;
    if (words.has(word)) shared += weight;
  }
  return total === 0 ? 0 : shared / total;
}

const isSign = (word: string | undefined): boolean => word !== undefined && !/[\p{L}\p{N}]/u.test(word);

function spansIn(sentence: Sentence, rank: number, asked: Question): Candidate[] {
  const { tokens, words } = sentence;
  const spans: Candidate[] = [];
  for (let first = 0; first < tokens.length; first++) {
    if (!mayBegin(words, first)) continue;
    const aligned = alignedBefore(words, first, asked);
    for (let last = first; last < Math.min(tokens.length, first + LONGEST); last++) {
      if (!mayEnd(words, last)) continue;
      const features = featuresOf(sentence, { first, last, rank, aligned }, asked);
      spans.push({ start: (tokens[first] as TextToken).start, end: (tokens[last] as TextToken).end, features });
    }
  }
  return spans;
}

/** A path and a quotation begin with a sign; a comma begins nothing. */
const mayBegin = (words: readonly string[], at: number): boolean =>
  !isSign(words[at]) || /[/~.$#<@+-]/u.test(words[at] ?? '');
const mayEnd = (words: readonly string[], at: number): boolean =>
  !isSign(words[at]) || /[/%+>*-]/u.test(words[at] ?? '');

/** For every word of the question, how many words before it are those before the span. */
function alignedBefore(words: readonly string[], first: number, { words: asked }: Question): number[] {
  return asked.map((_, at) => {
    let length = 0;
    while (length < MOST_ALIGNED && at - 1 - length >= 0 && asked[at - 1 - length] === words[first - 1 - length])
      length++;
    return length;
  });
}

interface Place {
  readonly first: number;
  readonly last: number;
  readonly rank: number;
  readonly aligned: readonly number[];
}

function featuresOf(
  { tokens, words, overlap }: Sentence,
  { first, last, rank, aligned }: Place,
  asked: Question,
): Map<string, number> {
  const inside = words.slice(first, last + 1);
  const known = inside.filter((word) => asked.weights.has(word)).length;
  const shape = shapeOf(tokens.slice(first, last + 1).map(({ text }) => text));
  const near = (from: number, count: number): number =>
    words.slice(Math.max(0, from), Math.max(0, from + count)).filter((word) => asked.weights.has(word)).length;
  const [left, right] = [near(first - NEAR, Math.min(NEAR, first)), near(last + 1, NEAR)];
  const gap = Math.max(0, ...aligned.map((before, at) => before + alignedAfter(words, last, asked, at)));
  const features = new Map<string, number>([
    ['overlap', overlap],
    ['known', known / inside.length],
    ['left', left / NEAR],
    ['right', right / NEAR],
    ['gap', gap / MOST_ALIGNED],
    [`rank=${rank}`, 1],
    [`gap=${Math.min(gap, 5)}`, 1],
    [`length=${Math.min(inside.length, 8)}`, 1],
    [`shape=${shape}`, 1],
    [`asks=${asked.asks} shape=${shape}`, 1],
    [`known=${known === 0 ? 'none' : known === inside.length ? 'all' : 'some'}`, 1],
    [`before=${edgeOf(words[first - 1])}`, 1],
    [`after=${edgeOf(words[last + 1])}`, 1],
    [`edges=${edgeOf(words[first - 1])} ${edgeOf(words[last + 1])}`, 1],
    [`signs=${Math.min(inside.filter(isSign).length, 4)}`, 1],
  ]);
  const touches = tokens[last]?.end === tokens[last + 1]?.start || tokens[first - 1]?.end === tokens[first]?.start;
  if (touches && !/\p{Script=Han}/u.test(inside.join(''))) features.set('cut out of a run', 1);
  return features;
}

/** From a word of the question, or the one behind it where a word asks, how many are those behind the span. */
function alignedAfter(words: readonly string[], last: number, { words: asked }: Question, at: number): number {
  const from = (start: number): number => {
    let length = 0;
    while (length < MOST_ALIGNED && start + length < asked.length && asked[start + length] === words[last + 1 + length])
      length++;
    return length;
  };
  return Math.max(from(at), from(at + 1), from(at + 2));
}

const edgeOf = (word: string | undefined): string => (word === undefined ? '∎' : isSign(word) ? word : 'word');

const MAX_SHAPE = 6;

/** `Aa 0`: what a stretch is written in. */
function shapeOf(tokens: readonly string[]): string {
  const shapes = tokens.map((token) =>
    token
      .replaceAll(/\p{Lu}/gu, 'A')
      .replaceAll(/\p{Ll}/gu, 'a')
      .replaceAll(/\p{N}/gu, '0')
      .replaceAll(/\p{Script=Han}/gu, '汉')
      .replaceAll(/(.)\1+/gu, '$1'),
  );
  const joined = shapes.filter((shape, index) => shape !== shapes[index - 1]);
  return joined.length > MAX_SHAPE ? 'long' : joined.join(' ');
}
