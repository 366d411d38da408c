/** `/v1/responses` with OpenAI's own client: whole, streamed, refused, cut off. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { balanceOf } from '../../billing/ledger.js';
import { usageOf } from '../../billing/usage.js';
import { chatOf, responsesSchema } from '../responses/responses-request.js';
import { ANSWERS } from '../openapi-answers.js';

let opened: ScratchGateway;
beforeAll(async () => {
  const engines = [
    scriptedEngine({ modelId: 'quick' }),
    scriptedEngine({ modelId: 'slow', tokenMs: 5, contextLength: 100_000 }),
    scriptedEngine({ modelId: 'broken', failAt: { token: 2, error: new Error('secret internals') } }),
  ];
  opened = await openScratchGateway(engines, ['quick', 'slow', 'broken']);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});

test('a whole response: text, status, usage, one event, the exact charge', async () => {
  const { openai, customerId } = await opened.newClient(1000n);
  const response = await openai.responses.create({
    model: 'quick',
    instructions: 'ab',
    input: [
      { role: 'user', content: [{ type: 'input_text', text: 'cd' }] },
      { role: 'assistant', content: 'ef' },
      { type: 'message', role: 'user', content: 'gh' },
    ],
    max_output_tokens: 3,
    store: false,
    metadata: { order: '7' },
  });
  ANSWERS.Response.parse({ ...response, output_text: undefined, _request_id: undefined });
  expect(response).toMatchObject({
    id: expect.stringMatching(/^resp_[0-9a-f]+$/),
    object: 'response',
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    instructions: 'ab',
    metadata: { order: '7' },
    output: [{ type: 'message', role: 'assistant', content: [{ type: 'output_text', text: '0 1 2 ' }] }],
  });
  expect(response.output_text).toBe('0 1 2 ');
  expect(response.usage).toEqual({
    input_tokens: 11,
    input_tokens_details: { cached_tokens: 0 },
    output_tokens: 3,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: 14,
  });
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ inputTokens: 11, chargedMicros: 17n }]);
});

test('a streamed one: every event of OpenAI’s in its order, and what the client makes of them', async () => {
  const { openai, secretKey, customerId } = await opened.newClient(1000n);
  const stream = openai.responses.stream({ model: 'quick', input: 'ab', max_output_tokens: 3 });
  const types: string[] = [];
  let text = '';
  for await (const event of stream) {
    types.push(event.type);
    expect(event.sequence_number).toBe(types.length - 1);
    if (event.type === 'response.output_text.delta') text += event.delta;
  }
  const delta = 'response.output_text.delta';
  expect(types).toEqual([
    'response.created',
    'response.in_progress',
    'response.output_item.added',
    'response.content_part.added',
    delta,
    delta,
    delta,
    'response.output_text.done',
    'response.content_part.done',
    'response.output_item.done',
    'response.incomplete',
  ]);
  const final = await stream.finalResponse();
  expect([text, final.output_text, final.status]).toEqual(['0 1 2 ', '0 1 2 ', 'incomplete']);
  expect(final.usage).toMatchObject({ input_tokens: 2, output_tokens: 3, total_tokens: 5 });
  expect(await usageOf(opened.books, { customerId })).toMatchObject([{ outputTokens: 3, chargedMicros: 8n }]);
  const raw = await post(`${opened.gateway.url}/v1/responses`, secretKey, { model: 'quick', input: 'a', stream: true });
  const events = (await raw.text()).trimEnd().split('\n\n');
  for (const event of events) {
    const [name = '', data = ''] = event.split('\n');
    const parsed = ANSWERS.ResponseEvent.parse(JSON.parse(data.slice('data: '.length)));
    expect(name).toBe(`event: ${parsed.type}`);
  }
});

test('an answer that ends by itself is completed', async () => {
  const engine = scriptedEngine({ modelId: 'quick' });
  const ending = {
    ...engine,
    generate: (request: Parameters<typeof engine.generate>[0], signal?: AbortSignal) =>
      engine.generate({ ...request, stop: ['2'] }, signal),
  };
  const gateway = await opened.start({ engines: new Map([['quick', ending]]) });
  const { openai: client } = await opened.newClient(100_000n, gateway.url);
  const response = await client.responses.create({ model: 'quick', input: 'ab' });
  expect(response).toMatchObject({ status: 'completed', incomplete_details: null, output_text: '0 1 ' });
  const stream = client.responses.stream({ model: 'quick', input: 'ab' });
  expect(await stream.finalResponse()).toMatchObject({ status: 'completed', output: [{ status: 'completed' }] });
  await gateway.close();
});

test('what would change the answer or keep it, and is not offered, is refused by name', async () => {
  const { openai, customerId } = await opened.newClient(10n);
  const ask = (more: object) =>
    openai.responses
      .create({ model: 'quick', input: 'x', max_output_tokens: 1, ...more })
      .catch((error: unknown) => error);
  const asked: Record<string, unknown> = {
    store: true,
    previous_response_id: 'resp_1',
    tools: [{ type: 'web_search' }],
    background: true,
    conversation: 'c',
    reasoning: { effort: 'high' },
    truncation: 'auto',
    include: ['reasoning.encrypted_content'],
  };
  for (const [name, value] of Object.entries(asked)) {
    expect(await ask({ [name]: value }), name).toMatchObject({
      status: 400,
      code: 'unsupported_parameter',
      param: name,
    });
  }
  expect(await ask({ input: [{ type: 'function_call_output', call_id: '1', output: '' }] })).toMatchObject({
    status: 400,
  });
  expect(await ask({ input: [{ role: 'user', content: [{ type: 'input_image' }] }] })).toMatchObject({ status: 400 });
  expect(await ask({ max_output_tokens: 100 })).toMatchObject({ status: 402 });
  expect(await ask({ max_output_tokens: 256 })).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  expect(await ask({ tools: [], tool_choice: 'auto', truncation: 'disabled', store: false })).toMatchObject({
    object: 'response',
  });
  expect(await usageOf(opened.books, { customerId })).toHaveLength(1);
});

test('a form that the answer has to have goes to the model', () => {
  const schema = { type: 'object', properties: { a: { type: 'string' } } };
  const of = (format: object) =>
    chatOf(responsesSchema.parse({ model: 'm', input: 'x', text: { format } })).response_format;
  expect(of({ type: 'json_schema', name: 'thing', schema, strict: true })).toEqual({
    type: 'json_schema',
    json_schema: { name: 'thing', schema, strict: true },
  });
  expect(of({ type: 'json_object' })).toEqual({ type: 'json_object' });
  expect(of({ type: 'text' })).toEqual({ type: 'text' });
});

test('a failure in mid-stream is an event, and free; a client that leaves pays what was generated', async () => {
  const { secretKey, customerId } = await opened.newClient(1000n);
  const broken = { model: 'broken', input: 'x', max_output_tokens: 9, stream: true };
  const text = await (await post(`${opened.gateway.url}/v1/responses`, secretKey, broken)).text();
  const last = text.trimEnd().split('\n').at(-1) ?? '';
  const event = ANSWERS.ResponseEvent.parse(JSON.parse(last.slice('data: '.length)));
  expect(event).toMatchObject({ type: 'response.failed', response: { error: { code: 'internal_error' } } });
  expect(text).not.toContain('secret internals');
  expect(await balanceOf(opened.books, customerId)).toMatchObject({ balanceMicros: 1000n });
  const leaver = await opened.newClient(1_000_000n);
  const stream = await leaver.openai.responses.create({ model: 'slow', input: 'abc', stream: true });
  let seen = 0;
  for await (const { type } of stream) if (type === 'response.output_text.delta' && ++seen === 5) break;
  for (let i = 0; i < 100 && (await usageOf(opened.books, leaver)).length === 0; i++)
    await new Promise((resolve) => setTimeout(resolve, 10));
  const [used] = await usageOf(opened.books, leaver);
  expect(used).toMatchObject({ status: 'aborted', inputTokens: 3 });
  expect(used?.outputTokens).toBeGreaterThanOrEqual(5);
});
