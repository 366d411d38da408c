import type { Line } from './lines.js';
import type { Passage, ReadOptions } from './format-reader.js';

/**
 * The documentation comments of TypeScript and JavaScript: every block that starts with two stars, its stars and
 * indentation removed, one document each. A scan of lines, not a parse: a block start inside a string is taken for
 * a comment, which in practice is a glob in quotes and ends up too short to be kept.
 */
export async function* readDocComments(
  lines: AsyncIterable<Line>,
  _origin: string,
  { maxCharacters }: ReadOptions,
): AsyncGenerator<Passage> {
  let open: OpenComment | undefined;
  for await (const line of lines) {
    if (line.isTooLong) {
      // A minified file: what stands in such a line is not documentation, and where a comment ends is not known.
      open = undefined;
      yield { kind: 'too-long', line: line.number, length: line.length };
      continue;
    }
    let rest: string | undefined = line.text;
    while (rest !== undefined) {
      open ??= beginComment(rest, line.number);
      if (open === undefined) break;
      rest = continueComment(open, rest);
      if (rest === undefined) break;
      yield finish(open, maxCharacters);
      open = undefined;
    }
  }
}

interface OpenComment {
  readonly line: number;
  readonly lines: string[];
  length: number;
  /** Column of the text in the line where the comment starts; 0 in the lines after. */
  column: number;
}

function beginComment(text: string, line: number): OpenComment | undefined {
  const start = /\/\*\*(?!\/)/.exec(text);
  return start === null ? undefined : { line, lines: [], length: 0, column: start.index + 3 };
}

/** Adds a line to the comment; returns what follows the comment's end, or undefined when it goes on. */
function continueComment(comment: OpenComment, line: string): string | undefined {
  const end = line.indexOf('*/', comment.column);
  const inside = line.slice(comment.column, end === -1 ? undefined : end);
  const text = comment.column > 0 ? inside.replace(/^\s/, '') : inside.replace(/^\s*\*? ?/, '');
  comment.column = 0;
  comment.length += text.length + 1;
  comment.lines.push(text);
  return end === -1 ? undefined : line.slice(end + 2);
}

function finish(comment: OpenComment, maxCharacters: number): Passage {
  if (comment.length > maxCharacters) return { kind: 'too-long', line: comment.line, length: comment.length };
  return { kind: 'text', text: comment.lines.join('\n').trim(), line: comment.line };
}
