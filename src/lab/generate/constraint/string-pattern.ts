/**
 * The `pattern` of a JSON schema as a piece of a grammar: the regular expressions that describe a regular language, in
 * JavaScript's syntax with the u flag. Like there, a pattern without `^` and `$` may stand anywhere in the string.
 */
import type { GrammarBuilder, Piece } from './byte-grammar.js';
import { ALL, type CodePoints, type Range, codePoints, only, without } from './code-points.js';
import type { JsonPieces } from './json-pieces.js';

/** Why a pattern is not taken; the caller says where it stood. */
export class PatternError extends Error {}

type Expression =
  | { readonly kind: 'set'; readonly set: CodePoints }
  | { readonly kind: 'sequence' | 'either'; readonly parts: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly part: Expression; readonly least: number; readonly most: number | undefined };

interface Alternative {
  readonly expression: Expression;
  readonly isAtStart: boolean;
  readonly isAtEnd: boolean;
}

interface Reader {
  readonly characters: readonly string[];
  position: number;
}

const MAX_DEPTH = 32;
const MAX_COUNT = 1000;
const DIGITS: CodePoints = [[0x30, 0x39]];
const WORD = codePoints([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]);
const SPACE = codePoints([
  ...([0x20, 0xa0, 0x1680, 0x202f, 0x205f, 0x3000, 0xfeff].map((point) => [point, point]) satisfies [number, number][]),
  ...([
    [0x09, 0x0d],
    [0x2000, 0x200a],
    [0x2028, 0x2029],
  ] satisfies Range[]),
]);
const LINE_ENDS = codePoints([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
]);
const SHORTHANDS: Readonly<Record<string, CodePoints>> = {
  d: DIGITS,
  D: without(ALL, DIGITS),
  w: WORD,
  W: without(ALL, WORD),
  s: SPACE,
  S: without(ALL, SPACE),
  n: only('\n'),
  r: only('\r'),
  t: only('\t'),
  f: only('\f'),
  v: only('\v'),
};

/** @throws PatternError naming what is not taken */
export function patternPiece(pattern: string, builder: GrammarBuilder, json: JsonPieces): Piece {
  const reader: Reader = { characters: Array.from(pattern), position: 0 };
  const alternatives = [readAlternative(reader)];
  while (skip(reader, '|')) alternatives.push(readAlternative(reader));
  if (peek(reader) !== undefined) throw new PatternError('")" without "("');
  const { sequence, either, repeat } = builder;
  const anything = (): Piece => repeat(() => json.anyCharacter(), 0, undefined);
  return either(
    alternatives.map(({ expression, isAtStart, isAtEnd }) =>
      sequence([
        ...(isAtStart ? [] : [anything()]),
        build(expression, builder, json),
        ...(isAtEnd ? [] : [anything()]),
      ]),
    ),
  );
}

function build(expression: Expression, builder: GrammarBuilder, json: JsonPieces): Piece {
  switch (expression.kind) {
    case 'set':
      return json.character(expression.set);
    case 'sequence':
      return builder.sequence(expression.parts.map((part) => build(part, builder, json)));
    case 'either':
      return builder.either(expression.parts.map((part) => build(part, builder, json)));
    case 'repeat':
      return builder.repeat(() => build(expression.part, builder, json), expression.least, expression.most);
    default:
      return expression satisfies never;
  }
}

const peek = ({ characters, position }: Reader, ahead = 0): string | undefined => characters[position + ahead];

function skip(reader: Reader, text: string): boolean {
  const { characters, position } = reader;
  if (characters.slice(position, position + text.length).join('') !== text) return false;
  reader.position += text.length;
  return true;
}

function take(reader: Reader, otherwise: string): string {
  const character = peek(reader);
  if (character === undefined) throw new PatternError(otherwise);
  reader.position++;
  return character;
}

function readAlternative(reader: Reader): Alternative {
  const isAtStart = skip(reader, '^');
  const expression = readSequence(reader, 0);
  return { expression, isAtStart, isAtEnd: skip(reader, '$') };
}

function readSequence(reader: Reader, depth: number): Expression {
  if (depth > MAX_DEPTH) throw new PatternError(`groups nested over ${MAX_DEPTH} deep`);
  const parts: Expression[] = [];
  for (let next = peek(reader); next !== undefined && !'|)$'.includes(next); next = peek(reader))
    parts.push(readCount(reader, readAtom(reader, depth)));
  return { kind: 'sequence', parts };
}

