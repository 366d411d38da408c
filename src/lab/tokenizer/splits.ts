/** Where a tokenizer that Moat trains cuts texts into the pieces that tokens never cross, by the name of who did it first. */
import type { z } from 'zod';
import { type Cut, createCut, preTokenizerSchema } from './pre-tokenizer.js';
import { gpt4Pattern } from './split-pattern.js';
import type { SplitName } from './tokenizer-kinds.js';

type PreTokenizerFile = z.input<typeof preTokenizerSchema>;

export interface Split {
  /** For byte-level BPE. */
  readonly bytes: PreTokenizerFile;
  /** For models of characters. */
  readonly characters: PreTokenizerFile;
}

const GPT2_PATTERN = String.raw`'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
/** Digits in threes. */
const LLAMA3_PATTERN = gpt4Pattern(String.raw`\p{N}{1,3}`);

const cutBy = (pattern: string) =>
  ({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }) as const;
const byteLevel = (hasOwnPattern: boolean) =>
  ({ type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: hasOwnPattern }) as const;

export const splits: Readonly<Record<SplitName, Split>> = {
  gpt2: { bytes: byteLevel(true), characters: cutBy(GPT2_PATTERN) },
  llama3: {
    bytes: { type: 'Sequence', pretokenizers: [cutBy(LLAMA3_PATTERN), byteLevel(false)] },
    characters: cutBy(LLAMA3_PATTERN),
  },
};

/** How training cuts: as the tokenizer will. */
export function countCut({ bytes }: Split): Cut {
  return createCut(preTokenizerSchema.parse(bytes));
}
