import { MoatError } from '../../../base/errors.js';
import type { OpenedText, Passage, ReadOptions, TextFormat } from '../format-reader.js';
import { type JsonPart, jsonParts } from './json-parts.js';
import { isTurn } from './nested-text.js';
import { isRecord } from './record-fields.js';
import { passageOfRecord, passageOfText } from './record-passage.js';
import { textOfRecord, whyNoText } from './record-shapes.js';

/**
 * A file of JSON that is not lines: an array of records or of texts, one document each; an object that is a record; or an
 * object with arrays of records in it (`data`, `rows`, `train` …), one document a record. Such values may follow one
 * another. It is cut as it streams, so memory stays at one record. Records of no known shape are dropped; so is the rest of
 * a file that is cut off.
 */
export const json: TextFormat = {
  name: 'json',
  content: 'text',
  extensions: ['.json'],
  looksLike: looksLikeJson,
  read: readJson,
};

/** Legal tokens from the start on, the last of which the head may cut. Prose in brackets has others. */
const TOKENS = /(?:\s+|[[\]{},:]|"(?:[^"\\\n]|\\.)*(?:"|\\?$)|-?\d[\d.eE+-]*|(?:true|false|null|NaN|-?Infinity)\b)/y;

function looksLikeJson(head: string): boolean {
  if (!/^(?:\[\s*(?:["[{]|$)|\{\s*(?:"|$))/.test(head)) return false;
  const [first = '', second = ''] = head.split('\n', 2);
  if (first.startsWith('{') && first.trim() !== '{' && second.startsWith('{')) return false; // JSON lines
  TOKENS.lastIndex = 0;
  let end = 0;
  while (TOKENS.test(head)) end = TOKENS.lastIndex;
  return /^[a-zN-]*$/.test(head.slice(end));
}

type Element = Extract<JsonPart, { kind: 'element' | 'field' }>;

/** A list that begins with so many elements of no known shape is no list of records, and is left. */
const MAX_UNKNOWN = 20;
/** How many fields of an object that is too large to show are shown, and how much of each. */
const MAX_SEEN = 20;

async function* readJson(file: OpenedText, options: ReadOptions): AsyncGenerator<Passage> {
  let value: { take(part: Element): Iterable<Passage>; end(): Iterable<Passage> } | undefined;
  for await (const part of jsonParts(file.text(), options.maxCharacters)) {
    if (part.kind === 'begin') {
      value = part.of === 'array' ? new List(file.origin, options) : new Table(file.origin, options, part.line);
    } else if (part.kind === 'end') {
      if (value !== undefined) yield* value.end();
      value = undefined;
    } else if (part.kind === 'broken') {
      // Lists hand on what was whole when it came; of an object nothing is known until it ends.
      if (value instanceof Table) yield* value.cutOff();
      yield malformed(file.origin, part.line, part.what, options);
      return;
    } else if (value !== undefined) {
      yield* value.take(part);
    }
  }
}

/** An array, whose elements are records or texts. */
class List {
  private known = 0;
  private unknown = 0;

  constructor(
    private readonly origin: string,
    private readonly options: ReadOptions,
  ) {}

  *take(part: Element): Generator<Passage> {
    if (this.known === 0 && this.unknown >= MAX_UNKNOWN) return;
    const element = parsed(part, this.origin, this.options);
    if (element.kind === 'passage') return yield element.passage;
    const place = `${this.origin}:${part.line}`;
    const passage =
      typeof element.value === 'string'
        ? passageOfText(element.value, place, part.line, this.options.maxCharacters)
        : passageOfRecord(element.value, place, part.line, this.options);
    if (passage === undefined) this.unknown++;
    else this.known++;
    yield passage ?? unknownShape(element.value, place, part.line, this.options);
  }

  /** What it holds is out already. */
  *end(): Generator<Passage> {}
}

/** An object: a record itself, or the holder of lists of records. That is known when it ends or grows over the limit. */
class Table {
  private waiting: Element[] = [];
  private waitingCharacters = 0;
  private isHolder = false;
  /** The field whose elements come, and its list if it is one of records. */
  private key: string | undefined;
  private list: List | undefined;
  private listCount = 0;
  /** Names of the first fields, for a line to a person. */
  private readonly seen = new Map<string, string>();

  constructor(
    private readonly origin: string,
    private readonly options: ReadOptions,
    private readonly line: number,
  ) {}

  *take(part: Element): Generator<Passage> {
    if (this.isHolder) return yield* this.hold(part);
    this.waiting.push(part);
    this.waitingCharacters += part.length;
    if (this.waitingCharacters > this.options.maxCharacters) yield* this.becomeHolder();
  }

  *end(): Generator<Passage> {
    const { origin, line, options } = this;
    const place = `${origin}:${line}`;
    const broken = this.waiting.find(({ json }) => json !== undefined && parse(json) === undefined);
    const record = this.isHolder || broken !== undefined ? undefined : this.asRecord();
    const passage = record && passageOfRecord(record, place, line, options);
    if (passage !== undefined) return yield passage;
    yield* this.becomeHolder();
    if (this.listCount > 0) return;
    if (broken !== undefined) yield malformed(origin, broken.line, 'not JSON', options);
    else yield unknownShape(record ?? Object.fromEntries(this.seen), place, line, options);
  }

  *cutOff(): Generator<Passage> {
    yield* this.becomeHolder();
  }

  private *becomeHolder(): Generator<Passage> {
    this.isHolder = true;
    const parts = this.waiting;
    this.waiting = [];
    for (const part of parts) yield* this.hold(part);
  }

  private *hold(part: Element): Generator<Passage> {
    if (part.key === undefined) return;
    if (this.seen.size < MAX_SEEN) this.seen.set(part.key, part.json?.slice(0, MAX_SEEN) ?? '');
    if (part.kind !== 'element') return;
    if (part.key !== this.key) {
      this.key = part.key;
      this.list = this.isRecordOfKnownShape(part) ? new List(this.origin, this.options) : undefined;
      if (this.list !== undefined) this.listCount++;
    }
    if (this.list !== undefined) yield* this.list.take(part);
  }

  private isRecordOfKnownShape(part: Element): boolean {
    const value = part.json === undefined ? undefined : parse(part.json);
    return isRecord(value) && !isTurn(value) && textOfRecord(value, this.options.textField) !== undefined;
  }

  private asRecord(): Readonly<Record<string, unknown>> {
    const record = new Map<string, unknown>();
    for (const { kind, key, json } of this.waiting) {
      if (json === undefined || key === undefined) continue;
      const value = parse(json);
      const list = record.get(key);
      if (kind === 'field') record.set(key, value);
      else if (Array.isArray(list)) list.push(value);
      else record.set(key, [value]);
    }
    return Object.fromEntries(record);
  }
}

type Parsed =
  { readonly kind: 'value'; readonly value: unknown } | { readonly kind: 'passage'; readonly passage: Passage };

function parsed(part: Element, origin: string, options: ReadOptions): Parsed {
  if (part.json === undefined) {
    return { kind: 'passage', passage: { kind: 'too-long', line: part.line, length: part.length } };
  }
  const value = parse(part.json);
  if (value !== undefined) return { kind: 'value', value };
  return { kind: 'passage', passage: malformed(origin, part.line, 'not JSON', options) };
}

/** Undefined when it is not JSON, which has no word for undefined. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

function unknownShape(value: unknown, place: string, line: number, options: ReadOptions): Passage {
  const { what, fix } = whyNoText(value, options.textField);
  if (options.strict === true) throw new MoatError('unknown-shape', `${place}: ${what}`, { fix });
  return { kind: 'malformed', line, reason: 'unknown-shape', detail: `${place}: ${what}. ${fix}` };
}

function malformed(origin: string, line: number, what: string, options: ReadOptions): Passage {
  const detail = `${origin}:${line}: ${what}`;
  if (options.strict !== true) return { kind: 'malformed', line, reason: 'bad-json', detail };
  throw new MoatError('bad-json', detail, { fix: 'Mend the file, or run without --strict to leave such records out.' });
}
