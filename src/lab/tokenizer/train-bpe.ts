/**
 * Trains byte-level BPE (Sennrich et al. 2016; bytes as in GPT-2). Equal to `BpeTrainer` of Hugging Face's tokenizers
 * with the byte alphabet given, for any number of texts and in any environment: the most frequent pair is merged first,
 * and of equally frequent pairs the one with the smaller left id, then the smaller right id. Counts are doubles, exact to
 * 2^53. Knows nothing about files.
 */
import { MoatError } from '../../base/errors.js';
import { BYTES_BY_CHARACTER } from './byte-alphabet.js';
import { countPieces } from './count-pieces.js';
import { learnMerges, type Pieces } from './learn-merges.js';

export interface TrainBpeOptions {
  /** Special tokens and the 256 bytes included. */
  readonly vocabularySize: number;
  /** They take the first ids. */
  readonly specialTokenCount: number;
  /** Where texts are cut into pieces; default: by GPT-2's pattern. */
  readonly cut?: (text: string) => readonly string[];
  /** Called now and then with the number of tokens so far. */
  readonly onProgress?: (tokens: number) => void;
}

export interface TrainedBpe {
  /** Bytes of every token; special tokens are empty. Index = id. */
  readonly tokens: readonly Uint8Array[];
  /** Pairs of ids, in order of priority. */
  readonly merges: readonly (readonly [left: number, right: number])[];
}

/**
 * @throws MoatError `vocabulary-too-small` when the vocabulary cannot hold the bytes, `corpus-too-small` naming the
 *   largest vocabulary the texts allow
 */
export async function trainBpe(
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainBpeOptions,
): Promise<TrainedBpe> {
  const { vocabularySize, specialTokenCount } = options;
  const smallest = specialTokenCount + 256;
  if (vocabularySize < smallest) {
    throw new MoatError('vocabulary-too-small', `a vocabulary of ${vocabularySize} cannot hold the 256 bytes`, {
      fix: `Ask for at least ${smallest} tokens: 256 bytes and ${specialTokenCount} special tokens.`,
    });
  }
  const { counts } = await countPieces(texts, options.cut);
  return merged(layOut(counts, specialTokenCount), options);
}

function layOut(counts: ReadonlyMap<string, number>, specialTokenCount: number): Pieces {
  const idOfByte = new Int32Array(256);
  for (const [rank, byte] of BYTES_BY_CHARACTER.entries()) idOfByte[byte] = specialTokenCount + rank;
  let total = 0;
  for (const piece of counts.keys()) total += Buffer.byteLength(piece);
  const pieces: Pieces = {
    symbols: new Int32Array(total),
    starts: new Int32Array(counts.size),
    lengths: new Int32Array(counts.size),
    counts: new Float64Array(counts.size),
  };
  let start = 0;
  let index = 0;
  for (const [piece, count] of counts) {
    const bytes = Buffer.from(piece);
    for (let i = 0; i < bytes.length; i++) pieces.symbols[start + i] = idOfByte[bytes[i] as number] as number;
    pieces.starts[index] = start;
    pieces.lengths[index] = bytes.length;
    pieces.counts[index] = count;
    start += bytes.length;
    index++;
  }
  return pieces;
}

function merged(pieces: Pieces, { vocabularySize, specialTokenCount, onProgress }: TrainBpeOptions): TrainedBpe {
  // spelled byte by byte in Latin-1; special tokens by what no bytes spell
  const spellings = Array.from({ length: specialTokenCount }, (_, id) => `special ${id} \u0100`);
  for (const byte of BYTES_BY_CHARACTER) spellings.push(String.fromCharCode(byte));
  const merges = learnMerges(pieces, { spellings, join: (left, right) => left + right, vocabularySize, onProgress });
  const tokens = spellings.map((spelling, id) =>
    id < specialTokenCount ? new Uint8Array(0) : new Uint8Array(Buffer.from(spelling, 'latin1')),
  );
  return { tokens, merges };
}
