/**
 * GPT-2's pattern: where byte-level BPE cuts text into pieces that merges never cross. `\s` is written out because
 * JavaScript's contains U+FEFF and lacks U+0085, and Unicode's White_Space, which the reference uses, is the reverse.
 */
export const SPLIT_PATTERN =
  /'(?:[stmd]|re|ve|ll)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * GPT-4's, as `tokenizer.json` spells it: contractions in either case, one mark or space before a word, line ends with what
 * they end. Models differ in how many digits stay together.
 */
export const gpt4Pattern = (digits: string): string =>
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|${digits}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`;
