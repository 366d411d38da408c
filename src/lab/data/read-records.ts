/** Records of a data file with all their fields: what tasks, events and tables read. Texts for a corpus: `read-documents.ts`. */
import { stat } from 'node:fs/promises';
import { MoatError, messageOf, systemCode } from '../../base/errors.js';
import { detectFormat } from './detect-format.js';
import { splitLines } from './lines.js';
import { readTableRows } from './readers/delimited.js';
import { jsonParts } from './readers/json-parts.js';
import { isRecord, type RecordFields } from './readers/record-fields.js';
import { decodeFile } from './text-encoding.js';

/** A record with the line it begins at, or what is wrong at that line. */
export type FoundRecord =
  { readonly line: number; readonly fields: RecordFields } | { readonly line: number; readonly problem: string };

const MAX_CHARACTERS = 4_000_000;
const FORMATS = ['csv', 'tsv', 'jsonl', 'json'];

/**
 * The records of a .jsonl, .json (an array), .csv or .tsv file, in order; cells of tables are strings.
 * @throws MoatError `data-missing`, `bad-table` for a file that holds no records
 */
export async function* readRecords(file: string): AsyncGenerator<FoundRecord> {
  const facts = await stat(file).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (facts === undefined) throw new MoatError('data-missing', `${file}: no such file`, { fix: 'Check the path.' });
  if (!facts.isFile()) {
    throw new MoatError('data-missing', `${file}: not a file`, { fix: 'Name one file with a record a line.' });
  }
  const detected = await detectFormat({ path: file, origin: file, sizeBytes: facts.size });
  const name = detected.kind === 'text' ? detected.format.name : detected.kind;
  if (detected.kind !== 'text' || !FORMATS.includes(name)) {
    const what = detected.kind === 'unreadable' ? detected.detail : `not records but ${name}`;
    throw new MoatError('bad-table', `${file}: ${what}`, { fix: 'Give a .jsonl, .json, .csv or .tsv file.' });
  }
  const chunks = decodeFile(file, detected.encoding);
  if (name === 'json') yield* elementsOf(chunks);
  else if (name === 'jsonl') yield* lineRecords(splitLines(chunks, MAX_CHARACTERS));
  else yield* readTableRows(splitLines(chunks, MAX_CHARACTERS), MAX_CHARACTERS);
}

async function* lineRecords(lines: ReturnType<typeof splitLines>): AsyncGenerator<FoundRecord> {
  for await (const { text, number, isTooLong, length } of lines) {
    if (isTooLong) yield { line: number, problem: `${length} characters, the limit is ${MAX_CHARACTERS}` };
    else if (text.trim() !== '') yield recordOf(text, number);
  }
}

async function* elementsOf(chunks: AsyncIterable<string>): AsyncGenerator<FoundRecord> {
  for await (const part of jsonParts(chunks, MAX_CHARACTERS)) {
    if (part.kind === 'broken') yield { line: part.line, problem: part.what };
    else if (part.kind === 'element')
      yield part.json === undefined ? tooLong(part.line) : recordOf(part.json, part.line);
  }
}

const tooLong = (line: number): FoundRecord => ({ line, problem: `over ${MAX_CHARACTERS} characters` });

function recordOf(json: string, line: number): FoundRecord {
  try {
    const value: unknown = JSON.parse(json);
    return isRecord(value) ? { line, fields: value } : { line, problem: 'not an object with named fields' };
  } catch (error) {
    return { line, problem: `not JSON (${messageOf(error)})` };
  }
}
