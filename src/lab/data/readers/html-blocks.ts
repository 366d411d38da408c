/** A web page as a list of blocks in their order: what a reader sees of it, and how much of each is links. */
import { Parser } from 'htmlparser2';
import { HtmlPage } from './html-page.js';
import type { TextBlock } from './text-blocks.js';

export interface HtmlBlock extends TextBlock {
  /** Of its text, without white space. */
  readonly characters: number;
  /** How many of them are inside links. */
  readonly linkedCharacters: number;
  /** The innermost part it stands in that says how near it is to the text. */
  readonly place: HtmlPlace;
  /** What it stands in is named like a part around the text. */
  readonly isSuspect: boolean;
  /** In a form, where what is short is labels. */
  readonly isInForm: boolean;
}

/** From the page to its text; a part in another is at least as near as that. */
export type HtmlPlace = 'body' | 'main' | 'article' | 'text';

export interface HtmlContent {
  readonly title: string;
  readonly blocks: readonly HtmlBlock[];
  /** Why what follows was left out. */
  readonly flaw: string | undefined;
}

/** Browsers flatten what is nested deeper than 512; a page with as many unclosed tags is still read to here. */
const MAX_DEPTH = 4096;
/** Of one tag or comment: the parser keeps it until it ends. */
const MAX_MARKUP_CHARACTERS = 1 << 20;
/** Of a page's text, all of which is in memory while it is judged. */
const MAX_TEXT_CHARACTERS = 1 << 22;

/** @param isXml whether an element may close itself: `<script src="a.js"/>` */
export async function readHtml(chunks: AsyncIterable<string>, isXml: boolean): Promise<HtmlContent> {
  const page = new HtmlPage();
  let flaw: string | undefined;
  const stop = (why: string): void => {
    flaw ??= why;
    parser.pause(); // what is left of the chunk would go on
  };
  const checkLength = (): void => {
    if (page.textCharacters > MAX_TEXT_CHARACTERS) stop(`over ${MAX_TEXT_CHARACTERS} characters of text`);
  };
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        if (flaw !== undefined) return;
        page.open(name, attributes);
        checkLength();
        if (page.depth > MAX_DEPTH) stop(`elements within elements, over ${MAX_DEPTH} deep`);
      },
      ontext: (text) => {
        if (flaw !== undefined) return;
        page.text(text);
        checkLength();
      },
      onclosetag: (name) => {
        if (flaw === undefined) page.close(name);
      },
    },
    { recognizeSelfClosing: isXml, recognizeCDATA: isXml },
  );
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    parser.write(chunk);
    if (length - parser.endIndex > MAX_MARKUP_CHARACTERS + chunk.length) {
      stop(`a tag or comment over ${MAX_MARKUP_CHARACTERS} characters`);
    }
    if (flaw !== undefined) break;
  }
  if (flaw === undefined) parser.end();
  return { ...page.end(), flaw };
}
