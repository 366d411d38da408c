import { MoatError } from '../../base/errors.js';
import type { Passage, ReadOptions, TextFormat } from './format-reader.js';
import type { Line } from './lines.js';
import { passageOfRecord } from './readers/record-passage.js';
import { whyNoText } from './readers/record-shapes.js';

export const jsonLines: TextFormat = {
  name: 'jsonl',
  content: 'text',
  extensions: ['.jsonl', '.ndjson'],
  looksLike: (head) => {
    const [first = '', second] = head.split('\n', 2);
    return (
      first.startsWith('{') && isJson(first) && (second === undefined || second.trim() === '' || second.startsWith('{'))
    );
  },
  read: (file, options) => readJsonLines(file.lines(), file.origin, options),
};

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * One JSON object a line, of a shape `record-shapes.ts` knows. Blank lines are skipped; a line that is not JSON is
 * dropped, or refused when `strict`.
 * @throws MoatError `bad-jsonl` naming file, line and what was seen instead
 */
async function* readJsonLines(
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
  const passage = passageOfRecord(record, place, line, options);
  if (passage !== undefined) return passage;
  // A whole file of the wrong shape would otherwise vanish line by line, so this ends the run.
  const { what, fix } = whyNoText(record, options.textField);
  throw new MoatError('bad-jsonl', `${place}: ${what}`, { fix });
}
