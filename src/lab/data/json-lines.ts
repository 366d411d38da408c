import { MoatError } from '../../base/errors.js';
import type { Line } from './lines.js';
import type { Passage } from './format-reader.js';

const MAX_FIELDS_SHOWN = 8;

/**
 * One JSON object a line, the document in its string field `text`. Blank lines are skipped.
 * @throws MoatError `bad-jsonl` naming file, line and what was seen instead
 */
export async function* readJsonLines(
  lines: AsyncIterable<Line>,
  origin: string,
  maxCharacters: number,
): AsyncGenerator<Passage> {
  for await (const line of lines) {
    if (line.isTooLong) {
      yield { kind: 'too-long', line: line.number, length: line.length };
    } else if (line.text.trim() !== '') {
      const text = textOf(line.text, `${origin}:${line.number}`);
      if (text.length > maxCharacters) yield { kind: 'too-long', line: line.number, length: text.length };
      else yield { kind: 'text', text, line: line.number };
    }
  }
}

function textOf(json: string, place: string): string {
  let record: unknown;
  try {
    record = JSON.parse(json);
  } catch (error) {
    throw new MoatError('bad-jsonl', `${place}: not a line of JSON`, {
      fix: 'Write one JSON object a line, such as {"text": "…"}; rename the file to .txt if it is plain text.',
      cause: error,
    });
  }
  if (typeof record === 'object' && record !== null && 'text' in record && typeof record.text === 'string') {
    return record.text;
  }
  throw new MoatError('bad-jsonl', `${place}: no string field "text"; ${describe(record)}`, {
    fix: 'Rename the field that holds the document to "text".',
  });
}

function describe(record: unknown): string {
  if (Array.isArray(record)) return 'the line is an array';
  if (typeof record !== 'object' || record === null) return `the line is ${JSON.stringify(record).slice(0, 40)}`;
  const fields = Object.entries(record).map(([name, value]) => `${name} (${value === null ? 'null' : typeof value})`);
  const shown = fields.slice(0, MAX_FIELDS_SHOWN).join(', ');
  return fields.length === 0 ? 'the object is empty' : `seen: ${shown}${fields.length > MAX_FIELDS_SHOWN ? ' …' : ''}`;
}
