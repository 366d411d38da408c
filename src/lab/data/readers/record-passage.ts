import type { Passage, ReadOptions } from '../format-reader.js';
import { isRecord } from './record-fields.js';
import { AUGMENTED_FIELD, licenceOfRecord, textOfRecord } from './record-shapes.js';

/**
 * What a record gives: its text, or why there is none; undefined when its shape is not known.
 * @param place names the record in a line for a person: `a.jsonl:3`
 * @param line the record's line or row, from 1
 */
export function passageOfRecord(
  record: unknown,
  place: string,
  line: number,
  options: ReadOptions,
): Passage | undefined {
  const text = isRecord(record) ? textOfRecord(record, options.textField) : undefined;
  if (text === undefined || !isRecord(record)) return undefined;
  const passage = passageOfText(text, place, line, options.maxCharacters, licenceOfRecord(record));
  const original = record[AUGMENTED_FIELD];
  return passage.kind === 'text' && typeof original === 'string' ? { ...passage, augmentedFrom: original } : passage;
}

/** A text that is neither empty nor over the limit, or why it is left out. */
export function passageOfText(
  text: string,
  place: string,
  line: number,
  maxCharacters: number,
  licence?: string,
): Passage {
  if (text.trim() === '') return { kind: 'malformed', line, reason: 'empty', detail: `${place}: its fields are empty` };
  if (text.length > maxCharacters) return { kind: 'too-long', line, length: text.length };
  return licence === undefined ? { kind: 'text', text, line } : { kind: 'text', text, line, licence };
}

/**
 * The passages as they come, or one that says there were none: a file that gives nothing would vanish unseen.
 * @param detail for a person: which file, and what is not in it
 */
export async function* orEmpty(passages: AsyncIterable<Passage>, detail: string): AsyncGenerator<Passage> {
  let isEmpty = true;
  for await (const passage of passages) {
    isEmpty = false;
    yield passage;
  }
  if (isEmpty) yield { kind: 'malformed', line: 1, reason: 'empty', detail };
}
