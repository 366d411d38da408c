import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { ANSWERS } from './openapi-answers.js';
import { openApiDocument } from './openapi.js';

let opened: ScratchGateway;
beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});

/** Every `$ref` below a value. */
function refsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === '$ref' ? [String(inner)] : refsIn(inner)));
}

test('the document is served to anybody, and nothing it points to is missing', async () => {
  const response = await fetch(`${opened.gateway.url}/openapi.json`);
  const document = (await response.json()) as { paths: object; components: { schemas: Record<string, object> } };
  expect(document).toEqual(JSON.parse(JSON.stringify(openApiDocument('0.0.0'))));
  expect(document).toMatchObject({ openapi: '3.1.0' });
  const refs = refsIn(document);
  expect(refs.length).toBeGreaterThan(20);
  for (const ref of refs)
    expect(document.components.schemas[ref.replace('#/components/schemas/', '')], ref).toBeDefined();
  // a body's bounds are those that requests are checked by
  expect(JSON.stringify(document.components.schemas['ChatRequest'])).toContain('"maximum":2');
});

test('every route it describes is there, and asks for a key', async () => {
  const { paths } = openApiDocument('0.0.0') as { paths: Record<string, object> };
  expect(Object.keys(paths).length).toBeGreaterThanOrEqual(7);
  for (const [route, operations] of Object.entries(paths)) {
    for (const method of Object.keys(operations)) {
      const response = await fetch(`${opened.gateway.url}${route.replace('{model}', 'quick')}`, { method });
      expect([route, response.status]).toEqual([route, 401]);
    }
  }
});

test('what it says of answers holds of real ones', async () => {
  const { secretKey } = await opened.newClient(1_000_000n);
  const { url } = opened.gateway;
  const chat = { model: 'quick', messages: [{ role: 'user', content: 'x' }], max_tokens: 3, logprobs: true };
  const text = { model: 'quick', prompt: 'ab', max_tokens: 3 };
  const ask = async (route: string, body: object): Promise<unknown> =>
    (await post(`${url}${route}`, secretKey, body)).json();
  ANSWERS.ChatCompletion.parse(await ask('/v1/chat/completions', chat));
  ANSWERS.TextCompletion.parse(await ask('/v1/completions', text));
  ANSWERS.Error.parse(await ask('/v1/completions', { ...text, model: 'none' }));
  const streamed = await post(`${url}/v1/chat/completions`, secretKey, {
    ...chat,
    stream: true,
    stream_options: { include_usage: true },
  });
  const events = (await streamed.text()).split('\n\n').filter((event) => event.startsWith('data: {'));
  expect(events.length).toBeGreaterThan(3);
  for (const event of events) ANSWERS.ChatCompletionChunk.parse(JSON.parse(event.slice('data: '.length)));
  const headers = { authorization: `Bearer ${secretKey}` };
  const models = await (await fetch(`${url}/v1/models`, { headers })).json();
  ANSWERS.Models.parse(models);
  ANSWERS.Model.parse(await (await fetch(`${url}/v1/models/quick`, { headers })).json());
});
