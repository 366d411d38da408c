/** Writes trained vocabularies as Hugging Face's `tokenizer.json` and `tokenizer_config.json`. */
import path from 'node:path';
import type { z } from 'zod';
import { writeFileAtomic } from '../../base/atomic-file.js';
import { characterOf } from './byte-alphabet.js';
import type { Normalizer } from './normalizer.js';
import type { preTokenizerSchema } from './pre-tokenizer.js';
import { CHAT_TEMPLATE, END_OF_TEXT, PAD } from './special-tokens.js';
import { CONFIG_FILE, TOKENIZER_FILE } from './tokenizer-file.js';
import type { TrainedBpe } from './train-bpe.js';
import type { TrainedUnigram } from './train-unigram.js';
import { CONTINUING_PREFIX } from './train-wordpiece.js';

type PreTokenizerFile = z.input<typeof preTokenizerSchema>;

/** What a kind of vocabulary puts into the two files. */
export interface TokenizerFiles {
  readonly tokenizer: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

/** Writes both files into a folder (made when absent), each whole or not at all. */
export async function saveTokenizer(folder: string, { tokenizer, config }: TokenizerFiles): Promise<void> {
  const settings = { add_prefix_space: false, ...config, tokenizer_class: 'PreTrainedTokenizerFast' };
  await writeFileAtomic(path.join(folder, CONFIG_FILE), `${JSON.stringify(settings, null, 2)}\n`);
  const content = { version: '1.0', truncation: null, padding: null, ...tokenizer };
  await writeFileAtomic(path.join(folder, TOKENIZER_FILE), `${JSON.stringify(content, null, 1)}\n`);
}

/** A special token is no part of a text, whatever stands beside it. */
function specialToken(content: string, id: number): object {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };
}

const chatConfig = {
  chat_template: CHAT_TEMPLATE,
  clean_up_tokenization_spaces: false,
  eos_token: END_OF_TEXT,
  pad_token: PAD,
};

/** @param specialTokens content of the tokens with the first ids */
export function byteLevelFiles(
  { tokens, merges }: TrainedBpe,
  specialTokens: readonly string[],
  preTokenizer: PreTokenizerFile,
): TokenizerFiles {
  const spell = (id: number): string => Array.from(tokens[id] as Uint8Array, characterOf).join('');
  return {
    config: chatConfig,
    tokenizer: {
      added_tokens: specialTokens.map(specialToken),
      normalizer: null,
      pre_tokenizer: preTokenizer,
      post_processor: null,
      decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      model: {
        type: 'BPE',
        dropout: null,
        unk_token: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: false,
        byte_fallback: false,
        ignore_merges: false,
        vocab: Object.fromEntries(tokens.map((_, id) => [specialTokens[id] ?? spell(id), id])),
        merges: merges.map(([left, right]) => [spell(left), spell(right)]),
      },
    },
  };
}

/**
 * Spaces stay spaces, so that any text comes back as it was. The special tokens follow the pieces: a token of the model
 * could be spelled by a text, one beside it never is.
 */
export function unigramFiles(
  { pieces }: TrainedUnigram,
  specialTokens: readonly string[],
  preTokenizer: PreTokenizerFile,
): TokenizerFiles {
  return {
    config: chatConfig,
    tokenizer: {
      added_tokens: specialTokens.map((content, index) => specialToken(content, pieces.length + index)),
      normalizer: null,
      pre_tokenizer: preTokenizer,
      post_processor: null,
      decoder: { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, { type: 'Fuse' }] },
      // the reference wants an unknown token; with all bytes there it never comes to that
      model: { type: 'Unigram', unk_id: 0, byte_fallback: true, vocab: pieces },
    },
  };
}

export const WORDPIECE_SPECIAL_TOKENS: readonly string[] = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'];
const [PAD_TOKEN, UNKNOWN, START, END, MASK] = WORDPIECE_SPECIAL_TOKENS as readonly [
  string,
  string,
  string,
  string,
  string,
];

/** As BERT has it: `[CLS] A [SEP]`, `[CLS] A [SEP] B [SEP]`. */
export function wordPieceFiles(tokens: readonly string[], normalizer: Normalizer): TokenizerFiles {
  const special = (name: string, type: number): object => ({ SpecialToken: { id: name, type_id: type } });
  const single = [special(START, 0), { Sequence: { id: 'A', type_id: 0 } }, special(END, 0)];
  const described = [START, END].map(
    (name) => [name, { id: name, ids: [tokens.indexOf(name)], tokens: [name] }] as const,
  );
  return {
    config: {
      unk_token: UNKNOWN,
      pad_token: PAD_TOKEN,
      cls_token: START,
      sep_token: END,
      mask_token: MASK,
      eos_token: END,
    },
    tokenizer: {
      added_tokens: WORDPIECE_SPECIAL_TOKENS.map(specialToken),
      normalizer,
      pre_tokenizer: { type: 'BertPreTokenizer' },
      post_processor: {
        type: 'TemplateProcessing',
        single,
        pair: [...single, { Sequence: { id: 'B', type_id: 1 } }, special(END, 1)],
        special_tokens: Object.fromEntries(described),
      },
      decoder: { type: 'WordPiece', prefix: CONTINUING_PREFIX, cleanup: true },
      model: {
        type: 'WordPiece',
        unk_token: UNKNOWN,
        continuing_subword_prefix: CONTINUING_PREFIX,
        max_input_chars_per_word: 100,
        vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      },
    },
  };
}
