import { MoatError } from '../../../base/errors.js';
import type { OpenedText, Passage, ReadOptions, TextFormat } from '../format-reader.js';
import type { Line } from '../lines.js';
import { readPlainText } from '../plain-text.js';
import { orEmpty, passageOfText } from './record-passage.js';
import { type XmlEvent, xmlEvents } from './xml-events.js';
import { XML_RECORDS, type XmlElement, type XmlRecordKind } from './xml-records.js';
import { XmlText } from './xml-text.js';

/**
 * XML: kinds that are lists of records (TMX, XLIFF, RSS, Atom, dumps of MediaWiki) give one document a record; of all
 * others (TEI, DocBook, one's own) the text is taken in its order, blocks on lines, and cut as plain text is. It streams;
 * what was whole before a file is cut off is kept.
 */
export const xml: TextFormat = {
  name: 'xml',
  content: 'text',
  extensions: ['.xml', '.tei', '.dbk', '.docbook', '.tmx', '.xlf', '.xliff', '.rss', '.atom'],
  looksLike: looksLikeXml,
  read: readXml,
};

const PROLOGUE = /^(?:\s+|<\?[^>]*\?>|<!--[\s\S]*?-->|<!DOCTYPE[^<>[]*(?:\[[\s\S]*?\]\s*)?>)*/;

/** A declaration, or a root only XML has; XHTML is left to the reader of web pages. */
function looksLikeXml(head: string): boolean {
  const prologue = PROLOGUE.exec(head)?.[0] ?? '';
  const root = /^<(?:[\w.-]+:)?([\w.-]+)/.exec(head.slice(prologue.length))?.[1];
  if (root === undefined || root.toLowerCase() === 'html') return false;
  return prologue.includes('<?xml') || XML_RECORDS.has(root) || root === 'TEI';
}

async function* readXml(file: OpenedText, options: ReadOptions): AsyncGenerator<Passage> {
  const kind = await recordKindOf(file);
  const passages = kind === undefined ? readText(file, options) : readRecords(file, kind, options);
  yield* orEmpty(passages, `${file.origin}: there is no text in it`);
}

/** By the root element, which is read ahead for it. */
async function recordKindOf(file: OpenedText): Promise<XmlRecordKind | undefined> {
  for await (const events of xmlEvents(file.text())) {
    const root = events.find((event) => event.kind === 'open');
    if (root === undefined) continue;
    const isXliff2 = root.name === 'xliff' && root.attributes['version']?.startsWith('2') === true;
    return XML_RECORDS.get(isXliff2 ? 'xliff 2' : root.name);
  }
  return undefined;
}

async function* readText(file: OpenedText, options: ReadOptions): AsyncGenerator<Passage> {
  const flaws: Passage[] = [];
  const lines = async function* (): AsyncGenerator<Line> {
    const text = new XmlText(options.maxCharacters);
    for await (const events of xmlEvents(file.text())) {
      for (const event of events) {
        if (event.kind === 'flaw') flaws.push(flawed(event, file.origin, options));
        else yield* text.take(event);
      }
    }
    yield* text.end();
  };
  yield* readPlainText(lines());
  yield* flaws;
}

/** A record with more elements is cut short: none of the kinds that are read has so many. */
const MAX_ELEMENTS = 100_000;

async function* readRecords(file: OpenedText, kind: XmlRecordKind, options: ReadOptions): AsyncGenerator<Passage> {
  let open: XmlElement[] = [];
  let line = 1;
  let length = 0;
  let elements = 0;
  for await (const events of xmlEvents(file.text())) {
    for (const event of events) {
      if (event.kind === 'flaw') {
        yield flawed(event, file.origin, options);
      } else if (event.kind === 'open') {
        if (open.length === 0) {
          if (event.name !== kind.element) continue;
          [line, length, elements] = [event.line, 0, 0];
        }
        const element: XmlElement = { name: event.name, attributes: event.attributes, children: [] };
        if (++elements <= MAX_ELEMENTS) open.at(-1)?.children.push(element);
        open.push(element);
      } else if (event.kind === 'text') {
        length += event.text.length;
        if (length <= options.maxCharacters) open.at(-1)?.children.push(event.text);
      } else {
        const element = open.pop();
        if (element === undefined || open.length > 0) continue;
        open = [];
        if (length > options.maxCharacters) yield { kind: 'too-long', line, length };
        else yield recordPassage(element, kind, `${file.origin}:${line}`, line, options);
      }
    }
  }
}

function recordPassage(
  element: XmlElement,
  kind: XmlRecordKind,
  place: string,
  line: number,
  options: ReadOptions,
): Passage {
  const found = kind.read(element);
  if (found.kind === 'text') return passageOfText(found.text, place, line, options.maxCharacters);
  return { kind: 'malformed', line, reason: found.reason, detail: `${place}: ${found.what}` };
}

function flawed(flaw: Extract<XmlEvent, { kind: 'flaw' }>, origin: string, options: ReadOptions): Passage {
  const detail = `${origin}:${flaw.line}: ${flaw.what}`;
  if (options.strict === true && flaw.reason === 'bad-xml') {
    throw new MoatError('bad-xml', detail, { fix: 'Mend the file, or run without --strict to keep what is whole.' });
  }
  return { kind: 'malformed', line: flaw.line, reason: flaw.reason, detail };
}
