/** Completions in OpenAI's forms, asked for with OpenAI's own client: texts, usage, charges. */
import type OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post as postTo } from '../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import type { Books } from '../billing/customers.js';
import { balanceOf } from '../billing/ledger.js';
import { usageOf } from '../billing/usage.js';

let opened: ScratchGateway;
let books: Books;
beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  ({ books } = opened);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});
const newClient: ScratchGateway['newClient'] = (...given) => opened.newClient(...given);
const post = (route: string, key: string, body: unknown) => postTo(`${opened.gateway.url}${route}`, key, body);

test('a chat completion, whole: text, usage, one event, the exact charge', async () => {
  const { openai, customerId } = await newClient(1000n);
  const answer = await openai.chat.completions.create({
    model: 'quick',
    messages: [{ role: 'user', content: 'hello' }],
    max_tokens: 3,
  });
  expect(answer.choices[0]?.message.content).toBe('0 1 2 ');
  expect(answer.choices[0]?.finish_reason).toBe('length');
  expect(answer.usage).toMatchObject({ prompt_tokens: 5, completion_tokens: 3, total_tokens: 8 });
  const events = await usageOf(books, { customerId });
  expect(events).toMatchObject([{ inputTokens: 5, outputTokens: 3, chargedMicros: 11n, status: 'finished' }]);
  expect(await balanceOf(books, customerId)).toMatchObject({ balanceMicros: 989n, reservedMicros: 0n });
});

test('a streamed completion ends with usage and [DONE], and is on the books by then', async () => {
  const { openai, customerId } = await newClient(1000n);
  const stream = await openai.completions.create({
    model: 'quick',
    prompt: 'hi',
    max_tokens: 10,
    stop: ['4'],
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = '';
  let reason: string | null = null;
  let usage: OpenAI.CompletionUsage | undefined;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.text ?? '';
    reason = chunk.choices[0]?.finish_reason ?? reason;
    usage = chunk.usage ?? usage;
  }
  expect(text).toBe('0 1 2 3 ');
  expect(reason).toBe('stop');
  expect(usage).toMatchObject({ prompt_tokens: 2, completion_tokens: 5 });
  expect(await usageOf(books, { customerId })).toMatchObject([{ outputTokens: 5, chargedMicros: 12n }]);
});

test('a streamed chat says who speaks, and prompts may be token arrays and text parts', async () => {
  const { openai, customerId, secretKey } = await newClient(1000n);
  const stream = await openai.chat.completions.create({
    model: 'quick',
    messages: [{ role: 'user', content: [{ type: 'text', text: 'ab' }] }],
    max_completion_tokens: 2,
    stream: true,
  });
  const deltas = [];
  for await (const chunk of stream) deltas.push(chunk.choices[0]?.delta);
  expect(deltas).toEqual([{ role: 'assistant', content: '' }, { content: '0 ' }, { content: '1 ' }, {}]);
  const whole = await openai.completions.create({ model: 'quick', prompt: [1, 2, 3], max_tokens: 1 });
  expect(whole.usage?.prompt_tokens).toBe(3);
  expect(await usageOf(books, { customerId })).toHaveLength(2);
  const raw = await post('/v1/completions', secretKey, { model: 'quick', prompt: 'x', max_tokens: 1, stream: true });
  expect((await raw.text()).trimEnd().endsWith('data: [DONE]')).toBe(true);
});

test('several answers to one prompt: the prompt is charged once, every token of every answer', async () => {
  const { openai, customerId } = await newClient(1000n);
  const request = { model: 'quick', messages: [{ role: 'user', content: 'abcd' }], max_tokens: 3, n: 2 } as const;
  const whole = await openai.chat.completions.create({ ...request, messages: [...request.messages] });
  expect(whole.choices.map(({ index, message }) => [index, message.content])).toEqual([
    [0, '0 1 2 '],
    [1, '0 1 2 '],
  ]);
  expect(whole.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 6 });
  const stream = await openai.chat.completions.create({ ...request, messages: [...request.messages], stream: true });
  const texts = ['', ''];
  const reasons: (string | null)[] = [null, null];
  for await (const { choices } of stream) {
    for (const { index, delta, finish_reason: reason } of choices) {
      texts[index] += delta.content ?? '';
      reasons[index] = reason ?? (reasons[index] as string | null);
    }
  }
  expect(texts).toEqual(['0 1 2 ', '0 1 2 ']);
  expect(reasons).toEqual(['length', 'length']);
  expect(await usageOf(books, { customerId })).toMatchObject([
    { inputTokens: 4, outputTokens: 6 },
    { inputTokens: 4, outputTokens: 6 },
  ]);
});

test('log-probabilities in both of OpenAI’s forms', async () => {
  const { openai } = await newClient(1000n);
  const chat = await openai.chat.completions.create({
    model: 'quick',
    messages: [{ role: 'user', content: 'x' }],
    max_tokens: 2,
    logprobs: true,
    top_logprobs: 2,
  });
  expect(chat.choices[0]?.logprobs?.content).toMatchObject([
    { token: '0', logprob: Math.log(0.5), bytes: [48], top_logprobs: [{ token: '0' }, { token: '1' }] },
    { token: '1', bytes: [49] },
  ]);
  const text = await openai.completions.create({ model: 'quick', prompt: 'x', max_tokens: 2, logprobs: 1 });
  expect(text.choices[0]?.logprobs).toEqual({
    tokens: ['0', '1'],
    token_logprobs: [Math.log(0.5), Math.log(0.5)],
    top_logprobs: [{ 0: Math.log(0.5) }, { 1: Math.log(0.5) }],
    text_offset: [0, 1],
  });
});

test('several prompts in one request: answers prompt by prompt, one event, no more than are offered', async () => {
  const { openai, customerId } = await newClient(1000n);
  const ask = (more: object) => openai.completions.create({ model: 'quick', max_tokens: 2, prompt: '', ...more });
  const whole = await ask({ prompt: ['a', 'bcd'], n: 2 });
  expect(whole.choices.map(({ index, text, finish_reason: reason }) => [index, text, reason])).toEqual(
    [0, 1, 2, 3].map((index) => [index, '0 1 ', 'length']),
  );
  expect(whole.usage).toMatchObject({ prompt_tokens: 4, completion_tokens: 8 });
  const tokens = await ask({ prompt: [[1], [2, 3]], logprobs: 1 });
  expect(tokens.choices.map(({ logprobs }) => logprobs?.tokens)).toEqual([
    ['0', '1'],
    ['0', '1'],
  ]);
  const stream = await openai.completions.create({ model: 'quick', prompt: ['a', 'b'], max_tokens: 2, stream: true });
  const texts = ['', ''];
  for await (const { choices } of stream) for (const { index, text } of choices) texts[index] += text;
  expect(texts).toEqual(['0 1 ', '0 1 ']);
  const refused = { status: 400, code: 'invalid_value', param: 'prompt' };
  await expect(ask({ prompt: Array(17).fill('a') })).rejects.toMatchObject(refused);
  await expect(ask({ prompt: Array(9).fill('a'), n: 2 })).rejects.toMatchObject(refused);
  await expect(ask({ prompt: ['a', ''] })).rejects.toMatchObject(refused);
  expect(await usageOf(books, { customerId })).toMatchObject([
    { inputTokens: 2, outputTokens: 4 },
    { inputTokens: 3, outputTokens: 4 },
    { inputTokens: 4, outputTokens: 8, chargedMicros: 20n },
  ]);
});
