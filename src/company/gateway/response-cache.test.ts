import { expect, test } from 'vitest';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { manualClock } from '../../base/clock.js';
import type { AnswerDone, AnswerPart } from './backend.js';
import { chatSchema } from './completion-request.js';
import { localBackend } from './local-backend.js';
import { createResponseCache } from './response-cache.js';

function open(options: { maxBytes?: number } = {}) {
  const clock = manualClock();
  const engine = scriptedEngine();
  const cache = createResponseCache({ maxBytes: options.maxBytes ?? 100_000, maxAgeMs: 60_000, clock });
  const backend = cache.over(localBackend(engine));
  const ask = async (more: Record<string, unknown> = {}, scope = 'acme', signal = new AbortController().signal) => {
    const body = { model: 'scripted', messages: [{ role: 'user', content: 'hello' }], max_tokens: 3, ...more };
    const events: (AnswerPart | AnswerDone)[] = [];
    for await (const event of backend.prepareChat(chatSchema.parse(body)).run(scope, signal)) events.push(event);
    const done = events.find((event) => event.type === 'done');
    const text = events.map((event) => (event.type === 'part' ? event.text : '')).join('');
    return { text, done, events };
  };
  return { clock, engine, ask };
}

test('what would be answered the same again is answered from memory: prompt cached, output as it was, no engine time', async () => {
  const { engine, ask } = open();
  const first = await ask({ temperature: 0 });
  const second = await ask({ stream: true, temperature: 0, user: 'someone' });
  expect(engine.generatedTokens).toBe(3);
  expect(second.text).toBe(first.text);
  expect(first.done).toMatchObject({ inputTokens: 5, cachedTokens: 0, outputTokens: 3 });
  expect(second.done).toMatchObject({ inputTokens: 5, cachedTokens: 5, outputTokens: 3, computeMs: 0 });
  expect(second.events).toHaveLength(first.events.length);
});

test('not for draws without a seed, other settings, other customers, old answers or broken ones', async () => {
  const { engine, ask, clock } = open();
  await ask();
  await ask();
  await ask({ seed: 1 });
  await ask({ seed: 2 });
  await ask({ seed: 2, stop: ['x'] });
  await ask({ seed: 2 }, 'other customer');
  expect(engine.generatedTokens).toBe(18);
  await ask({ seed: 2 });
  expect(engine.generatedTokens).toBe(18);
  clock.advance(60_000);
  await ask({ seed: 2 });
  expect(engine.generatedTokens).toBe(21);
  await ask({ seed: 3 }, 'acme', AbortSignal.abort());
  await ask({ seed: 3 });
  expect(engine.generatedTokens).toBe(24);
});

test('the oldest answers make room, and what is larger than all of it is not kept', async () => {
  const { engine, ask } = open({ maxBytes: 1400 });
  for (const seed of [1, 2, 3]) await ask({ seed });
  const before = engine.generatedTokens;
  await ask({ seed: 3 });
  expect(engine.generatedTokens).toBe(before);
  await ask({ seed: 1 });
  expect(engine.generatedTokens).toBe(before + 3);
  await ask({ seed: 9, max_tokens: 50 });
  await ask({ seed: 9, max_tokens: 50 });
  expect(engine.generatedTokens).toBe(before + 103);
});

test('what a model answered is not given as the answer of another that takes its name', async () => {
  const clock = manualClock();
  const cache = createResponseCache({ maxBytes: 100_000, maxAgeMs: 60_000, clock });
  const [before, after] = [scriptedEngine(), scriptedEngine()];
  const body = chatSchema.parse({ model: 'scripted', messages: [{ role: 'user', content: 'hello' }], temperature: 0 });
  for (const engine of [before, after]) {
    const parts = cache.over(localBackend(engine)).prepareChat(body).run('acme', new AbortController().signal);
    for await (const _ of parts);
  }
  expect([before.generatedTokens, after.generatedTokens]).toEqual([251, 251]);
});
