/** Texts of the nested values that records hold: conversations, earlier exchanges, paragraphs with questions. */
import { fieldAt, isRecord, type RecordFields, stringAt } from './record-fields.js';

/**
 * A conversation as `role: content` lines. A turn without content (a call of a tool, say) is left out.
 * @param turns a list of `{role, content}` or `{from, value}`; the content a string or a list of parts, of which those
 *   that are text are taken
 * @returns undefined when it is no conversation or nothing is said in it
 */
export function chat(turns: unknown): string | undefined {
  if (!Array.isArray(turns)) return undefined;
  const lines: string[] = [];
  for (const turn of turns as unknown[]) {
    if (!isRecord(turn)) return undefined;
    const role = stringAt(turn, 'role') ?? stringAt(turn, 'from');
    const content = 'content' in turn ? turn['content'] : turn['value'];
    const text = contentOf(content);
    if (role === undefined || text === undefined) return undefined;
    if (text !== '') lines.push(`${role}: ${text}`);
  }
  return lines.length === 0 ? undefined : lines.join('\n');
}

/** Whether a record is a turn of a conversation, which alone makes no document. */
export function isTurn(record: RecordFields): boolean {
  return chat([record]) !== undefined;
}

function contentOf(content: unknown): string | undefined {
  if (content === null) return '';
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return undefined;
  return (content as unknown[])
    .map((part) => (isRecord(part) ? stringAt(part, 'text') : undefined))
    .filter((text) => text !== undefined)
    .join('\n');
}

/** Earlier turns as pairs of question and answer (Alpaca's `history`), one string a pair; undefined when it is none. */
export function exchanges(history: unknown): string[] | undefined {
  if (!Array.isArray(history)) return undefined;
  const pairs: string[] = [];
  for (const pair of history as unknown[]) {
    if (!Array.isArray(pair) || !pair.every((each) => typeof each === 'string')) return undefined;
    pairs.push(pair.join('\n\n'));
  }
  return pairs;
}

/** The first answer of a SQuAD question, as its file or its table writes it; undefined when it cannot be answered. */
export function firstAnswer(question: RecordFields): string | undefined {
  return stringAt(question, 'answers.text.0') ?? stringAt(question, 'answers.0.text');
}

/** An article of SQuAD's own file: each paragraph, then its questions with their first answer. */
export function questionsOverParagraphs(paragraphs: unknown): string | undefined {
  if (!Array.isArray(paragraphs)) return undefined;
  const parts: string[] = [];
  for (const paragraph of paragraphs as unknown[]) {
    const questions = isRecord(paragraph) ? fieldAt(paragraph, 'qas') : undefined;
    if (!isRecord(paragraph) || !Array.isArray(questions)) return undefined;
    parts.push(stringAt(paragraph, 'context') ?? '');
    for (const question of questions as unknown[]) {
      if (isRecord(question)) parts.push(stringAt(question, 'question') ?? '', firstAnswer(question) ?? '');
    }
  }
  return parts.filter((part) => part.trim() !== '').join('\n\n');
}
