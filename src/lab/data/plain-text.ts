import type { Line } from './lines.js';
import type { Passage } from './format-reader.js';

/**
 * A file this long or shorter is one document. A longer one (a book, a log, a whole corpus in one file) is cut at the
 * first blank line after this many characters, so that training and held-out documents can come from the same file.
 */
const DOCUMENT_CHARACTERS = 16_384;

/** A longer file's document without any blank line is cut at a line end. */
const LONGEST_DOCUMENT_CHARACTERS = 2 * DOCUMENT_CHARACTERS;

/** Plain text and Markdown, lines kept. */
export async function* readPlainText(lines: AsyncIterable<Line>): AsyncGenerator<Passage> {
  let gathered: string[] = [];
  let length = 0;
  let firstLine = 1;
  const take = (nextLine: number): Passage => {
    const passage: Passage = { kind: 'text', text: gathered.join('\n'), line: firstLine };
    gathered = [];
    length = 0;
    firstLine = nextLine;
    return passage;
  };
  for await (const line of lines) {
    if (line.isTooLong) {
      if (length > 0) yield take(line.number);
      yield { kind: 'too-long', line: line.number, length: line.length };
      firstLine = line.number + 1;
      continue;
    }
    const isBreak = line.text.trim() === '';
    if (length >= (isBreak ? DOCUMENT_CHARACTERS : LONGEST_DOCUMENT_CHARACTERS)) yield take(line.number);
    gathered.push(line.text);
    length += line.text.length + 1;
  }
  if (length > 0) yield take(0);
}
