import { MoatError } from '../../base/errors.js';
import type { Passage, ReadOptions } from './format-reader.js';
import type { Line } from './lines.js';
import { describeRecord, isRecord, textOfRecord } from './readers/record-shapes.js';

/**
 * One JSON object a line, of a shape `record-shapes.ts` knows. Blank lines are skipped; a line that is not JSON is
 * dropped, or refused when `strict`.
 * @throws MoatError `bad-jsonl` naming file, line and what was seen instead
 */
export async function* readJsonLines(
  lines: AsyncIterable<Line>,
  origin: string,
  options: ReadOptions,
): AsyncGenerator<Passage> {
  for await (const line of lines) {
    if (line.isTooLong) {
      yield { kind: 'too-long', line: line.number, length: line.length };
    } else if (line.text.trim() !== '') {
      yield readLine(line.text, line.number, origin, options);
    }
  }
}

function readLine(json: string, line: number, origin: string, options: ReadOptions): Passage {
  const place = `${origin}:${line}`;
  let record: unknown;
  try {
    record = JSON.parse(json);
  } catch (error) {
    const detail = `${place}: not a line of JSON`;
    if (options.strict !== true) return { kind: 'malformed', line, reason: 'bad-jsonl', detail };
    throw new MoatError('bad-jsonl', detail, {
      fix: 'Write one JSON object a line, such as {"text": "…"}; rename the file to .txt if it is plain text.',
      cause: error,
    });
  }
  const text = isRecord(record) ? textOfRecord(record, options.textField) : undefined;
  if (text === undefined) throw unknownShape(place, record, options.textField);
  if (text.trim() === '') return { kind: 'malformed', line, reason: 'empty', detail: `${place}: its fields are empty` };
  if (text.length > options.maxCharacters) return { kind: 'too-long', line, length: text.length };
  return { kind: 'text', text, line };
}

/** A whole file of the wrong shape would otherwise vanish line by line, so this ends the run. */
function unknownShape(place: string, record: unknown, textField: string | undefined): MoatError {
  return new MoatError('bad-jsonl', `${place}: no string field "${textField ?? 'text'}"; ${describeRecord(record)}`, {
    fix: 'Name the field that holds the document with --text-field, or rename it to "text".',
  });
}
