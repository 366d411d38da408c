/** Conversations against those that transformers renders (tests/golden/chat/make.py), and what must stay apart. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { compileChatTemplate } from './chat-template.js';
import type { ChatTurn } from './tokenizer.js';

interface Golden {
  readonly variables: Readonly<Record<string, string>>;
  readonly conversations: readonly (readonly ChatTurn[])[];
  readonly cases: readonly { readonly name: string; readonly template: string; readonly rendered: (string | null)[] }[];
}
const file = new URL('../../../tests/golden/chat/chat.json', import.meta.url);
const { variables, conversations, cases } = JSON.parse(readFileSync(file, 'utf8')) as Golden;

test.each(cases)('$name: as transformers renders it', ({ template, rendered }) => {
  const render = compileChatTemplate(template, variables, 'model');
  for (const [index, turns] of conversations.entries()) {
    const expected = rendered[index];
    if (expected === null) {
      expect(() => render(turns)).toThrow(/refuses this conversation \(.*not supported/);
      continue;
    }
    const parts = render(turns);
    expect(parts.map(({ text }) => text).join('')).toBe(expected);
    // what a user spelled is never the template's
    for (const { by, text } of parts) expect(by === 'template' && text.includes('twice')).toBe(false);
    expect(parts.filter(({ by }) => by === 'user').map(({ text }) => text.trim())).toContain(
      turns.at(-1)?.content.trim(),
    );
  }
});

test.each([
  ['{% if %}', /not understood/],
  ["{{ messages[0]['content'] | upper }}", /changes what the messages say/],
  ['x'.repeat(200_000), /over 131072 characters/],
])('%.20s… is refused', (template, problem) => {
  const turns: ChatTurn[] = [{ role: 'user', content: 'hello' }];
  expect(() => compileChatTemplate(template, {}, 'model/tokenizer_config.json')(turns)).toThrow(problem);
});
