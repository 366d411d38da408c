/**
 * Generation by masked insertion: a text grows word by word from a model that fills gaps. At every step masks for all that is
 * missing are put between two words, between any two in turn, and the place and word of highest probability is taken, among
 * words not used yet; until the text is as long as asked. 我是一名程序员 becomes 我是一名优秀的程序员. (With one mask at a time the model
 * reads texts that nobody would write, as a phrase of three words has no beginning of one: it then prefers to break words up.)
 */
import { MoatError } from '../../base/errors.js';
import { mul } from '../graph/ops/arithmetic.js';
import { gather, topK } from '../graph/ops/indexing.js';
import { softmax } from '../graph/ops/normalize.js';
import { reshape } from '../graph/ops/reshape.js';
import { constant, input, projection } from '../graph/tensor.js';
import { type EncoderModel, INFERENCE, sizeAt } from '../models/model.js';
import { type CompileOptions, type Program, compile, integers } from '../runtime/program.js';
import { type Tokenizer, loadTokenizer } from '../tokenizer/tokenizer.js';
import { type FindWords, createWordFinder } from '../train/objectives/whole-words.js';
import { readEncoder, readEncoderWeights } from './load-encoder.js';

export interface Insertion {
  readonly word: string;
  /** How many tokens stood before it. */
  readonly position: number;
  /** The model's for the word at this place, 0 … 1. */
  readonly probability: number;
  /** The whole text with it. */
  readonly text: string;
}

export interface InsertionOptions extends CompileOptions {
  /** Tokens of the finished text; for Chinese, characters. */
  readonly length: number;
  readonly signal?: AbortSignal;
}

/** Gaps tried in one run of the program. */
const BATCH_GAPS = 16;
/** `[CLS]` and `[SEP]`. */
const FRAME = 2;

/**
 * @param folder a model with a head for masked tokens: `config.json`, `tokenizer.json`, `model.safetensors`
 * @yields each word as it is inserted; ends early where no word is left
 * @throws MoatError `not-an-encoder`, `no-masked-head`, `bad-length` where the text has as many tokens already or the model
 *   cannot read so many
 */
export async function* insertWords(
  folder: string,
  text: string,
  { length, signal, ...compiling }: InsertionOptions,
): AsyncGenerator<Insertion> {
  const model = await readEncoder(folder);
  const tokenizer = await loadTokenizer(folder);
  const frame = frameOf(tokenizer, folder);
  let ids = tokenizer.encode(text);
  checkLength(ids.length, length, model.config.max_position_embeddings - FRAME);
  const words = createWords(tokenizer);
  const program = await compileFiller(folder, model, { length, isWord: words.isWord }, compiling);
  try {
    const used = new Set(ids);
    while (ids.length < length) {
      signal?.throwIfAborted();
      const best = await likeliestWord({ program, frame, words, length }, ids, used);
      if (best === undefined) return;
      const { position, token, probability } = best;
      used.add(token);
      ids = [...ids.slice(0, position), token, ...ids.slice(position)];
      yield { word: words.spell(token).trim(), position, probability, text: joinChinese(tokenizer.decode(ids)) };
    }
  } finally {
    await program.close();
  }
}

interface Frame {
  readonly start: number;
  readonly end: number;
  readonly mask: number;
}

function frameOf({ special }: Tokenizer, folder: string): Frame {
  const [start, end, mask] = ['[CLS]', '[SEP]', '[MASK]'].map((name) => special.get(name));
  if (start !== undefined && end !== undefined && mask !== undefined) return { start, end, mask };
  throw new MoatError('no-masked-head', `${folder}: the tokenizer has no [CLS], [SEP] and [MASK]`, {
    fix: 'Take a model that learned masked tokens: BERT, or one of moat train with objective masked.',
  });
}

function checkLength(given: number, wanted: number, most: number): void {
  if (wanted > most) {
    throw new MoatError('bad-length', `${wanted} tokens are more than the ${most} that the model reads`, {
      fix: `Ask for at most ${most}.`,
    });
  }
  if (given >= wanted) {
    throw new MoatError('bad-length', `the text has ${given} tokens already, ${wanted} are asked for`, {
      fix: `Ask for more than ${given}.`,
    });
  }
}

interface Words {
  spell(token: number): string;
  /** Whether a token may be inserted: no special one, no piece of a word. */
  isWord(token: number): boolean;
  /** Numbers the words of a text: nothing may come between two tokens of one. */
  readonly find: FindWords;
}

function createWords(tokenizer: Tokenizer): Words {
  const { tokenBytes, vocabSize, unknown } = tokenizer;
  const spellings = Array.from({ length: vocabSize }, (_, id) => Buffer.from(tokenBytes(id)).toString());
  const spell = (token: number): string => spellings[token] ?? '';
  // as tokens add to a text, the first of a word brings its space along; Chinese is written without
  const continues = /^(?!\p{Script=Han})[\p{L}\p{N}\p{M}\uFFFD]/u;
  return {
    spell,
    isWord: (token) => token !== unknown && spell(token).trim() !== '' && !continues.test(spell(token)),
    find: createWordFinder(tokenizer),
  };
}

