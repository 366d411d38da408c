/** A vocabulary as a trie over bytes, so that one walk tells which tokens an automaton can read whole. */
import type { TokenBytes } from './constraint.js';

export interface TokenTrie {
  readonly children: ReadonlyMap<number, TokenTrie>;
  /** The tokens spelled by exactly the bytes from the root to here. */
  readonly tokens: readonly number[];
}

interface Node extends TokenTrie {
  readonly children: Map<number, Node>;
  readonly tokens: number[];
}

/** End tokens and special tokens stand for no text and are left out. */
export function buildTokenTrie(vocabulary: TokenBytes): TokenTrie {
  const root: Node = { children: new Map(), tokens: [] };
  for (let id = 0; id < vocabulary.size; id++) {
    const bytes = vocabulary.endTokens.has(id) ? undefined : vocabulary.bytesOf(id);
    if (bytes === undefined || bytes.length === 0) continue;
    let node = root;
    for (const byte of bytes) {
      let child = node.children.get(byte);
      if (child === undefined) node.children.set(byte, (child = { children: new Map(), tokens: [] }));
      node = child;
    }
    node.tokens.push(id);
  }
  return root;
}

/**
 * Sets the bit of each token that can be read whole from `state`.
 * @param advance the state after one more byte; undefined where that byte cannot come
 * @param mask one bit a token id, least significant first in each 32-bit word
 */
export function markReadable<S>(
  trie: TokenTrie,
  state: S,
  advance: (state: S, byte: number) => S | undefined,
  mask: Uint32Array,
): void {
  for (const [byte, child] of trie.children) {
    const next = advance(state, byte);
    if (next === undefined) continue;
    for (const id of child.tokens) mask[id >>> 5] = ((mask[id >>> 5] as number) | (1 << (id & 31))) >>> 0;
    markReadable(child, next, advance, mask);
  }
}
