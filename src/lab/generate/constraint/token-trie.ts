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
