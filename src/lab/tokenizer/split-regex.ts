/**
 * The regular expressions of `tokenizer.json`, which are written for Oniguruma, as JavaScript's. What the two read
 * differently is written out: `\s` and `\d`, letters of either case `(?i:…)`, possessive quantifiers. Everything that
 * no tokenizer needs is refused, and so is what can take exponential time, as repetitions of repetitions: the expression
 * comes with a file, and the file from anywhere.
 */

/** Why an expression is not taken; the caller says where it stood. */
export class SplitRegexError extends Error {}

const MAX_PATTERN_LENGTH = 4096;
const MAX_DEPTH = 16;

/** Inside a class; outside, each stands in one of its own. */
const SHORTHANDS: Readonly<Record<string, string>> = {
  s: '\\p{White_Space}',
  S: '\\P{White_Space}',
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: '\\p{L}\\p{M}\\p{Nd}\\p{Pc}',
  r: '\\r',
  n: '\\n',
  t: '\\t',
  f: '\\f',
  v: '\\v',
};
/** Letters that are one letter under Unicode's simple case folding, beyond ASCII's own two. */
const FOLDED: Readonly<Record<string, string>> = { s: 'ſ', k: '\u212A' };

/**
 * Per alternative: groups and quantifiers in all, and quantifiers without an upper end. They bound the power of the
 * text's length that a search can take; the tokenizers of GPT-4o and Qwen have at most five and two.
 */
const MAX_CHOICES = 8;
const MAX_REPETITIONS = 3;

/** Where reading stands. */
interface Reader {
  readonly characters: readonly string[];
  position: number;
  captures: number;
  /** Of the outermost alternative. */
  choices: number;
  repetitions: number;
}

/** What of the expression is read at once. */
interface Atom {
  readonly source: string;
  readonly isGroup: boolean;
}

/** @throws SplitRegexError naming what is not taken */
export function compileSplitRegex(pattern: string): RegExp {
  if (pattern.length > MAX_PATTERN_LENGTH) throw new SplitRegexError(`over ${MAX_PATTERN_LENGTH} characters`);
  const reader: Reader = { characters: Array.from(pattern), position: 0, captures: 0, choices: 0, repetitions: 0 };
  const source = alternatives(reader, false, 0);
  if (reader.position < reader.characters.length) throw new SplitRegexError('")" without "("');
  try {
    return new RegExp(source, 'gu');
  } catch (error) {
    throw new SplitRegexError(`not understood: ${pattern}`, { cause: error });
  }
}

const peek = ({ characters, position }: Reader): string | undefined => characters[position];

/** The characters ahead, as far as a quantifier or a property goes. */
const ahead = ({ characters, position }: Reader): string => characters.slice(position, position + 40).join('');

function skip(reader: Reader, text: string): boolean {
  if (!ahead(reader).startsWith(text)) return false;
  reader.position += text.length;
  return true;
}

/** The next character, which is there. */
function take(reader: Reader, otherwise: string): string {
  const character = peek(reader);
  if (character === undefined) throw new SplitRegexError(otherwise);
  reader.position++;
  return character;
}

function alternatives(reader: Reader, anyCase: boolean, depth: number): string {
  if (depth > MAX_DEPTH) throw new SplitRegexError(`groups nested over ${MAX_DEPTH} deep`);
  let source = '';
  for (let next = peek(reader); next !== undefined && next !== ')'; next = peek(reader)) {
    if (skip(reader, '|')) {
      source += '|';
      if (depth === 0) reader.choices = reader.repetitions = 0;
    } else {
      source += quantified(reader, atom(reader, anyCase, depth));
    }
  }
  return source;
}

function atom(reader: Reader, anyCase: boolean, depth: number): Atom {
  for (const opening of ['(?!', '(?=', '(?:', '(?i:', '(']) {
    if (!skip(reader, opening)) continue;
    if (opening === '(' && peek(reader) === '?')
      throw new SplitRegexError(`"(${ahead(reader).slice(0, 3)}" is not taken`);
    countChoice(reader);
    const inside = alternatives(reader, anyCase || opening === '(?i:', depth + 1);
    if (!skip(reader, ')')) throw new SplitRegexError('"(" without ")"');
    const isLook = opening === '(?!' || opening === '(?=';
    return { source: `${isLook ? opening : '(?:'}${inside})`, isGroup: true };
  }
  const single = (source: string): Atom => ({ source, isGroup: false });
  if (skip(reader, '[')) return single(characterClass(reader, anyCase));
  if (skip(reader, '.')) return single('[^\\n]');
  if (skip(reader, '\\')) return single(escaped(reader, false));
  const literal = take(reader, 'it ends too early');
  if ('^$*+?{'.includes(literal)) throw new SplitRegexError(`"${literal}" is not taken here`);
  return single(anyCase ? bothCases(literal) : quote(literal));
}

