/**
 * WordPiece (Schuster & Nakajima 2012; Wu et al. 2016, arXiv:1609.08144) as BERT uses it: each word is cut, longest
 * piece first, into entries of the vocabulary; a word that cannot be cut is one unknown token. Equal to Hugging Face's
 * `tokenizers` except for characters that joined Unicode after version 8, whose categories are newer here.
 */
import { MoatError } from '../../base/errors.js';
import { detached } from './detached.js';
import { type AddedToken, type Template, type WordPieceFile, readWordPieceFile } from './wordpiece-file.js';
import { type TextRules, normalizeText, splitWords } from './wordpiece-text.js';

export interface WordPieceEncoding {
  readonly ids: readonly number[];
  /** 0 for the first text, 1 for the second. */
  readonly tokenTypes: readonly number[];
}

export interface EncodeOptions {
  /** The second text of a pair. */
  readonly second?: string;
  /** Cuts the longer of the texts at its end until everything, special tokens included, fits. */
  readonly maxTokens?: number;
}

export interface WordPieceTokenizer {
  readonly vocabSize: number;
  readonly pad: number;
  /** A special token spelled out in the text (`[MASK]`) is that token, as in Hugging Face's tokenizers. */
  encode(text: string, options?: EncodeOptions): WordPieceEncoding;
  /** The id of a vocabulary entry or special token; undefined when there is none. */
  idOf(token: string): number | undefined;
  /** How the vocabulary spells an id: `##ing`. @throws RangeError for an unknown id */
  tokenOf(id: number): string;
}

/** Words remembered with their pieces; texts repeat most of theirs. */
const CACHED_WORDS = 50_000;
const DEFAULT_PAD = '[PAD]';

/** @throws MoatError `tokenizer-missing`, `tokenizer-damaged`, `tokenizer-unsupported` */
export async function loadWordPiece(folder: string): Promise<WordPieceTokenizer> {
  return createWordPiece(await readWordPieceFile(folder), folder);
}

/** @param origin the folder, for errors */
export function createWordPiece(file: WordPieceFile, origin: string): WordPieceTokenizer {
  const vocabulary = new Map(Object.entries(file.model.vocab));
  for (const { content, id } of file.added_tokens) vocabulary.set(content, id);
  const spellings = new Map([...vocabulary].map(([token, id]) => [id, token]));
  const required = (token: string): number => {
    const id = vocabulary.get(token);
    if (id !== undefined) return id;
    throw new MoatError('tokenizer-unsupported', `${origin}/tokenizer.json: "${token}" is not in the vocabulary`);
  };
  const cut = remembering(createWordCutter(file.model, vocabulary, required(file.model.unk_token)));
  const single = readTemplate(file.post_processor.single, required);
  const pair = readTemplate(file.post_processor.pair, required);
  const encodeText = createTextEncoder(file, cut);
  return {
    vocabSize: Math.max(...vocabulary.values()) + 1,
    pad: vocabulary.get(DEFAULT_PAD) ?? 0,
    encode(text, { second, maxTokens = Infinity } = {}) {
      const pieces = second === undefined ? single : pair;
      const texts = second === undefined ? [encodeText(text)] : [encodeText(text), encodeText(second)];
      return fill(pieces, truncate(texts, maxTokens - pieces.filter((piece) => 'id' in piece).length));
    },
    idOf: (token) => vocabulary.get(token),
    tokenOf(id) {
      const token = spellings.get(id);
      if (token === undefined) throw new RangeError(`token id ${id} is not in the vocabulary`);
      return token;
    },
  };
}

/** Text to ids, without the special tokens around it. */
function createTextEncoder(file: WordPieceFile, cut: (word: string) => readonly number[]): (text: string) => number[] {
  const { clean_text, handle_chinese_chars, strip_accents, lowercase } = file.normalizer;
  const rules: TextRules = {
    cleanText: clean_text,
    separateChinese: handle_chinese_chars,
    stripAccents: strip_accents ?? lowercase,
    lowercase,
  };
  const split = createSplitter(file.added_tokens);
  return (text) => {
    const ids: number[] = [];
    for (const part of split(text)) {
      if (typeof part === 'number') ids.push(part);
      else for (const word of splitWords(normalizeText(part, rules))) for (const id of cut(word)) ids.push(id);
    }
    return ids;
  };
}

