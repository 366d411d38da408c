/**
 * More tokens for a byte-level BPE tokenizer that exists, learned from texts it knows little of (another language, a
 * trade's words): its merges go on where they ended. Old ids stay, and what new tokens are made of is told, so that a
 * model's embeddings can begin as the mean of theirs (Hewitt 2021; the way of most vocabulary extensions since).
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { MoatError } from '../../base/errors.js';
import { createBpeEncoder } from './bpe-encoder.js';
import { characterOf } from './byte-alphabet.js';
import { mergeTable } from './byte-level-vocabulary.js';
import { countPieces } from './count-pieces.js';
import { learnMerges, type Pieces } from './learn-merges.js';
import { createNormalize } from './normalizer.js';
import { createCut } from './pre-tokenizer.js';
import { loadTokenizer } from './tokenizer.js';
import { isByteLevel, readTokenizerFile, TOKENIZER_FILE } from './tokenizer-file.js';

export interface ExtendOptions {
  /** How many are learned. */
  readonly newTokens: number;
  /** Called now and then with the number of tokens so far, the old ones included. */
  readonly onProgress?: ((tokens: number) => void) | undefined;
}

export interface ExtendedTokenizer {
  /** Of the new tokenizer. */
  readonly vocabSize: number;
  /** Id of every new token, and the old ids whose bytes make it up. */
  readonly added: readonly { readonly id: number; readonly parts: readonly number[] }[];
}

/**
 * Reads `tokenizer.json` from one folder and writes the larger one into another; what stands beside it is not copied.
 * @throws MoatError `tokenizer-unsupported` for what is not byte-level BPE, `corpus-too-small`; those of `loadTokenizer`
 */
export async function extendTokenizer(
  source: string,
  target: string,
  texts: AsyncIterable<string> | Iterable<string>,
  { newTokens, onProgress }: ExtendOptions,
): Promise<ExtendedTokenizer> {
  const file = await readTokenizerFile(source);
  if (!isByteLevel(file)) {
    throw new MoatError('tokenizer-unsupported', `${source}/${TOKENIZER_FILE}: only byte-level BPE can be extended`, {
      fix: 'Llama 3, Qwen, GPT-2, SmolLM and the tokenizers that Moat trains by default are of that kind.',
    });
  }
  const { tokenBytes, vocabSize } = await loadTokenizer(source);
  const encodePiece = createBpeEncoder(mergeTable(file, source), (piece) => [piece]);
  const [normalize, cut] = [createNormalize(file.normalizer), createCut(file.pre_tokenizer)];
  const { counts } = await countPieces(texts, (text) => cut(normalize(text)));
  const spell = (id: number): string => Array.from(tokenBytes(id), characterOf).join('');
  // special tokens have no bytes; no bytes are spelled with a space
  const spellings = Array.from({ length: vocabSize }, (_, id) => spell(id) || `special ${id}`);
  const vocabularySize = vocabSize + newTokens;
  const merges = learnMerges(layOut(counts, encodePiece), {
    spellings,
    join: (left, right) => left + right,
    vocabularySize,
    onProgress,
  });
  const content = JSON.parse(await readFile(path.join(source, TOKENIZER_FILE), 'utf8')) as {
    model: { vocab: Record<string, number>; merges: unknown[] };
  };
  const isJoined = content.model.merges.every((merge) => typeof merge === 'string');
  for (let id = vocabSize; id < vocabularySize; id++) content.model.vocab[spellings[id] as string] = id;
  for (const [left, right] of merges) {
    const pair = [spellings[left] as string, spellings[right] as string];
    content.model.merges.push(isJoined ? pair.join(' ') : pair);
  }
  await writeFileAtomic(path.join(target, TOKENIZER_FILE), `${JSON.stringify(content, null, 1)}\n`);
  return { vocabSize: vocabularySize, added: partsOf(merges, spellings, vocabSize) };
}

function layOut(counts: ReadonlyMap<string, number>, encodePiece: (piece: string) => number[]): Pieces {
  const encoded = [...counts].map(([piece, count]) => ({ ids: encodePiece(piece), count }));
  const pieces: Pieces = {
    symbols: new Int32Array(encoded.reduce((sum, { ids }) => sum + ids.length, 0)),
    starts: new Int32Array(encoded.length),
    lengths: Int32Array.from(encoded, ({ ids }) => ids.length),
    counts: Float64Array.from(encoded, ({ count }) => count),
  };
  let start = 0;
  for (const [index, { ids }] of encoded.entries()) {
    pieces.starts[index] = start;
    pieces.symbols.set(ids, start);
    start += ids.length;
  }
  return pieces;
}

/** Merges taken apart again, down to old tokens. */
function partsOf(
  merges: readonly (readonly [number, number])[],
  spellings: readonly string[],
  vocabSize: number,
): ExtendedTokenizer['added'] {
  const idOf = new Map(spellings.map((spelling, id) => [spelling, id]));
  const parts = new Map<number, readonly number[]>();
  const of = (id: number): readonly number[] => (id < vocabSize ? [id] : (parts.get(id) as readonly number[]));
  for (const [left, right] of merges) {
    const id = idOf.get(`${spellings[left]}${spellings[right]}`) as number;
    if (id >= vocabSize && !parts.has(id)) parts.set(id, [...of(left), ...of(right)]);
  }
  return [...parts].map(([id, old]) => ({ id, parts: old }));
}