function characterClass(reader: Reader, anyCase: boolean): string {
  let inside = skip(reader, '^') ? '^' : '';
  if (peek(reader) === ']') throw new SplitRegexError('an empty class');
  for (let isFirst = true; !skip(reader, ']'); isFirst = false) {
    if (skip(reader, '[') || skip(reader, '&&')) throw new SplitRegexError('classes in classes are not taken');
    const literal = take(reader, '"[" without "]"');
    if (literal === '\\') inside += escaped(reader, true);
    else if (literal !== '-') inside += anyCase ? cases(literal) : quoteInClass(literal);
    else if (isFirst || peek(reader) === ']') inside += '\\-';
    else if (anyCase) throw new SplitRegexError('a range in "(?i:" is not taken');
    else inside += '-';
  }
  return `[${inside}]`;
}

/** What follows a backslash. */
function escaped(reader: Reader, inClass: boolean): string {
  const letter = take(reader, 'it ends with "\\"');
  if (letter === 'p' || letter === 'P') return property(reader, letter);
  const shorthand = SHORTHANDS[letter];
  if (shorthand !== undefined) return inClass ? shorthand : `[${shorthand}]`;
  if (/[a-zA-Z0-9]/.test(letter)) throw new SplitRegexError(`"\\${letter}" is not taken`);
  return inClass ? quoteInClass(letter) : quote(letter);
}

/** A general category, or else a script. */
function property(reader: Reader, letter: 'p' | 'P'): string {
  const name = /^\{(\w+)\}/.exec(ahead(reader))?.[1];
  if (name === undefined) throw new SplitRegexError(`"\\${letter}" without a {property}`);
  reader.position += name.length + 2;
  return /^[CLMNPSZ][a-z]?$/.test(name) ? `\\${letter}{${name}}` : `\\${letter}{Script=${name}}`;
}

function quantified(reader: Reader, { source, isGroup }: Atom): string {
  const count = /^(?:[?*+]|\{\d{1,3}(?:,\d{0,3})?\})/.exec(ahead(reader))?.[0];
  if (count === undefined) return source;
  reader.position += count.length;
  countChoice(reader);
  if (isGroup && count !== '?') throw new SplitRegexError('a repeated group');
  if (count !== '?' && ++reader.repetitions > MAX_REPETITIONS)
    throw new SplitRegexError(`over ${MAX_REPETITIONS} repetitions in one alternative`);
  if (skip(reader, '?')) return `${source}${count}?`;
  if (!skip(reader, '+')) return `${source}${count}`;
  if (count.startsWith('{')) throw new SplitRegexError(`"${count}+" is not taken`);
  // possessive: what a look-ahead has matched is not tried again
  const name = `p${reader.captures++}`;
  return `(?=(?<${name}>${source}${count}))\\k<${name}>`;
}

function countChoice(reader: Reader): void {
  if (++reader.choices > MAX_CHOICES)
    throw new SplitRegexError(`over ${MAX_CHOICES} groups and quantifiers in one alternative`);
}

const quote = (literal: string): string => (/[\^$\\.*+?()[\]{}|/]/.test(literal) ? `\\${literal}` : literal);
const quoteInClass = (literal: string): string => (literal === '-' ? '\\-' : quote(literal));

/** Members of a class that stand for this character in either case. */
function cases(literal: string): string {
  if (!/[a-zA-Z]/.test(literal)) return quoteInClass(literal);
  const lower = literal.toLowerCase();
  return `${lower}${lower.toUpperCase()}${FOLDED[lower] ?? ''}`;
}

const bothCases = (literal: string): string => (/[a-zA-Z]/.test(literal) ? `[${cases(literal)}]` : quote(literal));
