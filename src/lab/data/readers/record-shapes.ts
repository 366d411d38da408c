/**
 * From a record with named fields (a line of JSON, a row of a table) to the text of one document. Each shape the field
 * uses is one entry of `SHAPES`; the first that fits wins. Parts are joined by a blank line, turns of a chat are
 * `role: content` lines, so no chat template is baked into the corpus.
 */
export type RecordFields = Readonly<Record<string, unknown>>;

interface RecordShape {
  readonly name: string;
  /** The document's text, or undefined when the record is not of this shape. */
  read(record: RecordFields): string | undefined;
}

const SHAPES: readonly RecordShape[] = [
  // The label of text/label data is an answer, not a part of the text, and is left out.
  { name: 'text', read: (record) => stringOf(record, 'text') },
  { name: 'messages', read: (record) => chat(record['messages'], 'role', 'content') },
  { name: 'ShareGPT', read: (record) => chat(record['conversations'], 'from', 'value') },
  { name: 'Alpaca', read: (record) => joined(record, ['instruction', 'input', 'output'], ['input']) },
  { name: 'prompt/completion', read: (record) => joined(record, ['prompt', 'completion']) },
  { name: 'question/answer', read: (record) => joined(record, ['question', 'answer']) },
  { name: 'source/target', read: (record) => joined(record, ['source', 'target']) },
  { name: 'parallel sentences', read: (record) => joined(record, ['en', 'zh']) },
  { name: 'content', read: (record) => stringOf(record, 'content') },
  { name: 'body', read: (record) => stringOf(record, 'body') },
  { name: 'sentence', read: (record) => stringOf(record, 'sentence') },
];

const MAX_FIELDS_SHOWN = 8;

/** The text of a record, or undefined when no shape fits; `textField` names the field and overrides the shapes. */
export function textOfRecord(record: RecordFields, textField?: string): string | undefined {
  if (textField !== undefined) return stringOf(record, textField);
  for (const shape of SHAPES) {
    const text = shape.read(record);
    if (text !== undefined) return text;
  }
  return undefined;
}

export function isRecord(value: unknown): value is RecordFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What was seen instead of a known shape, for an error line. */
export function describeRecord(record: unknown): string {
  if (Array.isArray(record)) return 'the line is an array';
  if (!isRecord(record)) return `the line is ${JSON.stringify(record).slice(0, 40)}`;
  const fields = Object.entries(record).map(([name, value]) => `${name} (${value === null ? 'null' : typeof value})`);
  const shown = fields.slice(0, MAX_FIELDS_SHOWN).join(', ');
  return fields.length === 0 ? 'the object is empty' : `seen: ${shown}${fields.length > MAX_FIELDS_SHOWN ? ' …' : ''}`;
}

function stringOf(record: RecordFields, name: string): string | undefined {
  const value = Object.hasOwn(record, name) ? record[name] : undefined;
  return typeof value === 'string' ? value : undefined;
}

/** All fields must be strings, save the optional ones; empty ones leave no blank line behind. */
function joined(record: RecordFields, names: readonly string[], optional: readonly string[] = []): string | undefined {
  const parts: string[] = [];
  for (const name of names) {
    const part = stringOf(record, name);
    if (part === undefined && !optional.includes(name)) return undefined;
    if (part !== undefined && part.trim() !== '') parts.push(part);
  }
  return parts.join('\n\n');
}

function chat(turns: unknown, roleField: string, contentField: string): string | undefined {
  if (!Array.isArray(turns) || turns.length === 0) return undefined;
  const lines: string[] = [];
  for (const turn of turns as unknown[]) {
    if (!isRecord(turn)) return undefined;
    const role = stringOf(turn, roleField);
    const content = stringOf(turn, contentField);
    if (role === undefined || content === undefined) return undefined;
    lines.push(`${role}: ${content}`);
  }
  return lines.join('\n');
}
