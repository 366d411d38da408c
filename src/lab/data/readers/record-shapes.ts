/**
 * From a record with named fields (a line of JSON, a row of a table) to the text of one document. Each shape the field
 * uses is one entry of `SHAPES`; the first that fits wins. Parts are joined by a blank line, turns of a chat are
 * `role: content` lines, so no chat template is baked into the corpus.
 */
import { chat, exchanges, firstAnswer, questionsOverParagraphs } from './nested-text.js';
import { isRecord, type RecordFields, stringAt, stringsAt } from './record-fields.js';

interface RecordShape {
  readonly name: string;
  /** Every field it may look at, so that readers of columns need not read the others. */
  readonly fields: readonly string[];
  /** The document's text, or undefined when the record is not of this shape. */
  read(record: RecordFields): string | undefined;
}

const SHAPES: readonly RecordShape[] = [
  // The label of text/label data is an answer, not a part of the text, and is left out.
  fields('text', ['text']),
  conversation('messages', ['messages', 'conversations', 'conversation']),
  {
    name: 'preference (DPO)',
    fields: ['system', 'prompt', 'question', 'chosen', 'rejected'],
    read: (record) => {
      if (!('rejected' in record)) return undefined;
      // A chosen conversation begins with the prompt, unless the prompt is a conversation itself.
      const turns = [chat(record['prompt']), chat(record['chosen'])].filter((text) => text !== undefined);
      if (turns.length > 0) return turns.join('\n');
      const before = ['system', 'prompt', 'question'];
      return stringsAt(record, [...before, 'chosen'], before);
    },
  },
  {
    name: 'Alpaca with history',
    fields: ['history', 'system', 'instruction', 'input', 'output'],
    read: (record) => {
      const task = stringsAt(record, ['instruction', 'input', 'output'], ['input']);
      const history = exchanges(record['history']);
      if (task === undefined || history === undefined) return undefined;
      const system = stringAt(record, 'system') ?? '';
      return [system, ...history, task].filter((part) => part.trim() !== '').join('\n\n');
    },
  },
  fields('Alpaca', ['system', 'instruction', 'input', 'output'], ['system', 'input']),
  fields('Dolly', ['instruction', 'context', 'response'], ['context']),
  fields('prompt/completion', ['prompt', 'completion']),
  fields('prompt/response', ['prompt', 'response']),
  {
    name: 'SQuAD',
    fields: ['context', 'question', 'answers'],
    read: (record) => {
      if (typeof record['answers'] !== 'object') return undefined;
      const question = stringsAt(record, ['context', 'question'], ['context']);
      // Annotators' answers to one question differ little: the first stands for all. None: it cannot be answered.
      const answer = firstAnswer(record);
      return question === undefined || answer === undefined ? question : `${question}\n\n${answer}`;
    },
  },
  { name: 'SQuAD article', fields: ['paragraphs'], read: (record) => questionsOverParagraphs(record['paragraphs']) },
  {
    // poems and articles by paragraph, as npm's chinese-poetry has them; what a poem is called belongs to it
    name: 'paragraphs',
    fields: ['title', 'rhythmic', 'paragraphs'],
    read: (record) => {
      const lines = record['paragraphs'];
      if (!Array.isArray(lines) || !lines.every((line) => typeof line === 'string')) return undefined;
      const title = stringAt(record, 'title') ?? stringAt(record, 'rhythmic');
      return [...(title === undefined ? [] : [title]), ...lines].join('\n');
    },
  },
  fields('question/answer', ['context', 'question', 'answer'], ['context']),
  fields('question/response', ['system_prompt', 'question', 'response'], ['system_prompt']),
  fields('source/target', ['source', 'target']),
  {
    name: 'translation',
    fields: ['translation'],
    read: (record) => {
      const translation = record['translation'];
      if (!isRecord(translation)) return undefined;
      const sides = Object.values(translation).filter((side) => typeof side === 'string');
      return sides.length < 2 ? undefined : sides.join('\n\n');
    },
  },
  fields('parallel sentences', ['en', 'zh']),
  fields('content', ['content']),
  fields('body', ['body']),
  fields('sentence', ['sentence']),
];

const LICENCE_FIELDS: readonly string[] = ['license', 'licence'];
const MAX_LICENCE_CHARACTERS = 100;
const MAX_FIELDS_SHOWN = 8;
const RECORD_CHARACTERS_SHOWN = 200;

