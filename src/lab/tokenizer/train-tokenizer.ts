import { countCut, splits } from './splits.js';
import type { SplitName, TokenizerModel } from './tokenizer-kinds.js';
import {
  byteLevelFiles,
  saveTokenizer,
  type TokenizerFiles,
  unigramFiles,
  WORDPIECE_SPECIAL_TOKENS,
  wordPieceFiles,
} from './save-tokenizer.js';
import { SPECIAL_TOKENS } from './special-tokens.js';
import { loadTokenizer, type Tokenizer } from './tokenizer.js';
import { trainBpe } from './train-bpe.js';
import { trainUnigram } from './train-unigram.js';
import { trainWordPiece } from './train-wordpiece.js';

export interface TrainTokenizerOptions {
  /** The 256 bytes (with WordPiece the characters) and the special tokens included. */
  readonly vocabularySize: number;
  /** Default `bpe`. `wordpiece` is for encoders: what it does not know it loses. */
  readonly model?: TokenizerModel;
  /** Where texts are cut before tokens are learned; WordPiece has its own way. Default `gpt2`. */
  readonly split?: SplitName;
  /** Further special tokens, after the usual ones: those that `train.objective` needs. WordPiece has its own. */
  readonly specialTokens?: readonly string[];
  /** Called now and then with the number of tokens: it rises, with Unigram it falls. */
  readonly onProgress?: (tokens: number) => void;
}

type Texts = AsyncIterable<string> | Iterable<string>;

/**
 * Trains on texts and saves `tokenizer.json` and `tokenizer_config.json` into the folder.
 * @returns the tokenizer, read back from what was saved
 * @throws MoatError `vocabulary-too-small`, `corpus-too-small`, `disk-full`, `not-writable`
 */
export async function trainTokenizer(folder: string, texts: Texts, options: TrainTokenizerOptions): Promise<Tokenizer> {
  await saveTokenizer(folder, await trainers[options.model ?? 'bpe'](texts, options));
  return loadTokenizer(folder);
}

const trainers: Readonly<
  Record<TokenizerModel, (texts: Texts, options: TrainTokenizerOptions) => Promise<TokenizerFiles>>
> = {
  async bpe(texts, options) {
    const split = splits[options.split ?? 'gpt2'];
    const specialTokens = [...SPECIAL_TOKENS, ...(options.specialTokens ?? [])];
    const trained = await trainBpe(texts, {
      ...options,
      specialTokenCount: specialTokens.length,
      cut: countCut(split),
    });
    return byteLevelFiles(trained, specialTokens, split.bytes);
  },
  async unigram(texts, options) {
    const split = splits[options.split ?? 'gpt2'];
    const specialTokens = [...SPECIAL_TOKENS, ...(options.specialTokens ?? [])];
    const trained = await trainUnigram(texts, {
      ...options,
      specialTokenCount: specialTokens.length,
      cut: countCut(split),
    });
    return unigramFiles(trained, specialTokens, split.characters);
  },
  async wordpiece(texts, { vocabularySize, onProgress }) {
    const specialTokens = WORDPIECE_SPECIAL_TOKENS;
    const tokens = await trainWordPiece(texts, { vocabularySize, specialTokens, normalizer: BERT_CASED, onProgress });
    return wordPieceFiles(tokens, BERT_CASED);
  },
};

/** Letters keep their case and their accents; Chinese characters are words of their own. */
const BERT_CASED = {
  type: 'BertNormalizer',
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: false,
  lowercase: false,
} as const;
