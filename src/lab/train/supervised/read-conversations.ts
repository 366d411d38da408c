/** Conversations from a file of records, whatever shape they have; anything else is one line with file and line. */
import { MoatError } from '../../../base/errors.js';
import { type Message, type ReadMessages, answerOf, conversationOf, promptMessages } from '../../data/conversations.js';
import { type FoundRecord, readRecords } from '../../data/read-records.js';
import type { RecordFields } from '../../data/readers/record-fields.js';

export interface Conversation {
  /** The record's own, else `line 7`; records of one id (translations, say) are held out together. */
  readonly id: string;
  /** `FILE:LINE`, for messages. */
  readonly origin: string;
  readonly messages: readonly Message[];
}

/** What was asked, the better answer and the worse. */
export interface Preference {
  readonly id: string;
  readonly origin: string;
  readonly prompt: readonly Message[];
  readonly chosen: string;
  readonly rejected: string;
}

const MAX_RECORDS = 5_000_000;
const ID_FIELDS = ['id', 'conversation_id', 'prompt_id'];

/**
 * @param file .jsonl, .json, .csv or .tsv
 * @throws MoatError `data-missing`, `bad-table`, `bad-conversation` naming the line, `no-conversations`
 */
export async function readConversations(file: string): Promise<Conversation[]> {
  return readAll(file, (fields, place) => {
    const read = conversationOf(fields);
    return 'problem' in read ? read : { ...place, messages: read.messages };
  });
}

/**
 * Records `{prompt, chosen, rejected}`; each a text or a list of turns. A list that begins with the prompt, as `chosen` of
 * Anthropic's HH does, is read by its last turn; without `prompt`, what comes before the last turn of `chosen` was asked.
 * @throws MoatError as `readConversations`
 */
export async function readPreferences(file: string): Promise<Preference[]> {
  return readAll(file, (fields, place) => {
    const prompt = promptOf(fields);
    if ('problem' in prompt) return prompt;
    const chosen = answerOf(fields['chosen'], 'chosen');
    if ('problem' in chosen) return chosen;
    const rejected = answerOf(fields['rejected'], 'rejected');
    if ('problem' in rejected) return rejected;
    if (chosen.answer === rejected.answer) return { problem: 'chosen and rejected are the same text' };
    return { ...place, prompt: prompt.messages, chosen: chosen.answer, rejected: rejected.answer };
  });
}

function promptOf(fields: RecordFields): ReadMessages {
  const given = fields['prompt'] ?? fields['question'] ?? fields['instruction'];
  if (given !== undefined) {
    const system = fields['system'];
    const asked = promptMessages(given);
    if ('problem' in asked || typeof system !== 'string' || system.trim() === '') return asked;
    return { messages: [{ role: 'system', content: system }, ...asked.messages] };
  }
  if (!Array.isArray(fields['chosen'])) {
    return { problem: `fields ${Object.keys(fields).slice(0, 8).join(', ')}: needed are prompt, chosen and rejected` };
  }
  const whole = promptMessages(fields['chosen']);
  return 'problem' in whole ? whole : { messages: whole.messages.slice(0, -1) };
}

interface Place {
  readonly id: string;
  readonly origin: string;
}

async function readAll<T extends Place>(
  file: string,
  read: (fields: RecordFields, place: Place) => T | { readonly problem: string },
): Promise<T[]> {
  const records: T[] = [];
  for await (const found of readRecords(file)) {
    if (records.length === MAX_RECORDS)
      throw new MoatError('bad-table', `${file}: over ${MAX_RECORDS} records`, { fix: 'Split the file.' });
    records.push(readOne(file, found, read));
  }
  if (records.length > 0) return records;
  throw new MoatError('no-conversations', `${file}: it holds no records`, {
    fix: 'Give a file with a conversation a line.',
  });
}

function readOne<T extends Place>(
  file: string,
  found: FoundRecord,
  read: (fields: RecordFields, place: Place) => T | { readonly problem: string },
): T {
  const origin = `${file}:${found.line}`;
  const result = 'problem' in found ? found : read(found.fields, { id: idOf(found.fields, found.line), origin });
  if (!('problem' in result)) return result;
  throw new MoatError('bad-conversation', `${origin}: ${result.problem}`, {
    fix: 'Mend or remove this record.',
  });
}

function idOf(fields: RecordFields, line: number): string {
  const given = ID_FIELDS.map((name) => fields[name]).find((id) => typeof id === 'string' || typeof id === 'number');
  return given === undefined || given === '' ? `line ${line}` : String(given);
}
