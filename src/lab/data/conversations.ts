/**
 * Records as conversations: who said what, in which order, ready for a chat template. Each shape the field uses is one
 * entry of `SHAPES`; the first whose fields are there is the record's, and what is wrong with it is said in its words.
 * Texts of records for a corpus, without roles: `readers/record-shapes.ts`.
 */
import { isRecord, type RecordFields } from './readers/record-fields.js';

export type Role = 'system' | 'user' | 'assistant';

export interface Message {
  readonly role: Role;
  readonly content: string;
}

/** The messages of a record, or what is wrong with it. */
export type ReadMessages = { readonly messages: readonly Message[] } | { readonly problem: string };

interface ConversationShape {
  readonly name: string;
  /** Those that make a record one of this shape. */
  readonly needs: readonly string[];
  read(record: RecordFields): Message[];
}

/** Thrown and caught here: what a record lacks, in a few words. */
class BadRecord extends Error {}

const MAX_MESSAGES = 1000;
const MAX_FIELDS_SHOWN = 8;

/** Names of roles in use: OpenAI, ShareGPT, Gemini and their kin. A tool's answer is read to the model as a user's would be. */
const ROLES: Readonly<Record<string, Role>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  human: 'user',
  assistant: 'assistant',
  gpt: 'assistant',
  chatgpt: 'assistant',
  bot: 'assistant',
  model: 'assistant',
  tool: 'user',
  function: 'user',
  function_response: 'user',
  observation: 'user',
  function_call: 'assistant',
  tool_call: 'assistant',
};
/** Their contents are a tool's answers, and calls of tools. */
const ANSWERS_OF_TOOLS: ReadonlySet<string> = new Set(['tool', 'function', 'function_response', 'observation']);
const CALLS_OF_TOOLS: ReadonlySet<string> = new Set(['function_call', 'tool_call']);

const SHAPES: readonly ConversationShape[] = [
  listOfTurns('OpenAI messages', 'messages'),
  listOfTurns('ShareGPT', 'conversations'),
  listOfTurns('ShareGPT', 'conversation'),
  {
    name: 'Alpaca',
    needs: ['instruction', 'output'],
    read: (record) => [
      ...systemOf(record, 'system'),
      ...historyOf(record['history']),
      user(joined(required(record, 'instruction'), optional(record, 'input'))),
      assistant(required(record, 'output')),
    ],
  },
  {
    name: 'Dolly',
    needs: ['instruction', 'response'],
    read: (record) => [
      user(joined(required(record, 'instruction'), optional(record, 'context'))),
      assistant(required(record, 'response')),
    ],
  },
  promptAnd('completion'),
  promptAnd('response'),
  {
    name: 'question/answer',
    needs: ['question', 'answer'],
    read: (record) => [
      ...systemOf(record, 'system_prompt', 'system'),
      user(joined(optional(record, 'context'), required(record, 'question'))),
      assistant(required(record, 'answer')),
    ],
  },
  {
    name: 'question/response',
    needs: ['question', 'response'],
    read: (record) => [
      ...systemOf(record, 'system_prompt', 'system'),
      user(required(record, 'question')),
      assistant(required(record, 'response')),
    ],
  },
];

/** The messages of a record of any known shape; the last is an assistant's answer. */
export function conversationOf(record: RecordFields): ReadMessages {
  const shape = SHAPES.find(({ needs }) => needs.every((name) => Object.hasOwn(record, name)));
  if (shape === undefined && 'chosen' in record && 'rejected' in record)
    return { problem: 'pairs of a better and a worse answer are learned with --objective dpo' };
  if (shape === undefined) {
    const known = [...new Set(SHAPES.map(({ needs }) => needs.join('/')))].join(', ');
    return { problem: `fields ${fieldsShown(record)} are no conversation; known are ${known}` };
  }
  return checked(shape.name, () => {
    const messages = shape.read(record);
    if (!messages.some(({ role }) => role === 'assistant')) throw new BadRecord('nobody answers');
    return messages;
  });
}

/**
 * What a prompt says: a text, which is what a user said, or a list of turns.
 * @param value of a field `prompt`
 */
export function promptMessages(value: unknown): ReadMessages {
  return checked('prompt', () => (typeof value === 'string' ? [user(value)] : turnsOf(value)));
}

/** An answer alone: a text, or a list of turns of which the last is the answer. */
export function answerOf(value: unknown, name: string): { readonly answer: string } | { readonly problem: string } {
  if (typeof value === 'string') return { answer: value };
  const read = checked(name, () => turnsOf(value));
  if ('problem' in read) return read;
  const last = read.messages.at(-1);
  return last?.role === 'assistant' ? { answer: last.content } : { problem: `${name}: the last turn is no answer` };
}

function checked(name: string, read: () => Message[]): ReadMessages {
  try {
    const messages = read();
    if (messages.length > MAX_MESSAGES)
      return { problem: `${name}: ${messages.length} turns, the limit is ${MAX_MESSAGES}` };
    return { messages };
  } catch (error) {
    if (error instanceof BadRecord) return { problem: `${name}: ${error.message}` };
    throw error;
  }
}

