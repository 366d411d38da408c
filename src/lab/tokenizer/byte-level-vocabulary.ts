/** The vocabulary of byte-level BPE: tokens spelled in bytes, merges by rank. */
import { createHash } from 'node:crypto';
import type { AddedToken } from './added-tokens.js';
import { type MergeTable, createBpeEncoder } from './bpe-encoder.js';
import { bytesOf, characterOf } from './byte-alphabet.js';
import { createMergePairs, type MergePair } from './merge-pairs.js';
import { createCut, isPlain } from './pre-tokenizer.js';
import type { ByteLevelFile } from './tokenizer-file.js';
import { type Vocabulary, checkIds, unsupported } from './vocabulary.js';

/** @throws MoatError `tokenizer-unsupported` */
export function createByteLevelVocabulary(file: ByteLevelFile, folder: string): Vocabulary {
  const tokens = tokenTable(file, folder);
  const bytesOfId = (id: number): Uint8Array => tokens[id] as Uint8Array;
  return {
    tokens,
    encodeText: createBpeEncoder(mergeTable(file, folder), createCut(file.pre_tokenizer)),
    decode: (ids) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(ids.map(bytesOfId))),
    unknown: undefined,
    // byte-level models say so in tokenizer_config.json
    start: [],
    hash: hashOf(file),
  };
}

/** Bytes of every token: none for special ones, UTF-8 for other added ones, as spelled for the rest. */
function tokenTable({ added_tokens: added, model }: ByteLevelFile, folder: string): Uint8Array[] {
  const tokens: Uint8Array[] = [];
  const known = new Map<string, AddedToken>();
  for (const token of added) {
    if (tokens[token.id] !== undefined) throw unsupported(folder, `two tokens have the id ${token.id}`);
    tokens[token.id] = token.special ? new Uint8Array(0) : new Uint8Array(Buffer.from(token.content));
    known.set(token.content, token);
  }
  for (const [spelling, id] of Object.entries(model.vocab)) {
    if (known.get(spelling)?.id === id) continue;
    const bytes = bytesOf(spelling);
    if (bytes === undefined) throw unsupported(folder, `token ${id} "${spelling}" is not spelled in bytes`);
    if (tokens[id] !== undefined) throw unsupported(folder, `two tokens have the id ${id}`);
    tokens[id] = bytes;
  }
  checkIds(tokens, added.length + Object.keys(model.vocab).length, folder);
  return tokens;
}

/** The merges as ids. @throws MoatError `tokenizer-unsupported` */
export function mergeTable({ model }: ByteLevelFile, folder: string): MergeTable {
  const vocabulary = new Map(Object.entries(model.vocab));
  const idOf = (spelling: string): number => {
    const id = vocabulary.get(spelling);
    if (id === undefined) throw unsupported(folder, `"${spelling}" is missing in the vocabulary`);
    return id;
  };
  const idOfByte = Int32Array.from({ length: 256 }, (_, byte) => vocabulary.get(characterOf(byte)) ?? -1);
  const merges: MergePair[] = [];
  for (const [rank, merge] of model.merges.entries()) {
    const [left = '', right = ''] = typeof merge === 'string' ? merge.split(' ') : merge;
    merges.push({ left: idOf(left), right: idOf(right), rank, id: idOf(left + right) });
  }
  return { idOfByte, merges: createMergePairs(merges), ...(model.ignore_merges ? { wholePieces: vocabulary } : {}) };
}

function hashOf({ added_tokens: added, model, pre_tokenizer: cut, normalizer }: ByteLevelFile): string {
  const tokens = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
  const merges = model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  const special = added.map(({ id, content }) => [content, id]);
  // what a tokenizer of ours never has is hashed where there is some
  const textual = added.flatMap(({ id, special }) => (special ? [] : [id]));
  const foreign = textual.length > 0 || normalizer || model.ignore_merges || !isPlain(cut);
  const rest = foreign ? [{ textual, normalizer, ignoreMerges: model.ignore_merges, cut }] : [];
  return createHash('sha256')
    .update(JSON.stringify([tokens, merges, special, ...rest]))
    .digest('hex');
}
