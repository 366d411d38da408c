/**
 * llama.cpp's names for ways to cut text (`tokenizer.ggml.pre`), and the `pre_tokenizer` of Hugging Face that each is. Source:
 * llama.cpp, `src/llama-vocab.cpp` (names and expressions), and the `tokenizer.json` of the model that gave each its name.
 */
import type { z } from 'zod';
import { preTokenizerSchema } from './pre-tokenizer.js';
import { gpt4Pattern } from './split-pattern.js';

export interface GgufPreTokenizer {
  /** The first is the one that is written. */
  readonly names: readonly string[];
  readonly preTokenizer: z.input<typeof preTokenizerSchema>;
  readonly normalizer: 'NFC' | null;
  /** A piece that is a token as a whole is not built from merges. */
  readonly ignoreMerges: boolean;
  /** Where the file does not say whether texts begin with the beginning-of-text token. */
  readonly addsStart: boolean;
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true } as const;
const split = (pattern: string): GgufPreTokenizer['preTokenizer'] => ({
  type: 'Sequence',
  pretokenizers: [
    { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
    { ...byteLevel, use_regex: false },
  ],
});

export const GGUF_PRE_TOKENIZERS: readonly GgufPreTokenizer[] = [
  {
    names: [
      'gpt-2',
      'phi-2',
      'mpt',
      'olmo',
      'jais',
      'jina-es',
      'jina-de',
      'jina-v2-es',
      'jina-v2-de',
      'gigachat',
      'mellum',
      'trillion',
      'granite-docling',
      'exaone4',
    ],
    preTokenizer: { ...byteLevel, use_regex: true },
    normalizer: null,
    ignoreMerges: false,
    addsStart: false,
  },
  {
    names: ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b'],
    preTokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Digits', individual_digits: true },
        { ...byteLevel, use_regex: true },
      ],
    },
    normalizer: null,
    ignoreMerges: false,
    addsStart: false,
  },
  {
    names: ['llama-bpe', 'llama3', 'llama-v3', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2'],
    preTokenizer: split(gpt4Pattern(String.raw`\p{N}{1,3}`)),
    normalizer: null,
    ignoreMerges: true,
    addsStart: true,
  },
  {
    // llama.cpp does not normalise; the tokenizers of these models do, and text is almost always in this form already
    names: ['qwen2', 'deepseek-r1-qwen', 'megrez'],
    preTokenizer: split(gpt4Pattern(String.raw`\p{N}`)),
    normalizer: 'NFC',
    ignoreMerges: false,
    addsStart: false,
  },
  {
    names: ['stablelm2', 'hunyuan'],
    preTokenizer: split(gpt4Pattern(String.raw`\p{N}`)),
    normalizer: null,
    ignoreMerges: false,
    addsStart: false,
  },
  {
    // what files without a name are cut with
    names: ['default'],
    preTokenizer: {
      type: 'Sequence',
      pretokenizers: [
        { type: 'Split', pattern: { Regex: String.raw`[\p{P}\$\+<=>\^~\|]+` }, behavior: 'Isolated', invert: false },
        {
          type: 'Split',
          pattern: { Regex: String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)` },
          behavior: 'Isolated',
          invert: false,
        },
        { type: 'Split', pattern: { Regex: String.raw`\p{N}+` }, behavior: 'Isolated', invert: false },
        { type: 'Split', pattern: { Regex: '[0-9][0-9][0-9]' }, behavior: 'Isolated', invert: false },
        { ...byteLevel, use_regex: false },
      ],
    },
    normalizer: null,
    ignoreMerges: false,
    addsStart: false,
  },
];

/** What `tokenizer.ggml.pre` means; undefined for a name that is not known here. */
export function preTokenizerNamed(name: string): GgufPreTokenizer | undefined {
  return GGUF_PRE_TOKENIZERS.find(({ names }) => names.includes(name));
}

/** The entry that cuts as this `tokenizer.json` does. */
export function preTokenizerLike(
  preTokenizer: z.output<typeof preTokenizerSchema>,
  normalizer: string | null,
  ignoreMerges: boolean,
): GgufPreTokenizer | undefined {
  const wanted = JSON.stringify(preTokenizer);
  return GGUF_PRE_TOKENIZERS.find(
    (known) =>
      known.normalizer === normalizer &&
      known.ignoreMerges === ignoreMerges &&
      JSON.stringify(preTokenizerSchema.parse(known.preTokenizer)) === wanted,
  );
}
