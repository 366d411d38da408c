/**
 * JSON (RFC 8259) as pieces of a grammar. Written compactly, with at most one space after a colon or a comma: what may
 * grow without end is what a model gets lost in.
 */
import { type CodePoints, codePoints, intersect, only, utf8Sequences, without } from './code-points.js';
import type { GrammarBuilder, Piece, Rule } from './byte-grammar.js';

/** Digits of a number before and after its point: what a double tells apart. */
export const MAX_DIGITS = 15;
const DIGIT: readonly [number, number] = [0x30, 0x39];
/** What stands in a string as it is. */
const PLAIN = without(codePoints([[0x20, 0x10ffff]]), codePoints([...only('"'), ...only('\\')]));
const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
};

export interface JsonPieces {
  text(literal: string): Piece;
  /** One of these; what begins alike is read once, so that thousands stay apart. */
  texts(literals: readonly string[]): Piece;
  comma(): Piece;
  colon(): Piece;
  /** One character of a string whose code point is in the set, escaped where it must be. */
  character(set: CodePoints): Piece;
  /** One character of a string, in every form that JSON has for it. */
  anyCharacter(): Piece;
  string(content: Piece): Piece;
  /** Any string. */
  anyString(): Piece;
  number(options?: { readonly isNegativeAllowed: boolean }): Piece;
  integer(): Piece;
  /** Any value at all, or any object. */
  anyValue(): Piece;
  anyObject(): Piece;
  array(item: () => Piece, least: number, most: number | undefined): Piece;
}

export function createJsonPieces(builder: GrammarBuilder): JsonPieces {
  const { byte, sequence, either, optional, repeat, call } = builder;
  const rules = new Map<string, Rule>();
  /** A piece that is built once and called from everywhere, itself included. */
  const shared = (name: string, build: () => Piece): Piece => {
    let rule = rules.get(name);
    if (rule === undefined) {
      rules.set(name, (rule = builder.declare()));
      builder.define(rule, build());
    }
    return call(rule);
  };
  const text = (literal: string): Piece => builder.literal(new Uint8Array(Buffer.from(literal)));
  const spelled = (set: CodePoints): Piece[] =>
    utf8Sequences(set).map((ranges) => sequence(ranges.map((range) => byte([range]))));
  const pieces: JsonPieces = {
    text,
    texts: (literals) => textTrie(builder, literals),
    comma: () => sequence([text(','), optional(text(' '))]),
    colon: () => sequence([text(':'), optional(text(' '))]),
    character(set) {
      const escaped = Object.entries(SHORT_ESCAPES)
        .filter(([character]) => contains(set, character))
        .map(([, letter]) => text(`\\${letter}`));
      const choices = [...spelled(intersect(set, PLAIN)), ...escaped];
      return choices.length === 0 ? builder.byte([]) : either(choices);
    },
    anyCharacter: () => shared('character', () => anyCharacter(builder, text, spelled)),
    string: (content) => sequence([text('"'), content, text('"')]),
    anyString: () => shared('string', () => pieces.string(repeat(() => pieces.anyCharacter(), 0, undefined))),
    number: ({ isNegativeAllowed } = { isNegativeAllowed: true }) =>
      shared(`number ${isNegativeAllowed}`, () => numberPiece(builder, text, isNegativeAllowed)),
    integer: () => shared('integer', () => sequence([optional(text('-')), wholeNumber(builder, text)])),
    anyValue: () =>
      shared('value', () =>
        either([
          pieces.anyString(),
          pieces.number(),
          pieces.anyObject(),
          shared('array', () => pieces.array(() => pieces.anyValue(), 0, undefined)),
          ...['true', 'false', 'null'].map(text),
        ]),
      ),
    anyObject: () =>
      shared('object', () => {
        const member = (): Piece =>
          shared('member', () => sequence([pieces.anyString(), pieces.colon(), pieces.anyValue()]));
        return sequence([text('{'), list(builder, pieces, member, 0, undefined), text('}')]);
      }),
    array: (item, least, most) => sequence([text('['), list(builder, pieces, item, least, most), text(']')]),
  };
  return pieces;
}

interface TextTrie {
  readonly piece: Piece;
  readonly children: Map<number, TextTrie>;
}

/** Pieces joined as a trie: one leads on to several others. */
function textTrie({ byte, empty, sequence }: GrammarBuilder, literals: readonly string[]): Piece {
  const [start, end] = [empty(), empty()];
  const root: TextTrie = { piece: start, children: new Map() };
  for (const literal of new Set(literals)) {
    let node = root;
    for (const value of Buffer.from(literal)) {
      let child = node.children.get(value);
      if (child === undefined) {
        child = { piece: byte([[value, value]]), children: new Map() };
        sequence([node.piece, child.piece]);
        node.children.set(value, child);
      }
      node = child;
    }
    sequence([node.piece, end]);
  }
  return { from: start.from, to: end.to };
}

type Text = (literal: string) => Piece;

/** One character of a string: as it is, by a letter, or by its UTF-16 units, of which surrogates come in pairs. */
function anyCharacter(
  { byte, either, sequence }: GrammarBuilder,
  text: Text,
  spelled: (set: CodePoints) => Piece[],
): Piece {
  const one = (characters: string): Piece => byteSet(byte, characters);
  const hex = (): Piece => one('0123456789ABCDEFabcdef');
  const high = sequence([text('\\u'), one('Dd'), one('89ABab'), hex(), hex()]);
  const low = sequence([text('\\u'), one('Dd'), one('CDEFcdef'), hex(), hex()]);
  const notSurrogate = either([
    sequence([one('0123456789ABCEFabcef'), hex(), hex(), hex()]),
    sequence([one('Dd'), one('01234567'), hex(), hex()]),
  ]);
  return either([
    ...spelled(PLAIN),
    sequence([text('\\'), one('"\\/bfnrt')]),
    sequence([text('\\u'), notSurrogate]),
    sequence([high, low]),
  ]);
}

function wholeNumber({ byte, either, repeat, sequence }: GrammarBuilder, text: Text): Piece {
  const more = repeat(() => byte([DIGIT]), 0, MAX_DIGITS - 1);
  return either([text('0'), sequence([byte([[0x31, 0x39]]), more])]);
}

function numberPiece(builder: GrammarBuilder, text: Text, isNegativeAllowed: boolean): Piece {
  const { byte, optional, repeat, sequence } = builder;
  const digits = (most: number): Piece => repeat(() => byte([DIGIT]), 1, most);
  return sequence([
    ...(isNegativeAllowed ? [optional(text('-'))] : []),
    wholeNumber(builder, text),
    optional(sequence([text('.'), digits(MAX_DIGITS)])),
    optional(sequence([byteSet(byte, 'eE'), optional(byteSet(byte, '+-')), digits(2)])),
  ]);
}

/** Items with commas between them. */
function list(
  { sequence, repeat, either, empty }: GrammarBuilder,
  { comma }: JsonPieces,
  item: () => Piece,
  least: number,
  most: number | undefined,
): Piece {
  if (most === 0) return empty();
  const rest = repeat(
    () => sequence([comma(), item()]),
    Math.max(0, least - 1),
    most === undefined ? undefined : most - 1,
  );
  const some = sequence([item(), rest]);
  return least > 0 ? some : either([empty(), some]);
}

const byteSet = (byte: GrammarBuilder['byte'], characters: string): Piece =>
  byte(Array.from(characters, (character) => [character.charCodeAt(0), character.charCodeAt(0)]));

const contains = (set: CodePoints, character: string): boolean => {
  const point = character.codePointAt(0) as number;
  return set.some(([low, high]) => low <= point && point <= high);
};
