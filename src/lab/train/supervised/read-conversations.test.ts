/** Every shape of record as roles and contents, and one line with file and line for what is none. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { readConversations, readPreferences } from './read-conversations.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function fileOf(text: string, name = 'data.jsonl'): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'moat-conversations-'));
  folders.push(folder);
  const file = path.join(folder, name);
  await writeFile(file, text);
  return file;
}

/** `role: content` of each message. */
async function turnsOf(record: object): Promise<string[] | undefined> {
  const [read] = await readConversations(await fileOf(`${JSON.stringify(record)}\n`));
  return read?.messages.map(({ role, content }) => `${role}: ${content}`);
}

const call = { id: 'c1', type: 'function', function: { name: 'add', arguments: '{"a":1,"b":2}' } };

test.each([
  [{ prompt: 'a', completion: 'b' }, ['user: a', 'assistant: b']],
  [
    { prompt: [{ role: 'user', content: 'a' }], completion: [{ role: 'assistant', content: 'b' }] },
    ['user: a', 'assistant: b'],
  ],
  [
    { system: 's', instruction: 'a', input: 'i', output: 'b', history: [['x', 'y']] },
    ['system: s', 'user: x', 'assistant: y', 'user: a\n\ni', 'assistant: b'],
  ],
  [{ instruction: 'a', input: '', output: 'b' }, ['user: a', 'assistant: b']],
  [
    {
      conversations: [
        { from: 'human', value: 'a' },
        { from: 'gpt', value: 'b' },
      ],
    },
    ['user: a', 'assistant: b'],
  ],
  [{ question: 'a', answer: 'b', lang: 'en' }, ['user: a', 'assistant: b']],
  [{ instruction: 'a', context: 'c', response: 'b' }, ['user: a\n\nc', 'assistant: b']],
  [
    {
      messages: [
        { role: 'developer', content: 's' },
        {
          role: 'user',
          content: [
            { type: 'text', text: 'one ' },
            { type: 'text', text: 'and two?' },
          ],
        },
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'c1', content: '3' },
        { role: 'assistant', content: 'three' },
      ],
    },
    [
      'system: s',
      'user: one and two?',
      'assistant: <tool_call>\n{"name":"add","arguments":{"a":1,"b":2}}\n</tool_call>',
      'user: <tool_response>\n3\n</tool_response>',
      'assistant: three',
    ],
  ],
])('%j', async (record, turns) => {
  expect(await turnsOf(record)).toEqual(turns);
});

test('a table is read like lines of JSON, and ids are kept', async () => {
  const file = await fileOf('id,question,answer\nf1,what?,"that, ""there"""\n', 'faq.csv');
  expect(await readConversations(file)).toEqual([
    {
      id: 'f1',
      origin: `${file}:2`,
      messages: [
        { role: 'user', content: 'what?' },
        { role: 'assistant', content: 'that, "there"' },
      ],
    },
  ]);
});

test.each([
  [{ text: 'no roles' }, 'fields text are no conversation; known are messages, conversations'],
  [{ prompt: 'a', chosen: 'b', rejected: 'c' }, 'are learned with --objective dpo'],
  [{ prompt: 'a', completion: '' }, 'prompt/completion: completion is empty'],
  [{ messages: [{ role: 'user', content: 'a' }] }, 'OpenAI messages: nobody answers'],
  [{ messages: [{ role: 'wizard', content: 'a' }] }, 'turn 1: role "wizard" is not known'],
  [{ messages: [{ role: 'user', content: [{ type: 'image_url' }] }] }, 'turn 1: a part of its content is no text'],
  [{ messages: 'hello' }, 'no list of turns'],
  [
    { messages: Array.from({ length: 1001 }, () => ({ role: 'assistant', content: 'a' })) },
    '1001 turns, the limit is 1000',
  ],
])('refused: %.60j', async (record, problem) => {
  const file = await fileOf(`{"prompt":"a","completion":"b"}\n\n${JSON.stringify(record)}\n`);
  await expect(readConversations(file)).rejects.toMatchObject({
    code: 'bad-conversation',
    message: expect.stringMatching(new RegExp(`^${file.replaceAll('.', '\\.')}:3: `)) as string,
  });
  await expect(readConversations(file)).rejects.toThrow(problem);
});

test('an empty file is no data', async () => {
  await expect(readConversations(await fileOf('\n'))).rejects.toMatchObject({ code: 'no-conversations' });
});

test('preferences: texts, lists of turns, and lists that begin with the prompt', async () => {
  const asked = { role: 'user', content: 'q' };
  const said = (content: string) => ({ role: 'assistant', content });
  const lines = [
    { prompt: 'q', chosen: 'good', rejected: 'bad' },
    { prompt: [asked], chosen: [said('good')], rejected: [said('bad')] },
    { chosen: [asked, said('good')], rejected: [asked, said('bad')] },
  ];
  const file = await fileOf(lines.map((line) => JSON.stringify(line)).join('\n'));
  for (const { prompt, chosen, rejected } of await readPreferences(file)) {
    expect({ prompt, chosen, rejected }).toEqual({ prompt: [asked], chosen: 'good', rejected: 'bad' });
  }
  const same = await fileOf(JSON.stringify({ prompt: 'q', chosen: 'x', rejected: 'x' }));
  await expect(readPreferences(same)).rejects.toThrow(`${same}:1: chosen and rejected are the same text`);
});
