/**
 * SentencePiece's own normalisation rules, as `tokenizer.json` carries them (`Precompiled`): a double-array trie of what is
 * replaced (Yata et al. 2007, as Darts-clone lays it out) and the replacements behind it, in one base64 block.
 */
import { z } from 'zod';

export const precompiledSchema = z.object({ type: z.literal('Precompiled'), precompiled_charsmap: z.base64() });

/** A letter, its marks, and what is joined to it are looked up together if they are no longer than this. */
const MAX_GRAPHEME_BYTES = 6;

/** Bits of a unit of the trie. */
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const valueOf = (unit: number): number => unit & 0x7fffffff;
const labelOf = (unit: number): number => unit & 0x800000ff;
const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;

/** @throws RangeError for a block that is no charsmap */
export function createPrecompiled(charsmap: string): (text: string) => string {
  const block = Buffer.from(charsmap, 'base64');
  if (block.length === 0) return (text) => text;
  const trieBytes = block.length < 4 ? -1 : block.readUInt32LE(0);
  if (trieBytes < 4 || trieBytes % 4 !== 0 || 4 + trieBytes > block.length) {
    throw new RangeError('precompiled_charsmap is damaged');
  }
  const trie = Uint32Array.from({ length: trieBytes / 4 }, (_, index) => block.readUInt32LE(4 + 4 * index));
  const replacements = block.subarray(4 + trieBytes);
  const replacementAt = (offset: number): string =>
    replacements.toString('utf8', offset, Math.max(offset, replacements.indexOf(0, offset)));
  // the reference takes the shortest key that begins a chunk, not the longest
  const replace = (chunk: string): string | undefined => {
    const value = shortestPrefix(trie, Buffer.from(chunk));
    return value === undefined ? undefined : replacementAt(value);
  };
  const cache = new Map<string, string>();
  const normalize = (grapheme: string): string => {
    const whole = Buffer.byteLength(grapheme) < MAX_GRAPHEME_BYTES ? replace(grapheme) : undefined;
    return whole ?? Array.from(grapheme, (character) => replace(character) ?? character).join('');
  };
  const segmenter = new Intl.Segmenter('und', { granularity: 'grapheme' });
  return (text) => {
    let result = '';
    for (const { segment } of segmenter.segment(text)) {
      let known = cache.get(segment);
      if (known === undefined) {
        known = normalize(segment);
        if (cache.size > 65_536) cache.clear();
        cache.set(segment, known);
      }
      result += known;
    }
    return result;
  };
}

/** The value of the shortest key that `bytes` begins with. */
function shortestPrefix(trie: Uint32Array, bytes: Uint8Array): number | undefined {
  let position = offsetOf(trie[0] as number);
  for (const byte of bytes) {
    if (byte === 0) return undefined;
    position ^= byte;
    const unit = trie[position];
    if (unit === undefined || labelOf(unit) !== byte) return undefined;
    position ^= offsetOf(unit);
    if (hasLeaf(unit)) return valueOf(trie[position] ?? 0);
  }
  return undefined;
}
