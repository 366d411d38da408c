/** The form a request wants its answer in, compiled for a vocabulary, and kept for the next request that wants the same. */
import type { AnswerFormat } from '../engine.js';
import { createGrammarBuilder, type Grammar } from './byte-grammar.js';
import { createConstraintOver } from './compile-constraint.js';
import type { CompiledConstraint, TokenBytes } from './constraint.js';
import { createJsonPieces } from './json-pieces.js';
import { schemaGrammar } from './json-schema.js';
import { jsonOf } from './schema-reading.js';
import { type TokenTrie, buildTokenTrie } from './token-trie.js';

const MAX_KEPT = 32;
const MAX_JSON_STATES = 10_000;

/**
 * @returns what compiles a format, once for equal ones
 * @throws MoatError `bad-schema` from that, naming the place in the schema
 */
export function createConstraints(vocabulary: TokenBytes): (format: AnswerFormat) => CompiledConstraint {
  const kept = new Map<string, CompiledConstraint>();
  let trie: TokenTrie | undefined;
  return (format) => {
    const key = jsonOf(format, '#');
    let constraint = kept.get(key);
    if (constraint === undefined) {
      trie ??= buildTokenTrie(vocabulary);
      constraint = createConstraintOver(grammarOf(format), vocabulary, trie);
    }
    // the latest last: the first is the one to forget
    kept.delete(key);
    kept.set(key, constraint);
    const [oldest] = kept.keys();
    if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
    return constraint;
  };
}

function grammarOf(format: AnswerFormat): Grammar {
  if (format.type === 'json-schema') return schemaGrammar(format.schema);
  const builder = createGrammarBuilder(MAX_JSON_STATES);
  const rule = builder.declare();
  builder.define(rule, createJsonPieces(builder).anyObject());
  const grammar = builder.finish(rule);
  if (grammar === undefined) throw new Error('there are JSON objects');
  return grammar;
}
