/**
 * Reads the Markdown of model cards: headings, paragraphs, lists, tables, quotes, code, and within a line code, emphasis and
 * links. It knows no HTML, loads no picture and follows no address but http: whatever else stands there stays text. Every
 * pattern is bounded, so that a card of somebody else's takes time in proportion to its length.
 */

export type Inline =
  | { readonly kind: 'text' | 'code'; readonly text: string }
  | { readonly kind: 'strong' | 'emphasis'; readonly parts: readonly Inline[] }
  | { readonly kind: 'link'; readonly href: string; readonly parts: readonly Inline[] };

export interface ListItem {
  /** 0 for the outermost list. */
  readonly depth: number;
  /** "1." of a numbered one. */
  readonly number: string | null;
  readonly parts: readonly Inline[];
}

export type Block =
  | { readonly kind: 'heading'; readonly level: number; readonly parts: readonly Inline[] }
  | { readonly kind: 'paragraph'; readonly parts: readonly Inline[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'rule' }
  | { readonly kind: 'quote'; readonly blocks: readonly Block[] }
  | { readonly kind: 'list'; readonly items: readonly ListItem[] }
  | {
      readonly kind: 'table';
      readonly head: readonly (readonly Inline[])[];
      readonly rows: readonly (readonly (readonly Inline[])[])[];
    };

const HEADING = /^ {0,3}(#{1,6})\s+(.+)$/;
const FENCE = /^ {0,3}(```|~~~)/;
const RULE = /^ {0,3}([-*_])(?: *\1){2,} *$/;
const QUOTE = /^ {0,3}> ?/;
const ITEM = /^( {0,24})(?:[-*+]|(\d{1,9}[.)])) +(\S.*)$/;
const TABLE_RULE = /^ {0,3}\|?(?: *:?-+:? *\|)+(?: *:?-+:? *)?$/;
const MOST_QUOTES = 8;

/** @param depth of the quote it stands in */
export function readMarkdown(text: string, depth = 0): Block[] {
  const lines = text.split(/\r?\n/);
  const blocks: Block[] = [];
  let at = 0;
  /** Takes lines while they belong to what began. */
  const take = (belongs: (line: string, index: number) => boolean): string[] => {
    const start = at;
    while (at < lines.length && belongs(lines[at] ?? '', at - start)) at++;
    return lines.slice(start, at);
  };
  while (at < lines.length) {
    const line = lines[at] ?? '';
    const heading = HEADING.exec(line);
    const fence = FENCE.exec(line)?.[1];
    if (line.trim() === '') at++;
    else if (fence !== undefined) {
      at++;
      const code = take((each) => !each.trimStart().startsWith(fence));
      at++;
      blocks.push({ kind: 'code', text: code.join('\n') });
    } else if (heading !== null) {
      at++;
      const title = (heading[2] ?? '').replace(/\s#+\s*$/, '');
      blocks.push({ kind: 'heading', level: heading[1]?.length ?? 1, parts: readInline(title) });
    } else if (RULE.test(line)) {
      at++;
      blocks.push({ kind: 'rule' });
    } else if (QUOTE.test(line) && depth < MOST_QUOTES) {
      const quoted = take((each) => QUOTE.test(each)).map((each) => each.replace(QUOTE, ''));
      blocks.push({ kind: 'quote', blocks: readMarkdown(quoted.join('\n'), depth + 1) });
    } else if (ITEM.test(line)) {
      blocks.push({ kind: 'list', items: itemsOf(take((each) => ITEM.test(each) || /^\s+\S/.test(each))) });
    } else if (line.includes('|') && TABLE_RULE.test(lines[at + 1] ?? '')) {
      const [head = '', , ...rows] = take((each) => each.includes('|'));
      blocks.push({ kind: 'table', head: cellsOf(head), rows: rows.map(cellsOf) });
    } else {
      const written = take((each, index) => index === 0 || !beginsBlock(each));
      blocks.push({ kind: 'paragraph', parts: readInline(written.map((each) => each.trim()).join(' ')) });
    }
  }
  return blocks;
}

const beginsBlock = (line: string): boolean =>
  line.trim() === '' || [HEADING, FENCE, RULE, QUOTE, ITEM].some((pattern) => pattern.test(line));

/** Items with the lines that go on after them; deeper ones by their indent. */
function itemsOf(lines: readonly string[]): ListItem[] {
  const items: { indent: number; number: string | null; text: string }[] = [];
  for (const line of lines) {
    const match = ITEM.exec(line);
    const last = items.at(-1);
    if (match !== null) items.push({ indent: match[1]?.length ?? 0, number: match[2] ?? null, text: match[3] ?? '' });
    else if (last !== undefined) last.text += ` ${line.trim()}`;
  }
  const indents = [...new Set(items.map(({ indent }) => indent))].sort((a, b) => a - b);
  return items.map(({ indent, number, text }) => ({ depth: indents.indexOf(indent), number, parts: readInline(text) }));
}

const cellsOf = (line: string): Inline[][] =>
  line
    .trim()
    .replace(/^\|/, '')
    .replace(/(?<!\\)\|$/, '')
    .split(/(?<!\\)\|/)
    .map((cell) => readInline(cell.trim()));

const INLINE = new RegExp(
  [
    /\\([\\`*_[\](){}#+\-.!|<>~])/, // 1: an escaped sign
    /(`{1,3})(?!`)(.{1,500}?)(?<!`)\2(?!`)/, // 2, 3: code
    /!\[([^\]]{0,300})\]\([^()\s]{0,500}\)/, // 4: a picture, of which the words stay
    /\[((?:[^[\]]|!\[[^\]]{0,100}\]\([^()\s]{0,300}\)){1,300})\]\(([^()\s]{1,500})(?: "[^"]{0,200}")?\)/, // 5, 6: a link
    /<(https?:\/\/[^\s<>]{1,500})>/, // 7: an address in brackets
    /\*\*(?!\s)(.{1,500}?)(?<!\s)\*\*/, // 8
    /\*(?![\s*])([^*]{1,300})(?<!\s)\*/, // 9
    /(?<!\w)_(?![\s_])([^_]{1,300})(?<!\s)_(?!\w)/, // 10
  ]
    .map(({ source }) => source)
    .join('|'),
  'gsu',
);
const MOST_NESTED = 4;