/**
 * For each hidden place, `places` in the flattened batch, the likeliest words and their probabilities `[places, length + 1]`: as
 * many as can be used already, and one more.
 */
async function compileFiller(
  folder: string,
  model: EncoderModel,
  { length, isWord }: { readonly length: number; readonly isWord: (token: number) => boolean },
  options: CompileOptions,
): Promise<Program> {
  const weights = await readEncoderWeights(folder, model);
  const time = length + FRAME;
  const tokens = input('tokens', [BATCH_GAPS, time], 'int64');
  const places = input('places', ['places'], 'int64');
  const mask = constant(new Float32Array(BATCH_GAPS * time).fill(1), [BATCH_GAPS, time]);
  const hidden = model.encode(weights, { tokens, mask }, INFERENCE); // [batch, time, width]
  const rows = reshape(hidden, [BATCH_GAPS * time, sizeAt(hidden.shape, -1)]);
  const logits = model.maskedLogits?.(weights, gather(rows, places)); // [places, vocabulary]
  if (logits === undefined) {
    throw new MoatError('no-masked-head', `${folder}: the model has no head for masked tokens`, {
      fix: 'Take one whose config.json says BertForMaskedLM or BertForPreTraining.',
    });
  }
  const vocabulary = model.config.vocab_size;
  const mayStand = Float32Array.from({ length: vocabulary }, (_, token) => (isWord(token) ? 1 : 0));
  const best = topK(mul(softmax(logits), constant(mayStand, [vocabulary])), Math.min(length + 1, vocabulary));
  return compile({ probabilities: best, words: projection(best, 1) }, [tokens, places], options);
}

interface Filler {
  readonly program: Program;
  readonly frame: Frame;
  readonly words: Words;
  readonly length: number;
}

interface Candidate {
  /** Tokens before it. */
  readonly position: number;
  readonly token: number;
  readonly probability: number;
}

/** Of all gaps between words, the first and last included. Of equal ones the first gap wins, and its first place. */
async function likeliestWord(
  filler: Filler,
  ids: readonly number[],
  used: ReadonlySet<number>,
): Promise<Candidate | undefined> {
  const { words, length } = filler;
  const numbers = words.find(ids);
  const gaps = Array.from({ length: ids.length + 1 }, (_, gap) => gap).filter(
    (gap) => gap === 0 || gap === ids.length || numbers[gap] !== numbers[gap - 1],
  );
  const missing = length - ids.length;
  let best: Candidate | undefined;
  for (let start = 0; start < gaps.length; start += BATCH_GAPS) {
    const tried = gaps.slice(start, start + BATCH_GAPS);
    const found = await fillGaps(filler, ids, tried);
    for (const [index, candidates] of found.entries()) {
      const free = candidates.find(({ token }) => !used.has(token));
      if (free === undefined || free.probability <= (best?.probability ?? 0)) continue;
      best = { position: tried[Math.floor(index / missing)] as number, ...free };
    }
  }
  return best;
}

/** @returns for each gap, and in it for each mask, words by falling probability */
async function fillGaps(
  { program, frame: { start, end, mask }, length }: Filler,
  ids: readonly number[],
  gaps: readonly number[],
): Promise<Omit<Candidate, 'position'>[][]> {
  const missing = length - ids.length;
  const hidden = Array.from({ length: missing }, () => mask);
  // a batch is always full, so that the program is made for one size
  const rows = Array.from({ length: BATCH_GAPS }, (_, row) => {
    const gap = gaps[row] ?? 0;
    return [start, ...ids.slice(0, gap), ...hidden, ...ids.slice(gap), end];
  });
  const time = length + FRAME;
  const places = gaps.flatMap((gap, row) => hidden.map((_, index) => row * time + 1 + gap + index));
  const result = await program.run({
    tokens: integers(rows.flat(), [BATCH_GAPS, time]),
    places: integers(places, [places.length]),
  });
  const probabilities = result['probabilities']?.data as Float32Array;
  const words = result['words']?.data as BigInt64Array;
  const each = probabilities.length / places.length;
  return places.map((_, place) =>
    Array.from({ length: each }, (_unused, rank) => ({
      token: Number(words[place * each + rank]),
      probability: probabilities[place * each + rank] as number,
    })),
  );
}

/** WordPiece decodes every Chinese character as a word of its own; Chinese has no spaces. */
function joinChinese(text: string): string {
  return text.replaceAll(/(?<=[\p{Script=Han}，。！？；：、]) (?=[\p{Script=Han}，。！？；：、])/gu, '');
}