function readAtom(reader: Reader, depth: number): Expression {
  if (skip(reader, '(?:')) return readGroup(reader, depth);
  if (skip(reader, '(')) {
    if (peek(reader) === '?') throw new PatternError('"(?" other than "(?:" is not taken');
    return readGroup(reader, depth);
  }
  const set = (points: CodePoints): Expression => ({ kind: 'set', set: points });
  if (skip(reader, '[')) return set(readClass(reader));
  const character = take(reader, 'it ends too early');
  if (character === '.') return set(without(ALL, LINE_ENDS));
  if (character === '\\') return set(readEscape(reader));
  if ('^*+?{}]'.includes(character)) throw new PatternError(`"${character}" is not taken here`);
  return set(only(character));
}

function readGroup(reader: Reader, depth: number): Expression {
  const parts = [readSequence(reader, depth + 1)];
  while (skip(reader, '|')) parts.push(readSequence(reader, depth + 1));
  if (!skip(reader, ')')) throw new PatternError(peek(reader) === '$' ? '"$" within a group' : '"(" without ")"');
  return { kind: 'either', parts };
}

function readCount(reader: Reader, part: Expression): Expression {
  const written = reader.characters.slice(reader.position, reader.position + 16).join('');
  const [count, least, comma, most] = /^(?:[?*+]|\{(\d{1,4})(,?)(\d{0,4})\})/.exec(written) ?? [];
  if (count === undefined) return part;
  reader.position += count.length;
  // lazy or greedy, the same strings fit
  if (skip(reader, '+')) throw new PatternError('possessive quantifiers are not taken');
  skip(reader, '?');
  const repeat = (from: number, to: number | undefined): Expression => {
    if (from > MAX_COUNT || (to ?? 0) > MAX_COUNT || (to ?? from) < from)
      throw new PatternError(`${count}: counts up to ${MAX_COUNT} are taken, in rising order`);
    return { kind: 'repeat', part, least: from, most: to };
  };
  if (count === '?') return repeat(0, 1);
  if (count === '*') return repeat(0, undefined);
  if (count === '+') return repeat(1, undefined);
  if (comma === '') return repeat(Number(least), Number(least));
  return repeat(Number(least), most === '' ? undefined : Number(most));
}

function readClass(reader: Reader): CodePoints {
  const isNegated = skip(reader, '^');
  const ranges: Range[] = [];
  while (!skip(reader, ']')) {
    const low = readMember(reader);
    const isRange = peek(reader) === '-' && peek(reader, 1) !== ']' && peek(reader, 1) !== undefined;
    if (!isRange) {
      ranges.push(...low);
      continue;
    }
    reader.position++;
    const [from, to] = [single(low), single(readMember(reader))];
    if (from > to) throw new PatternError('a range out of order');
    ranges.push([from, to]);
  }
  const set = codePoints(ranges);
  return isNegated ? without(ALL, set) : set;
}

function readMember(reader: Reader): CodePoints {
  const character = take(reader, '"[" without "]"');
  return character === '\\' ? readEscape(reader) : only(character);
}

function single(set: CodePoints): number {
  const [first, ...others] = set;
  if (first === undefined || others.length > 0 || first[0] !== first[1])
    throw new PatternError('a range needs a character at each end');
  return first[0];
}

function readEscape(reader: Reader): CodePoints {
  const letter = take(reader, 'it ends with "\\"');
  const shorthand = SHORTHANDS[letter];
  if (shorthand !== undefined) return shorthand;
  if (letter === 'u' || letter === 'x') {
    const written = reader.characters.slice(reader.position, reader.position + 10).join('');
    const found = (letter === 'x' ? /^([\da-f]{2})/i : /^(?:([\da-f]{4})|\{([\da-f]{1,6})\})/i).exec(written);
    const point = Number.parseInt(found?.[1] ?? found?.[2] ?? '', 16);
    if (found === null || !(point <= 0x10ffff)) throw new PatternError(`"\\${letter}" without a code point`);
    reader.position += found[0].length;
    return codePoints([[point, point]]);
  }
  if (/[a-zA-Z0-9]/.test(letter)) throw new PatternError(`"\\${letter}" is not taken`);
  return only(letter);
}