function listOfTurns(name: string, field: string): ConversationShape {
  return {
    name,
    needs: [field],
    read: (record) => {
      const messages = turnsOf(record[field]);
      return messages[0]?.role === 'system' ? messages : [...systemOf(record, 'system'), ...messages];
    },
  };
}

function promptAnd(answer: 'completion' | 'response'): ConversationShape {
  return {
    name: `prompt/${answer}`,
    needs: ['prompt', answer],
    read: (record) => {
      const { prompt, [answer]: given } = record;
      const asked = typeof prompt === 'string' ? [user(required(record, 'prompt'))] : turnsOf(prompt);
      const said = typeof given === 'string' ? [assistant(required(record, answer))] : turnsOf(given);
      return asked[0]?.role === 'system' ? [...asked, ...said] : [...systemOf(record, 'system'), ...asked, ...said];
    },
  };
}

function turnsOf(value: unknown): Message[] {
  if (!Array.isArray(value) || value.length === 0) throw new BadRecord('no list of turns');
  return (value as unknown[]).map((turn, index) => {
    try {
      return turnOf(turn);
    } catch (error) {
      if (error instanceof BadRecord) throw new BadRecord(`turn ${index + 1}: ${error.message}`);
      throw error;
    }
  });
}

function turnOf(turn: unknown): Message {
  if (!isRecord(turn)) throw new BadRecord('no object with role and content');
  const name = turn['role'] ?? turn['from'];
  if (typeof name !== 'string') throw new BadRecord('it has no role');
  const role = Object.hasOwn(ROLES, name) ? ROLES[name] : undefined;
  if (role === undefined) throw new BadRecord(`role ${JSON.stringify(name.slice(0, 40))} is not known`);
  const text = textOf('content' in turn ? turn['content'] : turn['value']);
  if (ANSWERS_OF_TOOLS.has(name)) return { role, content: `<tool_response>\n${text}\n</tool_response>` };
  if (CALLS_OF_TOOLS.has(name)) return { role, content: `<tool_call>\n${text}\n</tool_call>` };
  const content = [text, ...callsOf(turn['tool_calls'])].filter((part) => part !== '').join('\n');
  if (content.trim() === '') throw new BadRecord(`the ${name} says nothing`);
  return { role, content };
}

/** Null is what OpenAI writes where a message only calls tools; of lists of parts, those that are text count. */
function textOf(content: unknown): string {
  if (content === null || content === undefined) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) throw new BadRecord('its content is no text');
  return (content as unknown[])
    .map((part) => {
      const text = isRecord(part) ? part['text'] : part;
      if (typeof text !== 'string') throw new BadRecord('a part of its content is no text');
      return text;
    })
    .join('');
}

/** Calls of tools as the Hermes format writes them, which Qwen's templates use too: JSON between two tags. */
function callsOf(calls: unknown): string[] {
  if (calls === undefined || calls === null) return [];
  if (!Array.isArray(calls)) throw new BadRecord('tool_calls is no list');
  return (calls as unknown[]).map((call) => {
    const called = isRecord(call) && isRecord(call['function']) ? call['function'] : call;
    if (!isRecord(called) || typeof called['name'] !== 'string') throw new BadRecord('a call of a tool has no name');
    return `<tool_call>\n${JSON.stringify({ name: called['name'], arguments: argumentsOf(called['arguments']) })}\n</tool_call>`;
  });
}

/** OpenAI writes arguments as a text of JSON. */
function argumentsOf(given: unknown): unknown {
  if (typeof given !== 'string') return given ?? {};
  try {
    return JSON.parse(given) as unknown;
  } catch {
    return given;
  }
}

/** Alpaca's earlier exchanges: pairs of what was asked and answered. */
function historyOf(history: unknown): Message[] {
  if (history === undefined || history === null || history === '') return [];
  if (!Array.isArray(history)) throw new BadRecord('history is no list');
  return (history as unknown[]).flatMap((pair) => {
    const [asked, answered] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof asked !== 'string' || typeof answered !== 'string')
      throw new BadRecord('history holds no pairs of texts');
    return [user(asked), assistant(answered)];
  });
}

const user = (content: string): Message => ({ role: 'user', content });
const assistant = (content: string): Message => ({ role: 'assistant', content });

function systemOf(record: RecordFields, ...names: readonly string[]): Message[] {
  const content = names.map((name) => optional(record, name)).find((text) => text !== '');
  return content === undefined ? [] : [{ role: 'system', content }];
}

function required(record: RecordFields, name: string): string {
  const value = record[name];
  if (typeof value !== 'string') throw new BadRecord(`${name} is no text`);
  if (value.trim() === '') throw new BadRecord(`${name} is empty`);
  return value;
}

function optional(record: RecordFields, name: string): string {
  const value = record[name];
  if (value === undefined || value === null) return '';
  if (typeof value !== 'string') throw new BadRecord(`${name} is no text`);
  return value.trim() === '' ? '' : value;
}

const joined = (...parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n\n');

function fieldsShown(record: RecordFields): string {
  const names = Object.keys(record);
  if (names.length === 0) return '(none)';
  return `${names.slice(0, MAX_FIELDS_SHOWN).join(', ')}${names.length > MAX_FIELDS_SHOWN ? ' …' : ''}`;
}
