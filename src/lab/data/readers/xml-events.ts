/** What an XML file says, piece by piece, with limits that no file can break. Entities of its own are never expanded. */
import { Parser } from 'htmlparser2';

export type XmlEvent =
  | {
      readonly kind: 'open';
      /** Without the prefix of its name space. */
      readonly name: string;
      readonly attributes: Readonly<Record<string, string>>;
      /** 1-based. */
      readonly line: number;
    }
  | { readonly kind: 'close'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string }
  /** Nothing follows it, save when the entities are what is wrong. */
  | { readonly kind: 'flaw'; readonly reason: 'entities' | 'bad-xml'; readonly line: number; readonly what: string };

const MAX_DEPTH = 256;
/** Of one tag, comment or instruction: the parser keeps it until it ends. */
const MAX_MARKUP_CHARACTERS = 1 << 20;

/** The events of each chunk together: one at a time would cost more than the parsing. */
export async function* xmlEvents(chunks: AsyncIterable<string>): AsyncGenerator<readonly XmlEvent[]> {
  let events: XmlEvent[] = [];
  const flaw = (reason: 'entities' | 'bad-xml', line: number, what: string): void => {
    events.push({ kind: 'flaw', reason, line, what });
  };
  const open: string[] = [];
  const lines = new LineCounter();
  let isOver = false;
  let rootLine: number | undefined;
  let declaresEntities = false;
  const parser = new Parser(
    {
      onopentag(name, attributes) {
        if (isOver) return;
        const line = lines.at(parser.startIndex);
        rootLine ??= line;
        open.push(name);
        events.push({ kind: 'open', name: localName(name), attributes, line });
        if (open.length <= MAX_DEPTH) return;
        isOver = true;
        parser.pause(); // what is left of the chunk would go deeper still
        flaw('bad-xml', line, `elements within elements, over ${MAX_DEPTH} deep`);
      },
      ontext(text) {
        if (!isOver && open.length > 0) events.push({ kind: 'text', text });
      },
      onclosetag(name) {
        if (isOver) return;
        open.pop();
        events.push({ kind: 'close', name: localName(name) });
      },
      onprocessinginstruction(_, data) {
        if (isOver || open.length > 0 || !/^!ENTITY\b|<!ENTITY\b/.test(data)) return;
        if (!declaresEntities)
          flaw('entities', lines.at(parser.startIndex), 'declares entities, which are not expanded');
        declaresEntities = true;
      },
    },
    { xmlMode: true },
  );
  for await (const chunk of chunks) {
    lines.take(chunk);
    parser.write(chunk);
    if (!isOver && lines.length - parser.endIndex > MAX_MARKUP_CHARACTERS + chunk.length) {
      isOver = true;
      flaw('bad-xml', lines.at(parser.endIndex), `a tag or comment over ${MAX_MARKUP_CHARACTERS} characters`);
    }
    yield events;
    events = [];
    if (isOver) return;
  }
  // The parser is not told of the end: it would close what the file leaves open.
  if (open.length > 0) flaw('bad-xml', lines.last, `the file ends inside <${open.at(-1)}>`);
  else if (rootLine === undefined) flaw('bad-xml', 1, 'there is no element in it');
  yield events;
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

/** Lines of offsets that are asked for in their order. */
class LineCounter {
  length = 0;
  private breaks: number[] = [];
  private passed = 0;
  private line = 1;

  get last(): number {
    return this.line + this.breaks.length - this.passed;
  }

  take(chunk: string): void {
    for (let at = chunk.indexOf('\n'); at !== -1; at = chunk.indexOf('\n', at + 1)) this.breaks.push(this.length + at);
    this.length += chunk.length;
  }

  at(offset: number): number {
    while (this.passed < this.breaks.length && (this.breaks[this.passed] as number) < offset) {
      this.passed++;
      this.line++;
    }
    if (this.passed > 10_000) {
      this.breaks = this.breaks.slice(this.passed);
      this.passed = 0;
    }
    return this.line;
  }
}
