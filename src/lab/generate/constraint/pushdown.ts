/**
 * Which tokens a grammar can read next. What the bytes of a token do before they return from the rule they began in
 * depends on the state alone: that much of a mask is computed once a state, whatever stands around it, and only the
 * tokens that leave the rule are followed further (the idea of XGrammar, Dong et al. 2024, arXiv:2411.15100).
 */
import type { Grammar } from './byte-grammar.js';
import { MAX_DEPTH, type Position, type Positions, type Thread, createPositions } from './positions.js';
import type { TokenTrie } from './token-trie.js';

export interface Pushdown {
  start(): Position;
  advance: Positions['advance'];
  /** Tokens that can be read whole: one bit an id. Do not change it. */
  mask(position: Position): Uint32Array;
}

/** What tokens do within the rule they begin in. */
interface Local {
  /** Tokens that are read whole without returning from it. */
  readonly mask: Uint32Array;
  /** Where in the trie the rule can return. */
  readonly exits: readonly TokenTrie[];
  /** Calls open at once, at most, while they are read: where fewer are left, this does not hold. */
  readonly reach: number;
}

/** Kept before all are forgotten. */
const MAX_MASKS = 512;
const MAX_LOCALS = 2048;

/** @param maskWords 32-bit words of a mask */
export function createPushdown(grammar: Grammar, trie: TokenTrie, maskWords: number): Pushdown {
  const { advance, close } = createPositions(grammar);
  const locals = new Map<number, Local>();
  let masks = new Map<Position, Uint32Array>();

  /** Marks the tokens below a node that can be read whole, and gathers the nodes at which everything was read. */
  const walk = (node: TokenTrie, position: Position, mask: Uint32Array, exits: TokenTrie[]): number => {
    let { reach } = position;
    for (const [byte, child] of node.children) {
      const after = advance(position, byte);
      if (after === undefined) continue;
      for (const id of child.tokens) mask[id >>> 5] = ((mask[id >>> 5] as number) | (1 << (id & 31))) >>> 0;
      if (after.isComplete) exits.push(child);
      reach = Math.max(reach, after.threads.length > 0 ? walk(child, after, mask, exits) : after.reach);
    }
    return reach;
  };

  const localOf = (state: number): Local => {
    let local = locals.get(state);
    if (local === undefined) {
      const [mask, exits]: [Uint32Array, TokenTrie[]] = [new Uint32Array(maskWords), []];
      // alone, without anything to return to, so that "complete" means: returned from the rule
      const alone = close([{ state, stack: undefined }]);
      const reach = alone === undefined ? 0 : walk(trie, alone, mask, exits);
      local = { mask, exits, reach };
      if (locals.size >= MAX_LOCALS) locals.clear();
      locals.set(state, local);
    }
    return local;
  };

  const markThread = (thread: Thread, mask: Uint32Array): void => {
    const { state, stack } = thread;
    const local = localOf(state);
    if ((stack?.depth ?? 0) + local.reach > MAX_DEPTH) {
      const whole = close([thread]);
      if (whole !== undefined) walk(trie, whole, mask, []);
      return;
    }
    for (const [index, word] of local.mask.entries()) mask[index] = ((mask[index] as number) | word) >>> 0;
    const outside = stack && close([{ state: stack.target, stack: stack.below }]);
    if (outside !== undefined) for (const exit of local.exits) walk(exit, outside, mask, []);
  };

  return {
    start() {
      const first = close([{ state: grammar.start, stack: undefined }]);
      if (first === undefined) throw new Error('a finished grammar has a beginning');
      return first;
    },
    advance,
    mask(position) {
      const known = masks.get(position);
      if (known !== undefined) return known;
      const mask = new Uint32Array(maskWords);
      for (const thread of position.threads) markThread(thread, mask);
      if (masks.size >= MAX_MASKS) masks = new Map();
      masks.set(position, mask);
      return mask;
    },
  };
}
