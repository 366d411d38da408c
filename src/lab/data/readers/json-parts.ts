/**
 * Cuts JSON of any size into parts small enough to parse: the elements of a top-level array, the fields of a top-level
 * object, and the elements of arrays that are such fields. It follows brackets and quotes alone; whether a part is JSON is
 * for the parser to say, so that one broken element costs itself.
 */
export type JsonPart =
  | { readonly kind: 'begin'; readonly of: 'array' | 'object'; readonly line: number }
  | {
      /** An element of an array, or a field of an object. */
      readonly kind: 'element' | 'field';
      /** The field of the top-level object it is, or is in. */
      readonly key: string | undefined;
      /** 1-based, of its first character. */
      readonly line: number;
      /** In UTF-16 units. */
      readonly length: number;
      /** Undefined when it is over the limit. */
      readonly json: string | undefined;
    }
  | { readonly kind: 'end' }
  | { readonly kind: 'broken'; readonly line: number; readonly what: string };

const OUTSIDE = /["[\]{},:\n]/g;
const IN_STRING = /["\\\n]/g;

/**
 * Values may follow one another, as in files of pretty-printed records.
 * @param maxCharacters the limit for a part; longer ones are read past, not kept
 */
export async function* jsonParts(chunks: AsyncIterable<string>, maxCharacters: number): AsyncGenerator<JsonPart> {
  const cutter = new Cutter(maxCharacters);
  for await (const chunk of chunks) yield* cutter.take(chunk);
  yield* cutter.end();
}

class Cutter {
  private depth = 0;
  private top: '[' | '{' = '[';
  /** Depth of the array whose elements are cut; 0: between fields of an object. */
  private elementDepth = 0;
  private key: string | undefined;
  private line = 1;
  private inString = false;
  private isEscaped = false;
  private pieces: string[] = [];
  private length = 0;
  private isBlank = true;
  /** Of the part's first character that is no white space. */
  private firstLine = 1;

  constructor(private readonly maxCharacters: number) {}

  *take(chunk: string): Generator<JsonPart> {
    let kept = 0;
    let at = this.isEscaped ? 1 : 0;
    this.isEscaped = false;
    for (;;) {
      const pattern = this.inString ? IN_STRING : OUTSIDE;
      pattern.lastIndex = at;
      const match = pattern.exec(chunk);
      if (match === null) break;
      at = match.index + 1;
      const character = match[0];
      if (character === '\n') {
        if (this.inString) {
          this.keep(chunk.slice(kept, match.index));
          kept = match.index;
          yield* this.mendQuote();
        }
        this.line++;
      } else if (character === '"') {
        this.inString = !this.inString;
      } else if (character === '\\') {
        this.isEscaped = at === chunk.length;
        at++;
      } else if (this.isBoundary(character)) {
        this.keep(chunk.slice(kept, match.index));
        kept = at;
        yield* this.cross(character);
      } else if (character === '[' || character === '{') {
        this.depth++;
      } else if (character === ']' || character === '}') {
        this.depth--;
      }
    }
    this.keep(chunk.slice(kept));
  }

  *end(): Generator<JsonPart> {
    if (this.depth > 0) yield { kind: 'broken', line: this.firstLine, what: 'the file ends inside a value' };
    else if (!this.isBlank) yield this.outside();
  }

  /**
   * A string of JSON holds no line break: one there means a missing quote, and the string ends, so that the rest is read.
   * Brackets that closed the part on the same line were taken for text.
   */
  private *mendQuote(): Generator<JsonPart> {
    this.inString = false;
    if (this.elementDepth === 0 || this.depth <= this.elementDepth || this.firstLine !== this.line) return;
    this.depth = this.elementDepth;
    yield this.part();
    this.startPart();
  }

  /** Whether the part that is being read ends here, or a level is entered whose parts are wanted. */
  private isBoundary(character: string): boolean {
    switch (character) {
      case '[':
        return this.depth === 0 || (this.depth === 1 && this.top === '{' && this.key !== undefined);
      case '{':
        return this.depth === 0;
      case ':':
        return this.depth === 1 && this.top === '{' && this.key === undefined;
      default:
        return this.depth <= 1 || this.depth === this.elementDepth;
    }
  }

  private *cross(character: string): Generator<JsonPart> {
    if (this.depth === 0) {
      if (!this.isBlank || (character !== '[' && character !== '{')) yield this.outside();
      if (character === '[' || character === '{') {
        this.top = character;
        this.depth = 1;
        this.elementDepth = character === '[' ? 1 : 0;
        yield { kind: 'begin', of: character === '[' ? 'array' : 'object', line: this.line };
      }
    } else if (character === '[') {
      this.depth = 2;
      this.elementDepth = 2;
    } else if (character === ':') {
      this.key = keyOf(this.pieces.join(''));
    } else {
      if (!this.isBlank) yield this.part();
      if (character !== ',') yield* this.leave();
      if (this.elementDepth === 0) this.key = undefined;
    }
    this.startPart();
  }

  private *leave(): Generator<JsonPart> {
    this.depth--;
    this.elementDepth = 0;
    if (this.depth === 0) yield { kind: 'end' };
  }

  private part(): JsonPart {
    const json = this.length > this.maxCharacters ? undefined : this.pieces.join('');
    const kind = this.elementDepth === 0 ? 'field' : 'element';
    return { kind, key: this.key, line: this.firstLine, length: this.length, json };
  }

  private outside(): JsonPart {
    return { kind: 'broken', line: this.firstLine, what: 'text outside of any array or object' };
  }

  private startPart(): void {
    this.pieces = [];
    this.length = 0;
    this.firstLine = this.line;
    this.isBlank = true;
  }

  private keep(piece: string): void {
    if (this.isBlank) {
      const space = /^\s*/.exec(piece)?.[0] ?? '';
      this.firstLine += space.split('\n').length - 1;
      this.isBlank = space.length === piece.length;
    }
    this.length += piece.length;
    if (this.length <= this.maxCharacters) this.pieces.push(piece);
  }
}

/** Its escapes undone; as it stands when it is not JSON. */
function keyOf(json: string): string {
  try {
    return String(JSON.parse(json));
  } catch {
    return json.trim();
  }
}
