/** A model answered by an engine elsewhere, sold: asked for with OpenAI's own client, charged to the token. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { type Behaviour, type ScriptedUpstream, openScriptedUpstream } from '../../../../tests/scripted-upstream.js';
import { closeUpstreams, serve, targetAt } from '../../../../tests/served-upstream.js';
import { balanceOf } from '../../billing/ledger.js';
import { usageOf } from '../../billing/usage.js';
import { Secret } from './secret.js';
import type { Gateway } from '../start-gateway.js';

let opened: ScratchGateway;
let gateway: Gateway;
let engine: ScriptedUpstream;
let behaviour: Behaviour;
beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick', tokenMs: 5 })], ['ours', 'quick', 'far']);
  engine = await openScriptedUpstream(() => behaviour);
  const { backend } = serve([targetAt(engine.url)], { model: { maxOutputTokens: 100 } });
  gateway = await opened.start({ upstreams: new Map([['ours', backend]]) });
});
afterAll(async () => {
  await gateway.close();
  await closeUpstreams();
  await engine.close();
  expect(await opened.close()).toEqual([]);
});

const question = { model: 'ours', messages: [{ role: 'user' as const, content: 'hello' }] };
const eventually = async (look: () => Promise<boolean>): Promise<void> => {
  for (let at = 0; at < 500 && !(await look()); at++) await sleep(10);
};

test('an answer, whole and streamed: the engine’s tokens at our price', async () => {
  behaviour = { kind: 'answer' };
  const { openai, customerId } = await opened.newClient(100_000n, gateway.url);
  const whole = await openai.chat.completions.create({ ...question, max_tokens: 3, n: 2 });
  expect(whole.choices.map(({ message }) => message.content)).toEqual(['0 1 2 ', '0 1 2 ']);
  expect(whole.model).toBe('ours');
  expect(whole.usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 6 });
  const stream = await openai.completions.create({ model: 'ours', prompt: 'x', max_tokens: 2, stream: true });
  let text = '';
  for await (const { choices } of stream) text += choices[0]?.text ?? '';
  expect(text).toBe('0 1 ');
  expect(await usageOf(opened.books, { customerId })).toMatchObject([
    { inputTokens: 7, outputTokens: 2, chargedMicros: 11n },
    { inputTokens: 7, outputTokens: 6, chargedMicros: 19n },
  ]);
});

test('a customer who leaves: the engine is cut off and what was sent is charged', async () => {
  behaviour = { kind: 'answer', tokens: Array.from({ length: 90 }, () => 'a '), tokenMs: 20 };
  const { openai, customerId } = await opened.newClient(100_000n, gateway.url);
  const stream = await openai.chat.completions.create({ ...question, stream: true });
  let seen = 0;
  for await (const { choices } of stream) {
    if ((choices[0]?.delta.content ?? '') !== '') seen++;
    if (seen === 5) break;
  }
  stream.controller.abort();
  await eventually(async () => (await usageOf(opened.books, { customerId })).length === 1);
  const [event] = await usageOf(opened.books, { customerId });
  expect(event).toMatchObject({ status: 'aborted' });
  expect(event?.outputTokens).toBeGreaterThanOrEqual(5);
  expect(event?.outputTokens).toBeLessThan(90);
  expect(engine.cutOff()).toBe(1);
});

test('an engine that cannot be had costs nothing; one that breaks off ends the stream with an error', async () => {
  const { openai, customerId } = await opened.newClient(100_000n, gateway.url);
  behaviour = { kind: 'status', status: 401 };
  await expect(openai.chat.completions.create(question)).rejects.toMatchObject({
    status: 503,
    code: 'upstream_unavailable',
  });
  expect(await usageOf(opened.books, { customerId })).toEqual([]);
  behaviour = { kind: 'answer', dieAfter: 2 };
  const stream = await openai.chat.completions.create({ ...question, stream: true });
  await expect(
    (async () => {
      for await (const chunk of stream) expect(chunk.model).toBe('ours');
    })(),
  ).rejects.toThrow(/broke off/);
  await eventually(async () => (await usageOf(opened.books, { customerId })).length === 1);
  expect(await usageOf(opened.books, { customerId })).toMatchObject([
    { status: 'failed', outputTokens: 2, chargedMicros: 0n },
  ]);
  expect(await balanceOf(opened.books, customerId)).toMatchObject({ balanceMicros: 100_000n, reservedMicros: 0n });
});

test('a gateway behind a gateway: both books count the same, and one who leaves is cut off through both', async () => {
  const inner = await opened.newClient(100_000n);
  const target = targetAt(`${opened.gateway.url}/v1`, { model: 'quick', apiKey: new Secret(inner.secretKey) });
  const { backend, problems } = serve([target], { model: { modelId: 'far', maxOutputTokens: 100 } });
  const outside = await opened.start({ upstreams: new Map([['far', backend]]) });
  const outer = await opened.newClient(100_000n, outside.url);
  const usages = async () => {
    const [mine, theirs] = await Promise.all(
      [outer, inner].map(({ customerId }) => usageOf(opened.books, { customerId })),
    );
    return { mine: mine ?? [], theirs: theirs ?? [] };
  };
  const answer = await outer.openai.chat.completions.create({ ...question, model: 'far', max_tokens: 4, n: 2 });
  expect(answer.choices.map(({ message }) => message.content)).toEqual(['0 1 2 3 ', '0 1 2 3 ']);
  const { mine, theirs } = await usages();
  expect(mine).toMatchObject([{ inputTokens: 5, outputTokens: 8 }]);
  expect(theirs).toMatchObject([{ inputTokens: 5, outputTokens: 8 }]);

  const stream = await outer.openai.chat.completions.create({ ...question, model: 'far', stream: true });
  for await (const { choices } of stream) if (choices[0]?.delta.content === '3 ') break;
  await eventually(async () => (await usages()).theirs.length === 2 && (await usages()).mine.length === 2);
  const [left, cut] = [(await usages()).mine[0], (await usages()).theirs[0]];
  expect([left?.status, cut?.status]).toEqual(['aborted', 'aborted']);
  expect(left?.outputTokens).toBeGreaterThanOrEqual(4);
  expect(left?.outputTokens).toBeLessThanOrEqual(cut?.outputTokens ?? 0);
  expect(cut?.outputTokens).toBeLessThan(100);
  expect(problems.map(({ kind }) => kind)).toEqual(['input-estimated']);
  await outside.close();
});
