import type { Passage, ReadOptions } from '../format-reader.js';
import type { Line } from '../lines.js';
import { readPlainText } from '../plain-text.js';

/** The longest articles are shorter; what is longer is a book in one page. */
const WHOLE_CHARACTERS = 1 << 17;

/** A text of blocks: one document, or if it is as long as a book, cut as plain text is. Nothing for an empty one. */
export async function* passagesOfText(text: string, { maxCharacters }: ReadOptions): AsyncGenerator<Passage> {
  if (text === '') return;
  if (text.length <= Math.min(WHOLE_CHARACTERS, maxCharacters)) return yield { kind: 'text', text };
  // A line number would be one of this text, not of the file.
  for await (const passage of readPlainText(linesOf(text, maxCharacters))) {
    yield passage.kind === 'text' ? { kind: 'text', text: passage.text } : passage;
  }
}

async function* linesOf(text: string, maxCharacters: number): AsyncGenerator<Line> {
  for (const [index, line] of text.split('\n').entries()) {
    const isTooLong = line.length > maxCharacters;
    yield { text: isTooLong ? '' : line, number: index + 1, length: line.length, isTooLong };
  }
}
