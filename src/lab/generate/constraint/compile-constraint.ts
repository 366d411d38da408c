/** A grammar and a vocabulary as a constraint on the tokens of an answer. */
import { MoatError } from '../../../base/errors.js';
import type { Grammar } from './byte-grammar.js';
import type { CompiledConstraint, Constraint, TokenBytes } from './constraint.js';
import type { Position } from './positions.js';
import { type Pushdown, createPushdown } from './pushdown.js';
import type { TokenTrie } from './token-trie.js';

/** @param trie of the same vocabulary */
export function createConstraintOver(grammar: Grammar, vocabulary: TokenBytes, trie: TokenTrie): CompiledConstraint {
  const words = Math.ceil(vocabulary.size / 32);
  const pushdown = createPushdown(grammar, trie, words);
  const ends = new Uint32Array(words);
  for (const id of vocabulary.endTokens) ends[id >>> 5] = ((ends[id >>> 5] as number) | (1 << (id & 31))) >>> 0;
  return { start: () => createConstraint(pushdown, vocabulary, ends) };
}

function createConstraint(pushdown: Pushdown, vocabulary: TokenBytes, ends: Uint32Array): Constraint {
  let position = pushdown.start();
  let hasEnded = false;
  return {
    get isComplete() {
      return position.isComplete;
    },
    allowed() {
      if (hasEnded) return new Uint32Array(ends.length);
      const mask = pushdown.mask(position);
      if (position.isComplete) return mask.map((word, index) => (word | (ends[index] as number)) >>> 0);
      if (mask.every((word) => word === 0))
        throw new MoatError('constraint-dead-end', 'no token of this model continues the answer within its schema', {
          fix: 'Allow less nesting, or other characters.',
        });
      return mask;
    },
    accept(token) {
      const next = hasEnded ? undefined : after(position, token, pushdown, vocabulary);
      if (next === undefined)
        throw new MoatError('constraint-violated', `token ${token} does not continue the answer within its schema`);
      hasEnded = next === 'end';
      if (next !== 'end') position = next;
    },
  };
}

function after(
  position: Position,
  token: number,
  pushdown: Pushdown,
  { endTokens, bytesOf }: TokenBytes,
): Position | 'end' | undefined {
  if (endTokens.has(token)) return position.isComplete ? 'end' : undefined;
  const bytes = bytesOf(token);
  if (bytes === undefined) return undefined;
  let next: Position | undefined = position;
  for (const byte of bytes) next = next === undefined ? undefined : pushdown.advance(next, byte);
  return next;
}
