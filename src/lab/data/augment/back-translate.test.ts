import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createBackTranslator } from './back-translate.js';

interface Asked {
  readonly model: string;
  readonly messages: { readonly role: string; readonly content: string }[];
}

let server: Server;
let baseUrl: string;
let asked: { body: Asked; authorization: string | undefined }[];
let answers: { status: number; body: string }[];
const said = (content: string) => ({ status: 200, body: JSON.stringify({ choices: [{ message: { content } }] }) });

beforeEach(async () => {
  asked = [];
  answers = [];
  server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      asked.push({ body: JSON.parse(text) as Asked, authorization: request.headers.authorization });
      const answer = answers.shift() ?? { status: 500, body: '' };
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
});
afterEach(() => new Promise((resolve) => server.close(resolve)));

const translator = (options: object = {}) =>
  createBackTranslator({ baseUrl, model: 'm', apiKey: 'secret', sleep: () => Promise.resolve(), ...options });

test('asks twice, there and back, with the key', async () => {
  answers = [said('箱子坏了。'), said('The box is broken.')];
  expect(await translator()('The box was damaged.', 'English')).toBe('The box is broken.');
  expect(asked.map(({ body }) => body.messages.at(-1)?.content)).toEqual(['The box was damaged.', '箱子坏了。']);
  expect(asked[0]?.body.messages[0]?.content).toContain('into Chinese');
  expect(asked[1]?.body.messages[0]?.content).toContain('into English');
  expect(asked[0]).toMatchObject({ authorization: 'Bearer secret', body: { model: 'm' } });
});

test.each([
  ['the same text', 'It is late.'],
  ['nothing', ' '],
  ['an essay', 'As a language model I cannot '.repeat(20)],
])('%s is no copy', async (_, back) => {
  answers = [said('晚了。'), said(back)];
  expect(await translator()('It is late.', 'English')).toBeUndefined();
});

test('tries again after 429 and 503, and gives up in one line', async () => {
  answers = [{ status: 429, body: '' }, said('x'), { status: 503, body: '' }, said('Another.')];
  expect(await translator()('A text.', 'English')).toBe('Another.');
  answers = Array.from({ length: 3 }, () => ({ status: 500, body: '' }));
  await expect(translator()('A text.', 'English')).rejects.toThrow(/answered with status 500/);
});

test.each([
  [{ status: 401, body: '{}' }, /status 401/],
  [{ status: 200, body: '{"choices":[]}' }, /not a chat completion/],
  [{ status: 200, body: 'x'.repeat(4_000_001) }, /more than 4000000 bytes/],
])('an answer that is no use is refused', async (answer, message) => {
  answers = [answer, answer, answer];
  await expect(translator()('A text.', 'English')).rejects.toThrow(message);
});

test('an address that is none', () => {
  expect(() => translator({ baseUrl: 'file:///etc' })).toThrow(/not the address/);
});