/**
 * The text of a record, or undefined when no shape fits.
 * @param textField the field that holds the text, in place of the shapes: a dotted path into nested records
 *   (`meta.body`, `answers.text.0`), or several separated by commas, whose texts are joined
 */
export function textOfRecord(record: RecordFields, textField?: string): string | undefined {
  // Where all that fits is null (columns of a table do that), the record has a shape and is empty.
  return textWhereGiven(record, textField) ?? textWhereGiven(nullsAsEmpty(record), textField);
}

function textWhereGiven(record: RecordFields, textField: string | undefined): string | undefined {
  if (textField !== undefined) return textAt(record, textField);
  for (const shape of SHAPES) {
    const text = shape.read(record);
    if (text !== undefined) return text;
  }
  return undefined;
}

function textAt(record: RecordFields, textField: string): string | undefined {
  if (Object.hasOwn(record, textField)) return stringAt(record, textField);
  return stringsAt(
    record,
    textField.split(',').map((each) => each.trim()),
  );
}

function nullsAsEmpty(record: RecordFields): RecordFields {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, value ?? '']));
}

/** What licence the record says it is under, or undefined. */
export function licenceOfRecord(record: RecordFields): string | undefined {
  for (const name of LICENCE_FIELDS) {
    const licence = record[name];
    if (typeof licence !== 'string' || licence.trim() === '' || licence.length > MAX_LICENCE_CHARACTERS) continue;
    return licence.trim();
  }
  return undefined;
}

/** Names the record that a changed copy was made from (`augment/`). */
export const AUGMENTED_FIELD = 'augmentedFrom';

/** The top-level fields that readers of records look at. */
export function fieldsRead(textField?: string): ReadonlySet<string> {
  const ofText =
    textField === undefined
      ? SHAPES.flatMap((shape) => shape.fields)
      : [textField, ...textField.split(',').map((each) => (each.trim().split('.') as [string])[0])];
  return new Set([...ofText, ...LICENCE_FIELDS, AUGMENTED_FIELD]);
}

const WHO_FIELDS = ['user', 'user_id', 'userId', 'uid'];
const WHAT_FIELDS = ['item', 'item_id', 'itemId', 'movieId', 'product_id', 'parent_asin'];

/**
 * Why a record has no text, for an error line, and what to do about it.
 * @param textField as it was asked for
 */
export function whyNoText(record: unknown, textField?: string): { readonly what: string; readonly fix: string } {
  const named = textField ?? 'text';
  if (isRecord(record) && textField === undefined && has(record, WHO_FIELDS) && has(record, WHAT_FIELDS)) {
    return {
      what: `an event of a user with an item, which holds no text; ${describeRecord(record)}`,
      fix: 'Events are for moat task recommendation; in a corpus, name the field that holds a text with --text-field.',
    };
  }
  return {
    what: `no string field "${named}"; ${describeRecord(record)}`,
    fix: 'Name the field that holds the document with --text-field (nested: a.b, several: a,b), or rename it to "text".',
  };
}

function has(record: RecordFields, names: readonly string[]): boolean {
  return names.some((name) => Object.hasOwn(record, name));
}

/** What was seen instead of a known shape. */
function describeRecord(record: unknown): string {
  if (Array.isArray(record)) return 'the record is an array';
  if (!isRecord(record)) return `the record is ${shown(record, 40)}`;
  const all = Object.entries(record).map(([name, value]) => `${name} (${kindOf(value)})`);
  if (all.length === 0) return 'the record is empty';
  const some = all.slice(0, MAX_FIELDS_SHOWN).join(', ');
  return `seen: ${some}${all.length > MAX_FIELDS_SHOWN ? ' …' : ''} in ${shown(record, RECORD_CHARACTERS_SHOWN)}`;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function shown(value: unknown, characters: number): string {
  // Rows of columnar files hold integers of 64 bits, which JSON has no word for.
  const json =
    JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? Number(each) : each)) ?? 'nothing';
  return json.length > characters ? `${json.slice(0, characters)}…` : json;
}

function fields(name: string, names: readonly string[], optional: readonly string[] = []): RecordShape {
  return { name, fields: names, read: (record) => stringsAt(record, names, optional) };
}

function conversation(name: string, names: readonly string[]): RecordShape {
  return {
    name,
    fields: names,
    read: (record) => {
      for (const each of names) {
        const text = chat(record[each]);
        if (text !== undefined) return text;
      }
      return undefined;
    },
  };
}
