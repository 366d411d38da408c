import { SPECIAL_TOKENS } from './special-tokens.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';
import { saveTokenizer } from './tokenizer-file.js';
import { trainBpe } from './train-bpe.js';

export interface TrainTokenizerOptions {
  /** The 256 bytes and the special tokens included. */
  readonly vocabularySize: number;
  /** Called now and then with the number of tokens so far. */
  readonly onProgress?: (tokens: number) => void;
}

/**
 * Trains on texts and saves `tokenizer.json` and `tokenizer_config.json` into the folder.
 * @returns the tokenizer, read back from what was saved
 * @throws MoatError `vocabulary-too-small`, `corpus-too-small`, `disk-full`, `not-writable`
 */
export async function trainTokenizer(
  folder: string,
  texts: AsyncIterable<string> | Iterable<string>,
  options: TrainTokenizerOptions,
): Promise<Tokenizer> {
  const trained = await trainBpe(texts, { ...options, specialTokenCount: SPECIAL_TOKENS.length });
  await saveTokenizer(folder, trained, SPECIAL_TOKENS);
  return loadTokenizer(folder);
}
