/**
 * SentencePiece's own normalisation rules, as `tokenizer.json` carries them (`Precompiled`): a double-array trie of what is
 * replaced (Yata et al. 2007, as Darts-clone lays it out) and the replacements behind it, in one base64 block.
 */
import { z } from 'zod';
import { forEachGrapheme } from './graphemes.js';

export const precompiledSchema = z.object({ type: z.literal('Precompiled'), precompiled_charsmap: z.base64() });

/** A letter, its marks, and what is joined to it are looked up together if they are no longer than this. */
const MAX_GRAPHEME_BYTES = 6;
/** Clusters remembered with what becomes of them; when full, all are forgotten. */
const MAX_CACHED = 65_536;

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
  return (text) => {
    let result = '';
    forEachGrapheme(text, (grapheme) => {
      let known = cache.get(grapheme);
      if (known === undefined) {
        known = normalize(grapheme);
        if (cache.size >= MAX_CACHED) cache.clear();
        cache.set(grapheme, known);
      }
      result += known;
    });
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
