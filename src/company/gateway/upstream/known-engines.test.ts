/** Targets whose engine is named: used only while they are what the file says, and only for what they know. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import {
  ask,
  chat,
  closeUpstreams,
  failureOf,
  serve,
  targetAt,
  textOf,
  upstream,
} from '../../../../tests/served-upstream.js';
import { manualClock } from '../../../base/clock.js';

afterEach(closeUpstreams);

/** An engine that lists one model as vLLM does, and can become another one, or ill. */
async function engine(first: { model: string; context?: number; isWell?: boolean }) {
  const state = { context: 4096, isWell: true, ...first };
  const opened = await upstream(undefined, (path) => {
    if (path === '/health') return state.isWell ? {} : undefined;
    return path === '/v1/models' ? { data: [{ id: state.model, max_model_len: state.context }] } : undefined;
  });
  return { opened, state, target: (more: object = {}) => targetAt(opened.url, { engine: 'vllm', ...more }) };
}
const posts = ({ opened }: Awaited<ReturnType<typeof engine>>) =>
  opened.seen.filter(({ method }) => method === 'POST').length;

test('a target with another model is told once and not used; the right one answers', async () => {
  const [wrong, right] = [await engine({ model: 'other' }), await engine({ model: 'there' })];
  const { backend, problems } = serve([wrong.target(), right.target({ priority: 1 })]);
  await backend.checkIdentities();
  await backend.checkIdentities();
  for (let at = 0; at < 3; at++) expect(textOf(await ask(backend))).toBe('0 1 2 3 ');
  expect([posts(wrong), posts(right)]).toEqual([0, 3]);
  expect(problems).toMatchObject([
    { kind: 'target-unfit', model: 'ours', message: 'not used: it serves "other", not "there"' },
  ]);
  expect(backend.health().targets).toMatchObject([
    { identity: 'wrong', unfit: 'it serves "other", not "there"' },
    { identity: 'right', unfit: null },
  ]);
});

test('nothing is asked of an engine before it proved right; without another one the customer waits', async () => {
  const unknown = await engine({ model: 'there', context: 100 });
  const { backend } = serve([unknown.target()], { model: { contextLength: 200 } });
  expect(backend.health()).toMatchObject({ isAvailable: false, targets: [{ identity: 'away' }] });
  expect(await failureOf(ask(backend))).toMatchObject({
    status: 503,
    code: 'upstream_unavailable',
    retryAfterSeconds: 10,
  });
  await backend.checkIdentities();
  expect(backend.health().targets).toMatchObject([{ identity: 'wrong' }]);
  unknown.state.context = 200;
  await backend.checkIdentities();
  expect(textOf(await ask(backend))).toBe('0 1 2 3 ');
});

test('it is looked at again by itself, and found when it has become right', async () => {
  const late = await engine({ model: 'there', isWell: false });
  const { backend } = serve([late.target()], { probeIntervalMs: 10 });
  await backend.checkIdentities();
  expect(backend.health().isAvailable).toBe(false);
  late.state.isWell = true;
  for (let at = 0; at < 500 && !backend.health().isAvailable; at++) await sleep(10);
  expect(textOf(await ask(backend))).toBe('0 1 2 3 ');
});

test('one in use that is slow to say who it is stays in use; one that became another model does not', async () => {
  const known = await engine({ model: 'there' });
  const clock = manualClock();
  const { backend } = serve([known.target()], { clock, probeIntervalMs: 10 });
  await backend.checkIdentities();
  known.state.isWell = false;
  clock.advance(61_000);
  await sleep(50);
  expect(backend.health()).toMatchObject({ isAvailable: true, targets: [{ identity: 'right' }] });
  Object.assign(known.state, { isWell: true, model: 'other' });
  clock.advance(61_000);
  for (let at = 0; at < 500 && backend.health().isAvailable; at++) await sleep(10);
  expect(await failureOf(ask(backend))).toMatchObject({ status: 503 });
});

test('what one engine lacks goes to one that has it; what none has is refused by name', async () => {
  const [plain, full] = [await upstream(), await upstream()];
  const lacks = ['n', 'completions.logprobs', 'stream_options'];
  const both = serve([targetAt(plain.url, { lacks }), targetAt(full.url, { priority: 1 })]).backend;
  await ask(both, { n: 1, tools: [], response_format: { type: 'text' }, presence_penalty: 0 });
  await ask(both, { n: 2 });
  expect([plain.seen.length, full.seen.length]).toEqual([1, 1]);
  // what says nothing is left out, and so is what the engine does not know
  expect(plain.seen[0]?.body).toEqual({
    model: 'there',
    stream: true,
    max_tokens: 4,
    messages: [{ role: 'user', content: 'hello' }],
  });
  expect(full.seen[0]?.body).toMatchObject({ n: 2, stream_options: { include_usage: true } });
  const one = serve([targetAt(plain.url, { lacks })]).backend;
  expect(() => one.prepareChat(chat({ n: 2 }))).toThrow(/ours: n is not offered/);
  expect(() => one.prepareText({ model: 'ours', prompt: 'x', logprobs: 1 })).toThrow(/ours: logprobs is not offered/);
  await ask(one, { logprobs: true, top_logprobs: 1 });
});

test('of several answers llama.cpp counts one: then the pieces are what is charged', async () => {
  const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };
  const opened = await upstream(() => ({ kind: 'answer', tokens: ['a', 'b', 'c'], usage }));
  const { backend, problems } = serve([targetAt(opened.url, { usageOfOneChoice: true })]);
  expect((await ask(backend, { n: 2 })).done).toMatchObject({ inputTokens: 7, outputTokens: 6 });
  expect((await ask(backend)).done).toMatchObject({ inputTokens: 7, outputTokens: 3 });
  expect(problems).toEqual([]);
});
