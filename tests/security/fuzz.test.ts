/** Whatever is sent to a route that takes bodies: an answer within seconds, never a 500, and books that balance. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway } from '../scratch-gateway.js';
import { scriptedEngine } from '../scripted-engine.js';
import { postHead, rawRequest } from './raw-request.js';

const RUNS = 150;
let opened: ScratchGateway;
let key: string;
let routes: string[];

beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], ['quick']);
  key = (await opened.newClient(1_000_000_000n)).secretKey;
  const response = await fetch(`${opened.gateway.url}/openapi.json`);
  const { paths } = (await response.json()) as { paths: Record<string, object> };
  routes = Object.keys(paths).filter((path) => 'post' in (paths[path] ?? {}) && path.startsWith('/v1'));
  expect(routes.length).toBeGreaterThanOrEqual(2);
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
  expect(opened.problems).toEqual([]);
});

const route = fc.nat().map((at) => routes[at % routes.length] ?? '');
const text = fc.string({ unit: 'binary', maxLength: 40 });
const strange = fc.oneof(
  fc.jsonValue(),
  text,
  fc.constantFrom('\u0000', '\ud800', '__proto__', "'; drop schema moat cascade; --", '${7*7}', '../../etc/passwd'),
  fc.constantFrom(-1, 0, 1e308, 2 ** 53, 0.1, -0, [], {}, null, true),
);
const good = { model: 'quick', prompt: 'ab', messages: [{ role: 'user', content: 'ab' }], input: 'ab', max_tokens: 2 };
const NAMES = `
  model prompt messages input max_tokens max_completion_tokens n stream stream_options temperature top_p
  top_k min_p seed stop logprobs top_logprobs logit_bias user response_format tools tool_choice functions
  best_of echo suffix metadata store presence_penalty frequency_penalty repetition_penalty dimensions
  encoding_format instructions`
  .trim()
  .split(/\s+/);
const HEADERS = `
  content-length transfer-encoding content-encoding expect host connection upgrade range authorization
  idempotency-key accept content-type x-forwarded-for cookie traceparent`
  .trim()
  .split(/\s+/);
/** What is right but for a few fields. */
const nearlyGood = fc
  .dictionary(fc.constantFrom(...NAMES), strange, { minKeys: 1, maxKeys: 3 })
  .map((wrong) => JSON.stringify({ ...good, ...wrong }));
const message = fc.record({ role: fc.oneof(fc.constantFrom('user', 'system', 'tool'), text), content: strange });
const conversations = fc
  .array(message, { maxLength: 4 })
  .map((messages) => JSON.stringify({ model: 'quick', max_tokens: 2, messages }));
const torn = fc.tuple(fc.nat(200), text).map(([at, more]) => JSON.stringify(good).slice(0, at) + more);
const bytes = fc.uint8Array({ maxLength: 300 }).map((each) => Buffer.from(each));
const body = fc.oneof(nearlyGood, conversations, fc.json(), torn, bytes);

test('fuzzed bodies', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(route, body, async (path, sent) => {
      const response = await fetch(`${opened.gateway.url}${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: sent,
        signal: AbortSignal.timeout(5000),
      });
      const answer = await response.text();
      expect([200, 400, 402, 403, 404, 413, 429]).toContain(response.status);
      if (response.status !== 200) expect(JSON.parse(answer)).toMatchObject({ error: { code: expect.any(String) } });
    }),
    { numRuns: RUNS },
  );
});

test('fuzzed headers', { timeout: 60_000 }, async () => {
  const json = JSON.stringify(good);
  const token = fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/);
  const value = fc.oneof(
    text,
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.constantFrom('', '-1', 'gzip', 'chunked'),
  );
  const name = fc.oneof(token, fc.constantFrom(...HEADERS));
  await fc.assert(
    fc.asyncProperty(route, fc.array(fc.tuple(name, value), { maxLength: 6 }), async (path, headers) => {
      const lines = headers.map(([header, content]) => `${header}: ${content}`);
      const head = postHead(path, key, ...lines, `content-length: ${json.length}`, 'connection: close');
      const { status } = await rawRequest(opened.gateway.url, [`${head}\r\n${json}`], { patienceMs: 5000 });
      expect(status).not.toBe(500);
    }),
    { numRuns: RUNS },
  );
});

test('after all that it serves as before', async () => {
  const { openai } = await opened.newClient(1000n);
  expect((await openai.completions.create({ model: 'quick', prompt: 'ab', max_tokens: 2 })).usage?.total_tokens).toBe(
    4,
  );
});