/** Cuts a text at its added tokens: plain parts and ids. Longer tokens win at the same place. */
function createSplitter(added: readonly AddedToken[]): (text: string) => (string | number)[] {
  if (added.length === 0) return (text) => [text];
  const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  const sorted = [...added].sort((a, b) => b.content.length - a.content.length);
  const forms = sorted.map(
    ({ content, lstrip, rstrip }) => `${lstrip ? '\\s*' : ''}${escape(content)}${rstrip ? '\\s*' : ''}`,
  );
  const pattern = new RegExp(`(${forms.join('|')})`, 'u');
  const idOf = new Map(added.map(({ content, id }) => [content, id]));
  return (text) => text.split(pattern).map((part, i) => (i % 2 === 0 ? part : (idOf.get(part.trim()) ?? part)));
}

/** A word's pieces, longest first; one unknown token where it cannot be cut. */
export function createWordCutter(
  { continuing_subword_prefix: prefix, max_input_chars_per_word: maxLetters }: Omit<WordPieceFile['model'], 'vocab'>,
  vocabulary: ReadonlyMap<string, number>,
  unknown: number,
): (word: string) => readonly number[] {
  return (word) => {
    const letters = Array.from(word);
    if (letters.length > maxLetters) return [unknown];
    const ids: number[] = [];
    for (let start = 0; start < letters.length;) {
      let end = letters.length;
      let id: number | undefined;
      for (; end > start; end--) {
        id = vocabulary.get((start > 0 ? prefix : '') + letters.slice(start, end).join(''));
        if (id !== undefined) break;
      }
      if (id === undefined) return [unknown];
      ids.push(id);
      start = end;
    }
    return ids;
  };
}

function remembering(cut: (word: string) => readonly number[]): (word: string) => readonly number[] {
  const cache = new Map<string, readonly number[]>();
  return (word) => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    if (cache.size >= CACHED_WORDS) cache.clear();
    const ids = cut(word);
    cache.set(detached(word), ids);
    return ids;
  };
}

type TemplatePiece = { readonly id: number; readonly type: number } | { readonly text: 0 | 1; readonly type: number };

function readTemplate(template: Template, idOf: (token: string) => number): TemplatePiece[] {
  return template.map((piece) =>
    'SpecialToken' in piece
      ? { id: idOf(piece.SpecialToken.id), type: piece.SpecialToken.type_id }
      : { text: piece.Sequence.id === 'A' ? 0 : 1, type: piece.Sequence.type_id },
  );
}

/** Cuts the longer text until `room` holds both; equally long ones share it, an odd place goes to the longer. */
function truncate(texts: readonly number[][], room: number): readonly number[][] {
  if (room < texts.length) throw new RangeError('maxTokens leaves no room for the text');
  const [first = [], second] = texts;
  if (second === undefined) return [first.slice(0, room)];
  if (first.length + second.length <= room) return texts;
  const half = room >> 1;
  const shorter = Math.min(first.length, second.length, half);
  const keptFirst = first.length > second.length ? room - shorter : shorter;
  return [first.slice(0, keptFirst), second.slice(0, room - keptFirst)];
}

function fill(template: readonly TemplatePiece[], texts: readonly (readonly number[])[]): WordPieceEncoding {
  const ids: number[] = [];
  const tokenTypes: number[] = [];
  for (const piece of template) {
    const part = 'id' in piece ? [piece.id] : (texts[piece.text] ?? []);
    for (const id of part) {
      ids.push(id);
      tokenTypes.push(piece.type);
    }
  }
  return { ids, tokenTypes };
}
