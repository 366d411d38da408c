/**
 * Trains a WordPiece vocabulary as Hugging Face's WordPieceTrainer does: merges are learned as in BPE, on the characters of
 * words in which all but the first carry the prefix `##`; only the vocabulary is kept. Deterministic.
 */
import { MoatError } from '../../base/errors.js';
import { countPieces } from './count-pieces.js';
import { learnMerges, type Pieces } from './learn-merges.js';
import { createNormalize, type Normalizer } from './normalizer.js';
import { requiredCharacters } from './required-characters.js';
import { splitWords } from './wordpiece-text.js';

export interface TrainWordPieceOptions {
  /** The special tokens and the characters included. */
  readonly vocabularySize: number;
  /** They take the first ids. */
  readonly specialTokens: readonly string[];
  readonly normalizer: Normalizer;
  /** Called now and then with the number of tokens so far. */
  readonly onProgress?: ((tokens: number) => void) | undefined;
}

export const CONTINUING_PREFIX = '##';
/** Of the room beside ASCII, what other characters may take while there is enough to merge. */
const CHARACTER_SHARE = 0.6;

/** The 94 printable characters, as they begin a word and inside one: they are always there. */
const ASCII_SPELLINGS = 188;

/**
 * @returns the tokens; index = id
 * @throws MoatError `vocabulary-too-small`, `corpus-too-small` naming the largest vocabulary the texts allow
 */
export async function trainWordPiece(
  texts: AsyncIterable<string> | Iterable<string>,
  { vocabularySize, specialTokens, normalizer, onProgress }: TrainWordPieceOptions,
): Promise<readonly string[]> {
  const normalize = createNormalize(normalizer);
  const { counts } = await countPieces(texts, (text) => splitWords(normalize(text)));
  const learn = (most: number): readonly string[] => {
    const spellings = [...specialTokens, ...spelledCharacters(counts, most)];
    if (spellings.length > vocabularySize) throw tooSmall(vocabularySize, spellings.length);
    learnMerges(layOut(counts, spellings), { spellings, join, vocabularySize, onProgress });
    return spellings;
  };
  const room = Math.max(0, vocabularySize - specialTokens.length - ASCII_SPELLINGS);
  try {
    return learn(ASCII_SPELLINGS + Math.floor(room * CHARACTER_SHARE));
  } catch (error) {
    if (!(error instanceof MoatError) || error.code !== 'corpus-too-small') throw error;
    // little to merge, as in Chinese, where a character is a word: then more of them
    return learn(ASCII_SPELLINGS + room);
  }
}

const join = (left: string, right: string): string => left + right.slice(CONTINUING_PREFIX.length);

function tooSmall(wanted: number, smallest: number): MoatError {
  return new MoatError('vocabulary-too-small', `a vocabulary of ${wanted} cannot hold the characters`, {
    fix: `Ask for at least ${smallest} tokens.`,
  });
}

/**
 * The most frequent characters, each as it begins a word and, where it was seen there or is ASCII, as it stands inside one:
 * Chinese characters are words of their own.
 * @param most never more spellings than these; ASCII is always among them
 */
function spelledCharacters(counts: ReadonlyMap<string, number>, most: number): string[] {
  const inside = new Set<string>();
  for (const word of counts.keys()) for (const character of [...word].slice(1)) inside.add(character);
  const initial: string[] = [];
  const continuing: string[] = [];
  // unlike with bytes to fall back on, a character left out is a word lost: as many as there is room for
  for (const character of requiredCharacters(counts, most, 1)) {
    if (character.trim() === '') continue;
    const isAscii = character.length === 1 && character < '\x7f';
    const left = most - initial.length - continuing.length;
    if (!isAscii && left <= 0) break;
    initial.push(character);
    if (isAscii || (inside.has(character) && left >= 2)) continuing.push(CONTINUING_PREFIX + character);
  }
  return [...initial, ...continuing];
}

/** Words with a character that the vocabulary lacks teach nothing. */
function layOut(counts: ReadonlyMap<string, number>, spellings: readonly string[]): Pieces {
  const idOf = new Map(spellings.map((spelling, id) => [spelling, id]));
  const words: { readonly ids: readonly number[]; readonly count: number }[] = [];
  let total = 0;
  for (const [word, count] of counts) {
    const ids = Array.from(word, (character, index) =>
      idOf.get(index === 0 ? character : CONTINUING_PREFIX + character),
    );
    if (!ids.every((id) => id !== undefined)) continue;
    words.push({ ids, count });
    total += ids.length;
  }
  const pieces: Pieces = {
    symbols: new Int32Array(total),
    starts: new Int32Array(words.length),
    lengths: Int32Array.from(words, ({ ids }) => ids.length),
    counts: Float64Array.from(words, ({ count }) => count),
  };
  let start = 0;
  for (const [index, { ids }] of words.entries()) {
    pieces.starts[index] = start;
    pieces.symbols.set(ids, start);
    start += ids.length;
  }
  return pieces;
}
