import { createHash } from 'node:crypto';

/** Of a digest that are kept: 128 bits. */
export const DIGEST_WORDS = 4;

export interface DuplicateIndex {
  /** The number of the first document with this digest, or undefined when `document` is the first. */
  firstWith(digest: Uint32Array, document: number): number | undefined;
}

/**
 * 128 bits of the SHA-256 of a text, white space apart: two texts that differ only in line breaks or indentation are one.
 * Two different texts fall together with probability below 10^-20 even among a billion.
 */
export function digestOf(text: string): Uint32Array {
  const digest = createHash('sha256').update(text.replace(/\s+/g, ' ').trim()).digest();
  return Uint32Array.from({ length: DIGEST_WORDS }, (_, word) => digest.readUInt32LE(4 * word));
}

const FIRST_SLOTS = 4096;

/** Open addressing with linear probing in one flat array: 20 bytes a slot, of which at most two in three are taken. */
export function createDuplicateIndex(): DuplicateIndex {
  let table = createTable(FIRST_SLOTS);
  let count = 0;
  return {
    firstWith(digest, document) {
      const slot = table.slotOf(digest);
      const first = table.documentAt(slot);
      if (first !== undefined) return first;
      table.put(slot, digest, document);
      if (3 * ++count > 2 * table.slots) table = table.doubled();
      return undefined;
    },
  };
}

interface Table {
  readonly slots: number;
  /** Where the digest stands, or would stand. */
  slotOf(digest: Uint32Array): number;
  documentAt(slot: number): number | undefined;
  put(slot: number, digest: Uint32Array, document: number): void;
  doubled(): Table;
}

/** @param slots a power of two */
function createTable(slots: number): Table {
  const digests = new Uint32Array(slots * DIGEST_WORDS);
  /** The document and one; 0 where a slot is free. */
  const documents = new Uint32Array(slots);
  const holds = (slot: number, digest: Uint32Array): boolean => {
    for (let word = 0; word < DIGEST_WORDS; word++) {
      if (digests[slot * DIGEST_WORDS + word] !== digest[word]) return false;
    }
    return true;
  };
  const slotOf = (digest: Uint32Array): number => {
    // a digest is as random as any hash of it
    let slot = (digest[0] as number) & (slots - 1);
    while (documents[slot] !== 0 && !holds(slot, digest)) slot = (slot + 1) & (slots - 1);
    return slot;
  };
  const put = (slot: number, digest: Uint32Array, document: number): void => {
    digests.set(digest, slot * DIGEST_WORDS);
    documents[slot] = document + 1;
  };
  return {
    slots,
    slotOf,
    put,
    documentAt: (slot) => (documents[slot] === 0 ? undefined : (documents[slot] as number) - 1),
    doubled() {
      const larger = createTable(2 * slots);
      for (let slot = 0; slot < slots; slot++) {
        if (documents[slot] === 0) continue;
        const digest = digests.subarray(slot * DIGEST_WORDS, (slot + 1) * DIGEST_WORDS);
        larger.put(larger.slotOf(digest), digest, (documents[slot] as number) - 1);
      }
      return larger;
    },
  };
}
