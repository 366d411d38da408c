/** Text of the markup that XML files carry as text: HTML in feeds, wiki markup in dumps of MediaWiki. */
import { Parser } from 'htmlparser2';

const BLOCKS = new Set(
  'p div br li ul ol tr table h1 h2 h3 h4 h5 h6 blockquote pre section article hr dt dd'.split(' '),
);
const SKIPPED = new Set(['script', 'style', 'ref', 'references', 'gallery', 'timeline', 'math', 'syntaxhighlight']);

/** The text of a fragment of HTML, blocks on lines. Not for whole pages: navigation stays in. */
export function textOfMarkup(markup: string): string {
  const pieces: string[] = [];
  let skipped = 0;
  const parser = new Parser({
    onopentag(name) {
      if (SKIPPED.has(name)) skipped++;
      if (BLOCKS.has(name)) pieces.push('\n');
    },
    onclosetag(name) {
      if (SKIPPED.has(name)) skipped = Math.max(0, skipped - 1);
      if (BLOCKS.has(name) && name !== 'br') pieces.push('\n');
    },
    ontext(text) {
      if (skipped === 0) pieces.push(text);
    },
  });
  parser.end(markup);
  return tidied(pieces.join(''));
}

/** Namespaces of links that are no text, in English and Chinese. */
const NO_TEXT_LINK = /^:?(?:file|image|media|category|文件|檔案|图像|圖像|分类|分類)\s*:/i;
const HEADING = /^(=+)\s*(.*?)\s*\1\s*$/gm;

/**
 * The text of wiki markup, roughly: templates, tables, files, categories and references are left out, links are their label.
 * What a template would have said is lost, as it is for every reader that does not run them.
 */
export function textOfWiki(markup: string): string {
  const flat = withoutNested(withoutNested(markup, '{{', '}}'), '{|', '|}');
  const text = linksAsLabels(flat)
    .replaceAll(/\[(?:https?:)?\/\/[^\s\]]+(?:\s+([^\]]*))?\]/g, (_, label: string | undefined) => label ?? '')
    .replaceAll(/'{2,5}/g, '')
    .replaceAll(/__[A-Z]+__/g, '')
    .replaceAll(/-\{(?:[^{}|]*\|)?([^{}]*)\}-/g, (_, variants: string) => firstVariant(variants))
    .replaceAll(HEADING, '\n$2')
    .replaceAll(/^[*#:;]+\s*/gm, '')
    // A reference that closes itself would be taken for one that stays open: HTML knows no such tags.
    .replaceAll(/<(ref|references|br)\b[^<>]*\/>/gi, (_, name: string) => (name.toLowerCase() === 'br' ? '\n' : ''));
  return textOfMarkup(text);
}

/** Chinese wikis write a word in each variant: `-{zh-hans:软件; zh-hant:軟體}-`. */
function firstVariant(variants: string): string {
  const [first = ''] = variants.split(';');
  return first.slice(first.indexOf(':') + 1).trim();
}

/** Without what stands between brackets, however nested. A bracket that is never closed stays, with all after it. */
function withoutNested(text: string, open: string, close: string): string {
  const kept: string[] = [];
  const marks = new RegExp([open, close].map((mark) => mark.replaceAll(/[{}|]/g, String.raw`\$&`)).join('|'), 'g');
  let depth = 0;
  let from = 0;
  let opened = 0;
  for (const { 0: mark, index } of text.matchAll(marks)) {
    if (mark === open) {
      if (depth === 0) {
        kept.push(text.slice(from, index));
        opened = index;
      }
      depth++;
    } else if (depth > 0) {
      depth--;
      if (depth === 0) from = index + close.length;
    }
  }
  kept.push(text.slice(depth > 0 ? opened : from));
  return kept.join('');
}

/** From the innermost links out, as captions of files hold links. */
function linksAsLabels(text: string): string {
  let flat = text;
  for (let round = 0; round < 4; round++) {
    const next = flat.replaceAll(/\[\[([^[\]]*)\]\]/g, (_, link: string) => {
      if (NO_TEXT_LINK.test(link)) return '';
      return link.slice(link.lastIndexOf('|') + 1);
    });
    if (next === flat) break;
    flat = next;
  }
  return flat;
}

function tidied(text: string): string {
  return text
    .replaceAll(/[ \t\u00a0]+/g, ' ')
    .replaceAll(/ ?\n ?/g, '\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trim();
}
