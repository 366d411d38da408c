/** The tokenizer as everybody uses it: text to ids and back, chats, and what identifies it. */
import { createHash } from 'node:crypto';
import { MoatError } from '../../base/errors.js';
import { createBpeEncoder, type Merge, type MergeTable } from './bpe-encoder.js';
import { bytesOf, characterOf } from './byte-alphabet.js';
import { END_OF_TEXT, PAD, TURN_END, TURN_START } from './special-tokens.js';
import { readSpecialNames, readTokenizerFile, type TokenizerFile } from './tokenizer-file.js';

export interface ChatTurn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Tokenizer {
  /** Ids are 0 … vocabSize − 1. */
  readonly vocabSize: number;
  /** Always plain text: a spelled-out `<|endoftext|>` gives ordinary tokens. */
  encode(text: string): number[];
  /** Special tokens are left out; bytes that are no UTF-8 become U+FFFD. @throws RangeError for an unknown id */
  decode(ids: readonly number[]): string;
  /** Ends every document. */
  readonly endOfText: number;
  readonly pad: number;
  /** Ends a turn of a chat; the same as `endOfText` where the tokenizer knows no chats. */
  readonly endOfTurn: number;
  /** The conversation in ChatML, ending where the assistant's answer begins. @throws MoatError `no-chat-tokens` */
  renderChat(messages: readonly ChatTurn[]): number[];
  /** A token's bytes; none for a special token. Do not change them. @throws RangeError for an unknown id */
  tokenBytes(id: number): Uint8Array;
  /** SHA-256 of vocabulary, merges and special tokens, in hexadecimal: equal exactly when ids mean the same. */
  readonly hash: string;
}

/**
 * Loads `tokenizer.json` (and the names in `tokenizer_config.json`) from a folder.
 * @throws MoatError `tokenizer-missing`, `tokenizer-damaged`, `tokenizer-unsupported`
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  return createTokenizer(await readTokenizerFile(folder), await readSpecialNames(folder), folder);
}

function createTokenizer(file: TokenizerFile, names: { endOfText?: string; pad?: string }, folder: string): Tokenizer {
  const special = new Map(file.added_tokens.map(({ content, id }) => [content, id]));
  const tokens = tokenTable(file, special, folder);
  const encode = createBpeEncoder(mergeTable(file, tokens.length, folder));
  const endOfText = special.get(names.endOfText ?? END_OF_TEXT);
  if (endOfText === undefined) {
    throw unsupported(folder, `there is no special token "${names.endOfText ?? END_OF_TEXT}" to end documents`);
  }
  const tokenBytes = (id: number): Uint8Array => {
    const bytes = tokens[id];
    if (bytes === undefined) throw new RangeError(`token id ${id} is not among 0 … ${tokens.length - 1}`);
    return bytes;
  };
  return {
    vocabSize: tokens.length,
    encode,
    decode: (ids) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(Buffer.concat(ids.map(tokenBytes))),
    endOfText,
    pad: special.get(names.pad ?? PAD) ?? endOfText,
    endOfTurn: special.get(TURN_END) ?? endOfText,
    renderChat: (messages) => renderChat(messages, encode, special.get(TURN_START), special.get(TURN_END)),
    tokenBytes,
    hash: hashOf(file),
  };
}

function renderChat(
  messages: readonly ChatTurn[],
  encode: (text: string) => number[],
  turnStart: number | undefined,
  turnEnd: number | undefined,
): number[] {
  if (turnStart === undefined || turnEnd === undefined) {
    throw new MoatError('no-chat-tokens', `this model's tokenizer has no ${TURN_START} and ${TURN_END}`, {
      fix: 'Use the completions API with this model.',
    });
  }
  const ids: number[] = [];
  for (const { role, content } of messages) {
    ids.push(turnStart);
    // Role and content in one go: white space at the start of the content joins the line feed, as in the template.
    for (const id of encode(`${role}\n${content}`)) ids.push(id);
    ids.push(turnEnd, ...encode('\n'));
  }
  ids.push(turnStart, ...encode('assistant\n'));
  return ids;
}

function tokenTable(file: TokenizerFile, special: ReadonlyMap<string, number>, folder: string): Uint8Array[] {
  const tokens: Uint8Array[] = [];
  for (const id of special.values()) tokens[id] = new Uint8Array(0);
  for (const [spelling, id] of Object.entries(file.model.vocab)) {
    if (special.get(spelling) === id) continue;
    const bytes = bytesOf(spelling);
    if (bytes === undefined) throw unsupported(folder, `token ${id} "${spelling}" is not spelled in bytes`);
    if (tokens[id] !== undefined) throw unsupported(folder, `two tokens have the id ${id}`);
    tokens[id] = bytes;
  }
  for (let id = 0; id < tokens.length; id++) {
    if (tokens[id] === undefined) throw unsupported(folder, `no token has the id ${id}`);
  }
  return tokens;
}

function mergeTable({ model }: TokenizerFile, tokenCount: number, folder: string): MergeTable {
  const idOf = (spelling: string): number => {
    const id = Object.hasOwn(model.vocab, spelling) ? model.vocab[spelling] : undefined;
    if (id === undefined) throw unsupported(folder, `"${spelling}" is missing in the vocabulary`);
    return id;
  };
  const idOfByte = Int32Array.from({ length: 256 }, (_, byte) => idOf(characterOf(byte)));
  const merges = new Map<number, Merge>();
  for (const [rank, merge] of model.merges.entries()) {
    const [left = '', right = ''] = typeof merge === 'string' ? merge.split(' ') : merge;
    merges.set(idOf(left) * tokenCount + idOf(right), { rank, id: idOf(left + right) });
  }
  return { idOfByte, merges, tokenCount };
}

function unsupported(folder: string, what: string): MoatError {
  return new MoatError('tokenizer-unsupported', `${folder}/tokenizer.json: ${what}`, {
    fix: 'Make it again with moat tokenizer.',
  });
}

function hashOf({ added_tokens, model }: TokenizerFile): string {
  const tokens = Object.entries(model.vocab).sort(([, a], [, b]) => a - b);
  const merges = model.merges.map((merge) => (typeof merge === 'string' ? merge : merge.join(' ')));
  const special = added_tokens.map(({ id, content }) => [content, id]);
  return createHash('sha256')
    .update(JSON.stringify([tokens, merges, special]))
    .digest('hex');
}
