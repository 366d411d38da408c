/** Lines of a stream of text chunks, with a limit that a line of any length cannot break. */

export interface Line {
  /** Without its line end; for a line over the limit only its beginning. */
  readonly text: string;
  /** 1-based. */
  readonly number: number;
  /** The whole line in UTF-16 units, also when `text` holds only its beginning. */
  readonly length: number;
  readonly isTooLong: boolean;
}

/** How much of an over-long line is kept to show. */
const SHOWN_CHARACTERS = 80;

/**
 * Splits at LF, CRLF and lone CR.
 * @param maxCharacters lines longer than this come with `isTooLong`; the rest of them is read past, not kept
 */
export async function* splitLines(chunks: AsyncIterable<string>, maxCharacters: number): AsyncGenerator<Line> {
  let parts: string[] = [];
  let length = 0;
  let number = 1;
  let endedWithCr = false;
  const lineEnd = /\r\n|\n|\r/g;
  const keep = (part: string): void => {
    length += part.length;
    if (length <= maxCharacters) parts.push(part);
    else parts = [(parts.join('') + part.slice(0, SHOWN_CHARACTERS)).slice(0, SHOWN_CHARACTERS)];
  };
  const take = (): Line => {
    const line = { text: parts.join(''), number, length, isTooLong: length > maxCharacters };
    parts = [];
    length = 0;
    number++;
    return line;
  };
  for await (const chunk of chunks) {
    let start = endedWithCr && chunk.startsWith('\n') ? 1 : 0;
    endedWithCr = chunk.endsWith('\r');
    lineEnd.lastIndex = start;
    for (let match = lineEnd.exec(chunk); match !== null; match = lineEnd.exec(chunk)) {
      keep(chunk.slice(start, match.index));
      yield take();
      start = match.index + match[0].length;
    }
    keep(chunk.slice(start));
  }
  if (length > 0) yield take();
}
