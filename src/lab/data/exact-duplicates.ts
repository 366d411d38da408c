import { createHash } from 'node:crypto';

/** Maps hold at most 2^24 entries; documents are spread over this many by the first byte of their hash. */
const SHARD_COUNT = 256;

export interface DuplicateIndex {
  /** The id of the first document with the same text, or undefined when this one is the first. */
  firstWith(text: string, id: string): string | undefined;
}

/**
 * Remembers every text by 128 bits of its SHA-256, white space apart: two texts that differ only in line breaks or
 * indentation are one. Two different texts fall together with probability below 10^-20 even among a billion.
 */
export function createDuplicateIndex(): DuplicateIndex {
  const shards = Array.from({ length: SHARD_COUNT }, () => new Map<string, string>());
  return {
    firstWith(text, id) {
      const digest = createHash('sha256').update(text.replace(/\s+/g, ' ').trim()).digest();
      const shard = shards[digest[0] as number] as Map<string, string>;
      const key = digest.toString('latin1', 1, 17);
      const first = shard.get(key);
      if (first === undefined) shard.set(key, id);
      return first;
    },
  };
}
