/** The tokenizer as everybody uses it: text to ids and back, chats, and what identifies it. */
import { createTokenFinder } from './added-tokens.js';
import type { Encode } from './bpe-encoder.js';
import { createByteLevelVocabulary } from './byte-level-vocabulary.js';
import { createCharacterVocabulary } from './character-vocabulary.js';
import { type BatchOptions, type EncodedRow, type TextOrPair, encodeBatch } from './encode-batch.js';
import { createNormalize } from './normalizer.js';
import { frameOf } from './post-processor.js';
import { type ChatRendering, type RenderedChat, createChatRenderer } from './render-chat.js';
import { END_OF_TEXT, PAD, TURN_END, USUAL_ENDS } from './special-tokens.js';
import {
  isByteLevel,
  readSpecialNames,
  readTokenizerFile,
  type SpecialNames,
  type TokenizerFile,
} from './tokenizer-file.js';
import { unsupported } from './vocabulary.js';

export interface ChatTurn {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface Tokenizer {
  /** Ids are 0 … vocabSize − 1. */
  readonly vocabSize: number;
  /**
   * Always plain text: a spelled-out `<|endoftext|>` gives ordinary tokens. As Hugging Face's `encode` without special
   * tokens (`add_special_tokens=False`, `encode_special_tokens = True`).
   */
  encode(text: string): number[];
  /**
   * Texts or pairs as rows for a model: framed by special tokens, cut and filled up as `tokenizer.json` says, or as given.
   * @throws MoatError `tokenizer-unsupported` for an unknown post-processor, `bad-truncation`
   */
  encodeBatch(inputs: readonly TextOrPair[], rules?: Omit<BatchOptions, 'frame'>): EncodedRow[];
  /** Special tokens are left out; bytes that are no UTF-8 become U+FFFD. @throws RangeError for an unknown id */
  decode(ids: readonly number[]): string;
  /** Stands for what no token spells; undefined where all text is spelled. */
  readonly unknown: number | undefined;
  /** Ids of the special tokens by their spelling. */
  readonly special: ReadonlyMap<string, number>;
  /** Ends every document. */
  readonly endOfText: number;
  /** Fills rows up; undefined where there is none. Never `endOfText`: a model that learns to ignore its end does not stop. */
  readonly pad: number | undefined;
  /** Ends a turn of a chat; the same as `endOfText` where the tokenizer knows no chats. */
  readonly endOfTurn: number;
  /** What every prompt begins with: nothing, or the token that stands before the first of a text. */
  readonly promptStart: readonly number[];
  /**
   * The conversation by the tokenizer's chat template, or in ChatML where it has none, ending where the assistant's answer
   * begins. What messages say is always plain text. @throws MoatError `no-chat-tokens`, `bad-chat-template`
   */
  renderChat(messages: readonly ChatTurn[]): number[];
  /**
   * The same with the text that the template writes, special tokens spelled out, and on request without the beginning of
   * an answer: what training and previews need. @throws MoatError as `renderChat`
   */
  renderConversation(messages: readonly ChatTurn[], rendering: ChatRendering): RenderedChat;
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

function createTokenizer(file: TokenizerFile, names: SpecialNames, folder: string): Tokenizer {
  const special = new Map(file.added_tokens.flatMap((token) => (token.special ? [[token.content, token.id]] : [])));
  const vocabulary = isByteLevel(file)
    ? createByteLevelVocabulary(file, folder)
    : createCharacterVocabulary(file, folder);
  const { tokens } = vocabulary;
  const encode = createEncode(file, vocabulary.encodeText);
  const endOfText = endOfTextIn(special, names, tokens.length);
  if (endOfText === undefined) {
    throw unsupported(folder, `there is no special token "${names.endOfText ?? END_OF_TEXT}" to end documents`);
  }
  const tokenBytes = (id: number): Uint8Array => {
    const bytes = tokens[id];
    if (bytes === undefined) throw new RangeError(`token id ${id} is not among 0 … ${tokens.length - 1}`);
    return bytes;
  };
  const pad = special.get(names.pad ?? PAD);
  const renderConversation = createChatRenderer(names, { special, encode, folder });
  return {
    vocabSize: tokens.length,
    unknown: vocabulary.unknown,
    special,
    encode,
    encodeBatch(inputs, rules) {
      const frame = frameOf(file.post_processor);
      if (frame === undefined)
        throw unsupported(folder, `its post_processor ${file.post_processor?.type ?? ''} is not known`);
      return encodeBatch(encode, inputs, { frame, truncation: file.truncation, padding: file.padding, ...rules });
    },
    decode(ids) {
      for (const id of ids) tokenBytes(id);
      return vocabulary.decode(ids);
    },
    endOfText,
    pad: pad === endOfText ? undefined : pad,
    endOfTurn: special.get(TURN_END) ?? endOfText,
    promptStart: promptStartOf(vocabulary.start, names, special),
    renderChat: (messages) => renderConversation(messages, { beginsAnswer: true }).ids,
    renderConversation,
    tokenBytes,
    hash: vocabulary.hash,
  };
}

/** What `tokenizer_config.json` says of the start of a text, else the template of `tokenizer.json`. */
function promptStartOf(
  start: readonly string[],
  { addsStart, startOfText }: SpecialNames,
  special: ReadonlyMap<string, number>,
): readonly number[] {
  const names = addsStart === undefined ? start : addsStart && startOfText !== undefined ? [startOfText] : [];
  return names.flatMap((name) => special.get(name) ?? []);
}

/**
 * Whether the first character is still there after normalisation. Where it went, or gave way to another, the reference's
 * offsets say that the text does not begin at its beginning, and Metaspace puts no space there.
 */
function keepsStart(text: string, normalize: (text: string) => string): boolean {
  const first = normalize(String.fromCodePoint(text.codePointAt(0) ?? 0)).normalize('NFD');
  return first !== '' && normalize(text.slice(0, 16)).normalize('NFD').startsWith(first);
}

/** The token that ends documents: the one that is named, else the one the model ends with, else a usual one. */
function endOfTextIn(
  special: ReadonlyMap<string, number>,
  { endOfText, endOfTextId }: SpecialNames,
  tokenCount: number,
): number | undefined {
  if (endOfText !== undefined) return special.get(endOfText);
  if (endOfTextId !== undefined && endOfTextId >= 0 && endOfTextId < tokenCount) return endOfTextId;
  const usual = USUAL_ENDS.find((name) => special.has(name));
  return usual === undefined ? undefined : special.get(usual);
}

/** Normalises, and takes out the added tokens that are text, before and after that, as each says. */
function createEncode({ added_tokens: added, normalizer }: TokenizerFile, encodeText: Encode): Encode {
  const textual = added.filter(({ special }) => !special);
  if (textual.length === 0 && !normalizer) return encodeText;
  const normalize = createNormalize(normalizer);
  const findBefore = createTokenFinder(textual.filter(({ normalized }) => !normalized));
  const findAfter = createTokenFinder(
    textual.flatMap(({ id, content, normalized }) => (normalized ? [{ id, content: normalize(content) }] : [])),
  );
  return (text) => {
    const ids: number[] = [];
    let isStart = !normalizer || keepsStart(text, normalize);
    for (const part of findBefore(text)) {
      for (const inner of 'id' in part ? [part] : findAfter(normalize(part.text))) {
        if ('id' in inner) ids.push(inner.id);
        else for (const id of encodeText(inner.text, isStart)) ids.push(id);
        isStart = false;
      }
    }
    return ids;
  };
}
