/**
 * GPT-2's pattern: where byte-level BPE cuts text into pieces that merges never cross. `\s` is written out because
 * JavaScript's contains U+FEFF and lacks U+0085, and Unicode's White_Space, which the reference uses, is the reverse.
 */
export const SPLIT_PATTERN =
  /'(?:[stmd]|re|ve|ll)| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;
