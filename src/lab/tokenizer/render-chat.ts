/** Conversations as tokens, by the tokenizer's chat template, or in ChatML where it has none. */
import { MoatError } from '../../base/errors.js';
import { createTokenFinder } from './added-tokens.js';
import { type ChatPart, type RenderChat, compileChatTemplate } from './chat-template.js';
import { CHAT_TEMPLATE, TURN_END, TURN_START } from './special-tokens.js';
import { CONFIG_FILE, type SpecialNames } from './tokenizer-file.js';
import type { ChatTurn } from './tokenizer.js';

export interface ChatRendering {
  /** Whether the beginning of an assistant's answer follows the last turn. */
  readonly beginsAnswer: boolean;
}

export interface RenderedChat {
  /** As the template writes it, special tokens spelled out. */
  readonly text: string;
  readonly ids: number[];
}

interface ChatTokens {
  readonly special: ReadonlyMap<string, number>;
  readonly encode: (text: string) => number[];
  readonly folder: string;
}

/** @returns the renderer; it throws MoatError `no-chat-tokens`, `bad-chat-template` */
export function createChatRenderer(
  { chatTemplate, startOfText, endOfText, pad }: SpecialNames,
  { special, encode, folder }: ChatTokens,
): (messages: readonly ChatTurn[], rendering: ChatRendering) => RenderedChat {
  if (chatTemplate === undefined || chatTemplate === CHAT_TEMPLATE)
    return (messages, { beginsAnswer }) => renderChatMl(messages, beginsAnswer, { special, encode });
  const variables = { bos_token: startOfText, eos_token: endOfText, pad_token: pad };
  const find = createTokenFinder([...special].map(([content, id]) => ({ content, id })));
  let render: RenderChat | undefined;
  return (messages, { beginsAnswer }) => {
    // not before it is needed: a model whose template is broken still completes texts
    render ??= compileChatTemplate(chatTemplate, variables, `${folder}/${CONFIG_FILE}`);
    const parts = render(messages, beginsAnswer);
    return { text: parts.map(({ text }) => text).join(''), ids: idsOf(parts, find, encode) };
  };
}

/** What lies between two special tokens is encoded in one go, whoever wrote it: as the reference does. */
function idsOf(
  parts: readonly ChatPart[],
  find: ReturnType<typeof createTokenFinder>,
  encode: ChatTokens['encode'],
): number[] {
  const ids: number[] = [];
  let text = '';
  const flush = (): void => {
    for (const id of encode(text)) ids.push(id);
    text = '';
  };
  for (const part of parts) {
    for (const inner of part.by === 'template' ? find(part.text) : [part]) {
      if ('id' in inner) flush();
      if ('id' in inner) ids.push(inner.id);
      else text += inner.text;
    }
  }
  flush();
  return ids;
}

function renderChatMl(
  messages: readonly ChatTurn[],
  beginsAnswer: boolean,
  { special, encode }: Omit<ChatTokens, 'folder'>,
): RenderedChat {
  const [turnStart, turnEnd] = [special.get(TURN_START), special.get(TURN_END)];
  if (turnStart === undefined || turnEnd === undefined) {
    throw new MoatError('no-chat-tokens', `this model's tokenizer has no ${TURN_START} and ${TURN_END}`, {
      fix: 'Use the completions API with this model.',
    });
  }
  const ids: number[] = [];
  let text = '';
  for (const { role, content } of messages) {
    text += `${TURN_START}${role}\n${content}${TURN_END}\n`;
    ids.push(turnStart);
    // Role and content in one go: white space at the start of the content joins the line feed, as in the template.
    for (const id of encode(`${role}\n${content}`)) ids.push(id);
    ids.push(turnEnd, ...encode('\n'));
  }
  if (!beginsAnswer) return { text, ids };
  return { text: `${text}${TURN_START}assistant\n`, ids: [...ids, turnStart, ...encode('assistant\n')] };
}
