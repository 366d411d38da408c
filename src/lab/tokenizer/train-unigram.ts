/**
 * Trains a Unigram language model (Kudo 2018, arXiv:1804.10959) as SentencePiece and Hugging Face's UnigramTrainer do: many
 * frequent substrings at first; by turns their probabilities are estimated (expectation–maximisation over all ways to cut
 * the pieces) and those are dropped whose loss costs least, until as many are left as asked. Deterministic.
 */
import { MoatError } from '../../base/errors.js';
import { countPieces } from './count-pieces.js';
import { COVERAGE, requiredCharacters } from './required-characters.js';
import { type WeightedPieces, createLattice } from './unigram-lattice.js';
import { pruneUnigram } from './unigram-pruning.js';
import { seedPieces } from './unigram-seeds.js';

export interface TrainUnigramOptions {
  /** The 256 bytes and the special tokens included. */
  readonly vocabularySize: number;
  readonly specialTokenCount: number;
  /** Where texts are cut into pieces; default: by GPT-2's pattern. */
  readonly cut?: (text: string) => readonly string[];
  /** Called now and then with the number of pieces that are left. */
  readonly onProgress?: ((pieces: number) => void) | undefined;
}

export interface TrainedUnigram {
  /** Spelling and log-probability: the 256 bytes as `<0x00>` … `<0xFF>`, then the pieces, most probable first. */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
}

const BYTE_COUNT = 256;
/** A byte is worse than any other way; text that spells a byte's token is then never taken for it. */
const BYTE_SCORE = -1e4;
/** After the point; with those before it, fewer than a double holds. */
const SCORE_DIGITS = 10;
/** Of the room for pieces, what single characters may take. */
const CHARACTER_SHARE = 0.6;
/** How much of the pieces a pruning keeps, and by how much the last is larger than what is asked: SentencePiece's numbers. */
const SHRINKING = 0.75;
const SLACK = 1.1;
const ROUNDS = 2;
/** A piece expected fewer times is dropped at once. */
const LEAST_EXPECTED = 0.5;

/**
 * @throws MoatError `vocabulary-too-small` when the vocabulary cannot hold the bytes and ASCII, `corpus-too-small` naming
 *   the largest vocabulary the texts allow
 */
export async function trainUnigram(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainUnigramOptions,
): Promise<TrainedUnigram> {
  const { vocabularySize, specialTokenCount, onProgress } = options;
  const room = vocabularySize - specialTokenCount - BYTE_COUNT;
  const { counts } = await countPieces(texts, options.cut);
  const required = requiredCharacters(counts, Math.floor(room * CHARACTER_SHARE), COVERAGE);
  if (required.length > room) {
    const smallest = specialTokenCount + BYTE_COUNT + required.length;
    throw new MoatError('vocabulary-too-small', `a vocabulary of ${vocabularySize} cannot hold bytes and characters`, {
      fix: `Ask for at least ${smallest} tokens: 256 bytes, ${required.length} characters, ${specialTokenCount} special tokens.`,
    });
  }
  const keep = new Set(required);
  let pieces = seedPieces(counts, keep);
  const wanted = Math.ceil(SLACK * room);
  for (;;) {
    for (let round = 0; round < ROUNDS; round++) pieces = estimate(pieces, counts, keep);
    onProgress?.(pieces.length);
    if (pieces.length <= wanted) break;
    const size = Math.max(wanted, Math.floor(SHRINKING * pieces.length));
    pieces = pruneUnigram(pieces, counts, keep, size);
  }
  return { pieces: [...byteTokens(), ...finish(pieces, keep, room, vocabularySize)] };
}

/** One step of expectation–maximisation. */
function estimate(
  pieces: WeightedPieces,
  counts: ReadonlyMap<string, number>,
  keep: ReadonlySet<string>,
): WeightedPieces {
  const expected = new Float64Array(pieces.length);
  const lattice = createLattice(pieces);
  for (const [text, count] of counts) lattice.addExpected(text, count, expected);
  const kept = pieces.flatMap(([piece], id) => {
    const times = expected[id] as number;
    if (keep.has(piece)) return [[piece, Math.max(times, LEAST_EXPECTED)] as const];
    return times < LEAST_EXPECTED ? [] : [[piece, times] as const];
  });
  const total = kept.reduce((sum, [, times]) => sum + times, 0);
  // the digamma function in place of the logarithm favours few pieces (Liang & Klein 2007)
  const logTotal = digamma(total);
  return kept.map(([piece, times]) => [piece, digamma(times) - logTotal] as const);
}

/** The most probable pieces, those that must be there among them. */
function finish(
  pieces: WeightedPieces,
  keep: ReadonlySet<string>,
  room: number,
  vocabularySize: number,
): (readonly [string, number])[] {
  if (pieces.length < room) throw tooSmall(vocabularySize, vocabularySize - room + pieces.length);
  const sorted = [...pieces].sort(([a, scoreA], [b, scoreB]) => scoreB - scoreA || (a < b ? -1 : 1));
  const others = sorted.filter(([piece]) => !keep.has(piece)).slice(0, room - keep.size);
  const chosen = new Set([...keep, ...others.map(([piece]) => piece)]);
  return sorted.flatMap(([piece, score]) => (chosen.has(piece) ? [[piece, rounded(score)] as const] : []));
}

/**
 * To so few digits that every reader of JSON gets the same double: the reference's is off by the last bit on longer ones, and
 * then prefers another of two ways that are equally probable.
 */
function rounded(score: number): number {
  return Number(score.toFixed(SCORE_DIGITS));
}

function byteTokens(): (readonly [string, number])[] {
  return Array.from({ length: BYTE_COUNT }, (_, byte) => {
    return [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, BYTE_SCORE] as const;
  });
}

function tooSmall(wanted: number, possible: number): MoatError {
  return new MoatError(
    'corpus-too-small',
    `the texts allow a vocabulary of at most ${possible} tokens, ${wanted} are wanted`,
    { fix: `Set tokenizer.vocabularySize to ${possible} or less, or add text.` },
  );
}

/** The derivative of the logarithm of the gamma function, by recurrence and its asymptotic series; for x > 0. */
function digamma(x: number): number {
  let shift = 0;
  let z = x;
  for (; z < 7; z++) shift -= 1 / z;
  const half = z - 0.5;
  const square = 1 / (half * half);
  const series = square * (1 / 24 - square * (7 / 960 - square * (31 / 8064 - square * (127 / 30720))));
  return shift + Math.log(half) + series;
}
