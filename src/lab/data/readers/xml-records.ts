/** Kinds of XML that are lists of records: which element is one, and what its text is. */
import { textOfMarkup, textOfWiki } from './xml-markup.js';
import { withoutLineBreaks } from './xml-text.js';

export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (string | XmlElement)[];
}

/** A record's text, or why it has none. */
export type RecordText =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'left-out'; readonly reason: string; readonly what: string };

export interface XmlRecordKind {
  readonly element: string;
  read(record: XmlElement): RecordText;
}

/** TMX 1.4b, and XLIFF 1.2 and 2.x: one unit of translation a document, its languages with a blank line between. */
const translationUnit = (element: string): XmlRecordKind => ({ element, read: parallel });
/** RSS 2.0 and 1.0, and Atom (RFC 4287): title and text of an item. */
const feedItem = (element: string, texts: readonly string[]): XmlRecordKind => ({
  element,
  read: (item) => titled(textOfMarkup(textOf(child(item, 'title'))), longest(item, texts)),
});
/** https://www.mediawiki.org/wiki/Help:Export: the last revision of each article. */
const page: XmlRecordKind = { element: 'page', read: article };

/** By the name of the root element. */
export const XML_RECORDS: ReadonlyMap<string, XmlRecordKind> = new Map([
  ['tmx', translationUnit('tu')],
  ['xliff', translationUnit('trans-unit')],
  ['xliff 2', translationUnit('segment')],
  ['rss', feedItem('item', ['encoded', 'description'])],
  ['RDF', feedItem('item', ['encoded', 'description'])],
  ['feed', feedItem('entry', ['content', 'summary'])],
  ['mediawiki', page],
]);

/** Elements of TMX and XLIFF that hold a program's codes. */
const NATIVE_CODES = new Set(['bpt', 'ept', 'it', 'ph', 'ut', 'x']);

function parallel(unit: XmlElement): RecordText {
  const sides = unit.children.flatMap((side) => {
    if (typeof side === 'string') return [];
    if (side.name === 'tuv') return [textOf(child(side, 'seg'), NATIVE_CODES)];
    return side.name === 'source' || side.name === 'target' ? [textOf(side, NATIVE_CODES)] : [];
  });
  const texts = sides.map(withoutLineBreaks).filter((side) => side !== '');
  if (texts.length < 2) return { kind: 'left-out', reason: 'untranslated', what: 'a unit without a translation' };
  return { kind: 'text', text: texts.join('\n\n') };
}

/** Feeds carry a summary, the whole text, or both. */
function longest(item: XmlElement, names: readonly string[]): string {
  const texts = names.map((name) => textOfMarkup(textOf(child(item, name))));
  return texts.reduce((best, text) => (text.length > best.length ? text : best), '');
}

function article(record: XmlElement): RecordText {
  const title = textOf(child(record, 'title'));
  const space = textOf(child(record, 'ns')) || '0';
  if (space !== '0') return { kind: 'left-out', reason: 'not-an-article', what: `${title} is not an article` };
  if (child(record, 'redirect') !== undefined) {
    return { kind: 'left-out', reason: 'redirect', what: `${title} leads to another page` };
  }
  const revisions = record.children.filter((each) => typeof each !== 'string' && each.name === 'revision');
  const last = revisions.at(-1);
  const wiki = typeof last === 'object' ? textOf(child(last, 'text')) : '';
  return titled(title, textOfWiki(wiki));
}

function titled(title: string, text: string): RecordText {
  return { kind: 'text', text: text.trim() === '' ? '' : `${title}\n\n${text}`.trim() };
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((each): each is XmlElement => typeof each !== 'string' && each.name === name);
}

function textOf(element: XmlElement | undefined, skipped: ReadonlySet<string> = new Set()): string {
  if (element === undefined) return '';
  return element.children
    .map((each) => (typeof each === 'string' ? each : skipped.has(each.name) ? '' : textOf(each, skipped)))
    .join('');
}