function readInline(text: string, depth = 0): Inline[] {
  const parts: Inline[] = [];
  let end = 0;
  const plain = (words: string): void => {
    if (words !== '') parts.push({ kind: 'text', text: words });
  };
  const inner = (words: string): readonly Inline[] =>
    depth < MOST_NESTED ? readInline(words, depth + 1) : [{ kind: 'text', text: words }];
  for (const match of text.matchAll(INLINE)) {
    plain(text.slice(end, match.index));
    end = match.index + match[0].length;
    const [, escaped, , code, picture, words, href, address, strong, star, bar] = match;
    const emphasis = star ?? bar;
    if (code !== undefined) parts.push({ kind: 'code', text: code.trim() });
    else if (words !== undefined && href !== undefined) parts.push(...linkOf(href, inner(words)));
    else if (address !== undefined) parts.push(...linkOf(address, [{ kind: 'text', text: address }]));
    else if (strong !== undefined) parts.push({ kind: 'strong', parts: inner(strong) });
    else if (emphasis !== undefined) parts.push({ kind: 'emphasis', parts: inner(emphasis) });
    else plain(escaped ?? picture ?? '');
  }
  plain(text.slice(end));
  return parts;
}

/** Only what leads to a page of the web is a link; of the rest the words stay. */
const linkOf = (href: string, parts: readonly Inline[]): readonly Inline[] =>
  /^https?:\/\//i.test(href) ? [{ kind: 'link', href, parts }] : parts;
