/**
 * Chat templates of other people's tokenizers, written in Jinja. What users wrote is kept apart from what the template
 * wrote: a message that spells out `<|im_end|>` stays text, and only the template's own special tokens are special.
 */
import { Template } from '@huggingface/jinja';
import { MoatError, messageOf } from '../../base/errors.js';
import type { ChatTurn } from './tokenizer.js';

/** A piece of a rendered conversation: by the template, or the content of a message. */
export interface ChatPart {
  readonly by: 'template' | 'user';
  readonly text: string;
}

/** @param beginsAnswer whether the beginning of an assistant's answer follows the last turn; default true */
export type RenderChat = (turns: readonly ChatTurn[], beginsAnswer?: boolean) => readonly ChatPart[];

/** Private use: they stand for contents while the template is run. */
const OPENING = '\uE0F0';
const CLOSING = '\uE0F1';
const MAX_TEMPLATE_LENGTH = 1 << 17;

/**
 * @param source as in `tokenizer_config.json`
 * @param variables what templates may name: `bos_token`, `eos_token` …
 * @param origin the file, for messages
 * @throws MoatError `bad-chat-template`; the renderer too, for a conversation that the template refuses, and for a
 *   template that rewrites what users said
 */
export function compileChatTemplate(
  source: string,
  variables: Readonly<Record<string, string | undefined>>,
  origin: string,
): RenderChat {
  const fail = (what: string, cause?: unknown): MoatError =>
    new MoatError('bad-chat-template', `${origin}: ${what}`, {
      fix: 'Check chat_template there, or ask without a chat.',
      cause,
    });
  if (source.length > MAX_TEMPLATE_LENGTH) throw fail(`its chat template is over ${MAX_TEMPLATE_LENGTH} characters`);
  let template: Template;
  try {
    template = new Template(source);
  } catch (error) {
    throw fail(`its chat template is not understood (${messageOf(error)})`, error);
  }
  const render = (turns: readonly ChatTurn[], beginsAnswer: boolean): string => {
    try {
      return template.render({ ...variables, messages: turns, add_generation_prompt: beginsAnswer });
    } catch (error) {
      throw fail(`its chat template refuses this conversation (${messageOf(error)})`, error);
    }
  };
  return (turns, beginsAnswer = true) => {
    const marked = turns.map((turn, index) => ({ ...turn, content: `${OPENING}${index}${CLOSING}` }));
    const pieces = render(marked, beginsAnswer).split(new RegExp(`${OPENING}(\\d+)${CLOSING}`, 'u'));
    const whole = render(turns, beginsAnswer);
    // templates commonly trim; what else they do to a content cannot be told apart from what they add
    for (const contentOf of [(turn: ChatTurn) => turn.content, (turn: ChatTurn) => turn.content.trim()]) {
      const parts = pieces.map((piece, at): ChatPart => {
        if (at % 2 === 0) return { by: 'template', text: piece };
        return { by: 'user', text: contentOf(turns[Number(piece)] as ChatTurn) };
      });
      if (parts.map(({ text }) => text).join('') === whole) return parts;
    }
    throw fail('its chat template changes what the messages say, which is not supported');
  };
}
