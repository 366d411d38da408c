import { MoatError } from '../../../base/errors.js';
import type { OpenedText, Passage, ReadOptions, TextFormat } from '../format-reader.js';
import { type HtmlContent, readHtml } from './html-blocks.js';
import { mainText } from './html-main-text.js';
import { passagesOfText } from './long-text.js';
import { textOfBlocks, withTitle } from './text-blocks.js';

/**
 * Web pages: a document each, of its title and its main text; menus, cookie banners, buttons and what is hidden are left
 * out. Pages as long as a book are cut as plain text is. The HTML is whatever there is: nothing has to be closed.
 */
export const html: TextFormat = {
  name: 'html',
  content: 'text',
  extensions: ['.html', '.htm', '.xhtml', '.xht'],
  looksLike: looksLikeHtml,
  read: readPage,
};

const PROLOGUE = /^(?:\s+|<\?[^>]*\?>|<!--[\s\S]*?-->)*/;

function looksLikeHtml(head: string): boolean {
  const rest = head.slice(PROLOGUE.exec(head)?.[0].length ?? 0);
  return /^<(?:!doctype\s+html|html[\s>]|head[\s>]|body[\s>])/i.test(rest);
}

async function* readPage(file: OpenedText, options: ReadOptions): AsyncGenerator<Passage> {
  const content = await readHtml(file.text(), await isXml(file));
  const text = withTitle(content.title, textOfBlocks(mainText(content.blocks)));
  if (content.flaw !== undefined) yield flawed(content.flaw, file.origin, options);
  if (text === '') yield nothingIn(content, file.origin);
  else yield* passagesOfText(text, options);
}

/** XHTML with its declaration was written for parsers of XML, where an element may close itself. */
async function isXml(file: OpenedText): Promise<boolean> {
  for await (const chunk of file.text()) {
    if (chunk.trim() !== '') return chunk.trimStart().startsWith('<?xml');
  }
  return false;
}

function nothingIn({ blocks }: HtmlContent, origin: string): Passage {
  const what = blocks.length === 0 ? 'there is no text in it' : 'there are only links in it';
  return { kind: 'malformed', line: 1, reason: 'empty', detail: `${origin}: ${what}` };
}

function flawed(flaw: string, origin: string, options: ReadOptions): Passage {
  const detail = `${origin}: ${flaw}; what follows is left out`;
  if (options.strict !== true) return { kind: 'malformed', line: 1, reason: 'bad-html', detail };
  throw new MoatError('bad-html', detail, { fix: 'Mend the file, or run without --strict to keep what goes before.' });
}
