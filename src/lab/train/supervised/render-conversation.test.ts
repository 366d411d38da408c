/** Tokens and learned tokens against those of transformers (tests/golden/chat/make_conversations.py), and what is refused. */
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Message } from '../../data/conversations.js';
import { type Tokenizer, loadTokenizer } from '../../tokenizer/tokenizer.js';
import { renderConversation } from './render-conversation.js';

interface Golden {
  readonly conversations: readonly (readonly Message[])[];
  readonly cases: readonly {
    readonly name: string;
    readonly template: string;
    readonly results: readonly ({
      readonly text: string;
      readonly prompt: string;
      readonly ids: readonly number[];
      readonly mask: readonly number[];
    } | null)[];
  }[];
}
const goldens = fileURLToPath(new URL('../../../../tests/golden/chat/', import.meta.url));
const { conversations, cases } = JSON.parse(await readFile(`${goldens}conversations.json`, 'utf8')) as Golden;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-render-'));
  await copyFile(`${goldens}tokenizer.json`, path.join(folder, 'tokenizer.json'));
});
afterAll(() => rm(folder, { recursive: true }));

async function tokenizerWith(template: string): Promise<Tokenizer> {
  const config = { chat_template: template, bos_token: '<s>', eos_token: '</s>' };
  await writeFile(path.join(folder, 'tokenizer_config.json'), JSON.stringify(config));
  return loadTokenizer(folder);
}

const record = (messages: readonly Message[]) => ({ id: 'r', origin: 'data.jsonl:7', messages });

describe.each(cases)('$name', ({ template, results }) => {
  test.each(results.map((result, index) => ({ index, result })))('conversation $index', async ({ index, result }) => {
    const tokenizer = await tokenizerWith(template);
    const messages = conversations[index] ?? [];
    const render = () => renderConversation(tokenizer, record(messages));
    if (result === null) return expect(render).toThrow(/^data.jsonl:7: .*System role not supported/);
    const { text, tokens, mask, endsTurns, answersInText } = render();
    expect(text).toBe(result.text);
    expect([...tokens]).toEqual(result.ids);
    expect([...mask]).toEqual(result.mask);
    expect(endsTurns).toBe(true);
    const said = messages.filter(({ role }) => role === 'assistant').map(({ content }) => content.trim());
    const spelled = answersInText.map(({ start, end }) => text.slice(start, end).replace(/<[^>]+>$/, ''));
    expect(spelled).toEqual(said);
    expect(tokenizer.renderConversation(messages.slice(0, 1), { beginsAnswer: true }).text).toBe(result.prompt);
    return undefined;
  });
});

const asked: Message[] = [
  { role: 'user', content: 'a' },
  { role: 'assistant', content: 'b' },
  { role: 'user', content: 'c' },
  { role: 'assistant', content: 'd' },
];

test.each([
  [
    'only the last turn',
    "{% for m in messages[-1:] %}{{ m['role'] + ':' + m['content'] + '</s>' }}{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}",
    /data.jsonl:7: the chat template rewrites what stands up to turn 2/,
  ],
  [
    'no answers',
    "{% for m in messages %}{% if m['role'] == 'user' %}{{ m['content'] }}{% endif %}{% endfor %}",
    /data.jsonl:7: the chat template leaves out what the assistant says in turn 2/,
  ],
  ['refusal', "{{ raise_exception('not this one') }}", /data.jsonl:7: .*not this one/],
])('a template is refused: %s', async (_, template, problem) => {
  const tokenizer = await tokenizerWith(template);
  expect(() => renderConversation(tokenizer, record(asked))).toThrow(problem);
});

test('a template without a token that ends turns is told apart', async () => {
  const tokenizer = await tokenizerWith(
    "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}",
  );
  const { endsTurns, text, answersInText } = renderConversation(tokenizer, record(asked));
  expect(endsTurns).toBe(false);
  expect(answersInText.map(({ start, end }) => text.slice(start, end))).toEqual(['b\n', 'd\n']);
});
