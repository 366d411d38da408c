/** A gateway that is watched in every way: what it tells, and what it never tells. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { trace } from '@opentelemetry/api';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../tests/scripted-engine.js';
import { systemClock } from '../../base/clock.js';
import { newSecretKey } from '../billing/api-key.js';
import { openRequestLog } from './request-log.js';
import type { Gateway } from './start-gateway.js';

const PROMPT = 'my diary, never to be told';
const CALLER = '4bf92f3577b34da6a3ce929d0e0e4736';
const exporter = new InMemorySpanExporter();
let folder: string;
let scratch: ScratchGateway;

beforeAll(async () => {
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  folder = await mkdtemp(path.join(tmpdir(), 'moat-log-'));
  const broken = scriptedEngine({ modelId: 'broken', failAt: { token: 3, error: new Error('the engine broke') } });
  scratch = await openScratchGateway([scriptedEngine({ modelId: 'quick' }), broken], ['quick', 'broken']);
});
afterAll(async () => {
  trace.disable();
  expect(await scratch.close()).toEqual([]);
  await rm(folder, { recursive: true, force: true });
});

async function askAll({ url, studioToken }: Gateway): Promise<{ keys: string[]; metrics: string }> {
  const rich = await scratch.newClient(1_000_000n);
  const poor = await scratch.newClient(0n);
  const stranger = newSecretKey();
  const messages = [{ role: 'user', content: PROMPT }];
  const chat = async (key: string, more: object): Promise<string> =>
    (await post(`${url}/v1/chat/completions`, key, { model: 'quick', messages, max_tokens: 4, ...more })).text();
  await chat(rich.secretKey, { temperature: 0.5 });
  await chat(rich.secretKey, { stream: true });
  await chat(rich.secretKey, { stream: true, model: 'broken', max_tokens: 8 });
  await chat(rich.secretKey, { model: PROMPT });
  await chat(rich.secretKey, { temperature: PROMPT });
  await chat(poor.secretKey, {});
  await chat(stranger, {});
  await fetch(`${url}/v1/completions`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${rich.secretKey}`,
      cookie: `session=${stranger}`,
      'content-type': 'application/json',
      traceparent: `00-${CALLER}-00f067aa0ba902b7-01`,
    },
    body: JSON.stringify({ model: 'quick', prompt: PROMPT, max_tokens: 2 }),
  }).then((response) => response.text());
  await fetch(`${url}/v1/${stranger}?key=${stranger}`);
  const headers = { authorization: `Bearer ${studioToken}` };
  const metrics = await (await fetch(`${url}/metrics`, { headers })).text();
  return { keys: [rich.secretKey, poor.secretKey, stranger, studioToken], metrics };
}

test('log, spans and metrics tell of every request, and hold no prompt, no answer, no key and no name', async () => {
  const file = path.join(folder, 'requests.jsonl');
  const log = await openRequestLog({ level: 'info', file, clock: systemClock });
  const gateway = await scratch.start({ log });
  const { keys, metrics } = await askAll(gateway);
  await gateway.close();
  await log.close();
  const text = await readFile(file, 'utf8');
  const lines = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ event, code, outcome, message }) => [event, code ?? outcome ?? message])).toEqual([
    ['request', 'finished'],
    ['request', 'finished'],
    ['request', 'failed'],
    ['problem', 'the engine broke'],
    ['refusal', 'model_not_found'],
    ['refusal', 'invalid_value'],
    ['refusal', 'insufficient_credit'],
    ['refusal', 'invalid_api_key'],
    ['request', 'finished'],
    ['refusal', 'unknown_url'],
  ]);
  expect(lines[0]).toMatchObject({ scope: 'chat', model: 'quick', output_tokens: 4, charged_micros: '34' });
  expect(lines[0]?.['first_text_ms']).toBeLessThan(Number(lines[0]?.['total_ms']));
  expect(lines.at(-2)).toMatchObject({ scope: 'completions', trace_id: CALLER });

  const spans = exporter.getFinishedSpans().map(({ name, attributes, status, events }) => ({
    name,
    attributes,
    status,
    events,
  }));
  const whole = spans.filter(({ name }) => /quick|broken/.test(name));
  expect(whole.map(({ name, attributes }) => [name, attributes['error.type']])).toEqual([
    ['chat quick', undefined],
    ['chat quick', undefined],
    ['chat broken', 'internal_error'],
    ['chat quick', 'insufficient_credit'],
    ['text_completion quick', undefined],
  ]);
  expect(whole[0]?.attributes).toMatchObject({
    'gen_ai.request.temperature': 0.5,
    'gen_ai.request.max_tokens': 4,
    'gen_ai.usage.output_tokens': 4,
    'gen_ai.response.finish_reasons': ['length'],
    'gen_ai.response.id': lines[0]?.['request_id'],
  });
  expect(spans.filter(({ name }) => name === 'settle')).toHaveLength(4);

  for (const told of [text, JSON.stringify(spans), metrics]) {
    expect(told).not.toContain('diary');
    expect(told).not.toContain('0 1 2');
    expect(told).not.toMatch(/client \d/);
    for (const key of keys) expect(told).not.toContain(key.slice(-20));
  }
});
