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
/** Of the vocabulary, what single characters may take; a word with another character is unknown. */
const CHARACTER_SHARE = 0.6;

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
  // each may begin a word and stand inside one
  const room = Math.floor(((vocabularySize - specialTokens.length) * CHARACTER_SHARE) / 2);
  const characters = requiredCharacters(counts, room).filter((character) => character.trim() !== '');
  const spellings = [...specialTokens, ...characters, ...characters.map((each) => CONTINUING_PREFIX + each)];
  if (spellings.length > vocabularySize) {
    throw new MoatError('vocabulary-too-small', `a vocabulary of ${vocabularySize} cannot hold the characters`, {
      fix: `Ask for at least ${spellings.length} tokens.`,
    });
  }
  learnMerges(layOut(counts, spellings), {
    spellings,
    join: (left, right) => left + right.slice(CONTINUING_PREFIX.length),
    vocabularySize,
    onProgress,
  });
  return spellings;
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
