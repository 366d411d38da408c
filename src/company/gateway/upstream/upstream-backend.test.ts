/** A model answered by engines elsewhere: what is sent, what comes back, what is counted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { afterEach, expect, test } from 'vitest';
import {
  KEY,
  ask,
  chat,
  closeUpstreams,
  collect,
  failureOf,
  serve,
  targetAt,
  textOf,
  upstream,
} from '../../../../tests/served-upstream.js';
import { loadTokenizer } from '../../../lab/tokenizer/tokenizer.js';
import { type AnswerDone } from '../backend.js';

afterEach(closeUpstreams);

test('an answer: parts of one token, the engine’s usage, its model’s name and key', async () => {
  const usage = {
    prompt_tokens: 9,
    completion_tokens: 5,
    total_tokens: 14,
    prompt_tokens_details: { cached_tokens: 8 },
    completion_tokens_details: { reasoning_tokens: 2 },
  };
  const engine = await upstream(() => ({ kind: 'answer', usage, finishReason: 'length' }));
  const { backend, problems } = serve([targetAt(engine.url)]);
  const prepared = backend.prepareChat(chat({ max_tokens: 6, user: 'somebody', metadata: { a: 'b' }, store: true }));
  expect(prepared).toMatchObject({ inputIsExact: false, maxOutputTokens: 6, choices: 1 });
  expect(prepared.inputTokens).toBeGreaterThan(9);
  const ran = await collect(prepared);
  expect(ran.parts.map(({ text, tokenCount }) => [text, tokenCount]).slice(0, 2)).toEqual([
    ['0 ', 1],
    ['1 ', 1],
  ]);
  expect(ran.done).toMatchObject({
    finishReasons: ['length'],
    inputTokens: 9,
    cachedTokens: 8,
    outputTokens: 5,
    reasoningTokens: 2,
  });
  const [request] = engine.seen;
  expect(request?.headers.authorization).toBe(`Bearer ${KEY}`);
  expect(request?.body).toEqual({
    model: 'there',
    messages: [{ role: 'user', content: 'hello' }],
    max_tokens: 6,
    stream: true,
    stream_options: { include_usage: true },
  });
  expect(problems).toEqual([]);
});

test('several answers; a text completion; connections are kept', async () => {
  const engine = await upstream();
  const { backend } = serve([targetAt(engine.url, { tokens: true, maxTokensField: 'max_completion_tokens' })]);
  const both = await ask(backend, { n: 2, max_tokens: 3 });
  expect(both.done).toMatchObject({ finishReasons: ['stop', 'stop'], outputTokens: 6 });
  expect(both.parts.filter(({ choice }) => choice === 1).map(({ text }) => text)).toEqual(['0 ', '1 ', '2 ']);
  const text = await collect(backend.prepareText({ model: 'ours', prompt: 'Once', max_tokens: 2 }));
  expect(textOf(text)).toBe('0 1 ');
  const ids = backend.prepareText({ model: 'ours', prompt: [1, 2, 3, 4, 5, 6, 7], max_tokens: 2 });
  expect(ids).toMatchObject({ inputTokens: 7, inputIsExact: true });
  expect((await collect(ids)).done).toMatchObject({ inputTokens: 7, outputTokens: 2 });
  expect(engine.seen.map(({ path }) => path)).toEqual(['/v1/chat/completions', '/v1/completions', '/v1/completions']);
  expect(engine.seen[0]?.body['max_completion_tokens']).toBe(3);
  expect(new Set(engine.seen.map(({ headers }) => headers.connection))).toEqual(new Set(['keep-alive']));
});

test('tools go there and calls come back, thoughts and logprobs too', async () => {
  const chunks = [
    { choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
    { choices: [{ index: 0, delta: { reasoning_content: 'hm' } }] },
    { choices: [{ index: 0, delta: { content: 'a' }, logprobs: { content: [{ token: 'a' }, { token: 'b' }] } }] },
    {
      choices: [
        { index: 0, delta: { tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }] } },
      ],
    },
    { choices: [{ index: 0, delta: { tool_calls: [{ index: 0, function: { arguments: '{}' } }] } }] },
    { choices: [{ index: 0, delta: {}, finish_reason: 'tool_calls' }] },
  ];
  const body = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\r\n\r\n`).join('');
  const engine = await upstream(() => ({ kind: 'raw', body: `: hello\n\n${body}data: [DONE]\n\n` }));
  const { backend, problems } = serve([targetAt(engine.url)], { model: { maxOutputTokens: 100 } });
  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }];
  const ran = await ask(backend, { tools, tool_choice: 'required', logprobs: true });
  expect(ran.parts).toEqual([
    { type: 'part', choice: 0, text: '', tokenCount: 1, reasoning: 'hm' },
    {
      type: 'part',
      choice: 0,
      text: 'a',
      tokenCount: 2,
      formattedLogprobs: { content: [{ token: 'a' }, { token: 'b' }] },
    },
    {
      type: 'part',
      choice: 0,
      text: '',
      tokenCount: 1,
      toolCalls: [{ index: 0, id: 'c1', type: 'function', function: { name: 'f', arguments: '' } }],
    },
    { type: 'part', choice: 0, text: '', tokenCount: 1, toolCalls: [{ index: 0, function: { arguments: '{}' } }] },
  ]);
  // no usage came: ours for the answer, a guess for the prompt, and the owner is told
  expect(ran.done).toMatchObject({ finishReasons: ['tool_calls'], outputTokens: 5, reasoningTokens: 1 });
  expect(ran.done.inputTokens).toBeGreaterThan(0);
  expect(problems.map(({ kind }) => kind)).toEqual(['input-estimated']);
  expect(engine.seen[0]?.body).toMatchObject({ tools, tool_choice: 'required' });
});

test('what is not offered is refused before anything is sent', () => {
  const { backend } = serve([targetAt('http://127.0.0.1:9/v1')], { model: { contextLength: 100 } });
  expect(() => backend.prepareChat(chat({ audio: { voice: 'x' } }))).toThrow(/^audio is not offered/);
  expect(() => backend.prepareText({ model: 'ours', prompt: 'x', best_of: 3 })).toThrow(/^best_of is not offered/);
  expect(() => backend.prepareText({ model: 'ours', prompt: [1] })).toThrow(/send text, not token ids/);
  expect(() => backend.prepareChat(chat({ max_tokens: 100 }))).toThrow(
    /context of 100 tokens; asked were max_tokens 100/,
  );
  expect(backend.prepareChat(chat({ functions: null, best_of: false })).maxOutputTokens).toBe(4);
});

test('an abort cuts the connection at once and counts what was passed on', async () => {
  const engine = await upstream(() => ({
    kind: 'answer',
    tokens: Array.from({ length: 400 }, () => 'a '),
    tokenMs: 5,
  }));
  const { backend } = serve([targetAt(engine.url)], { model: { maxOutputTokens: 500 } });
  const leaving = new AbortController();
  let passed = 0;
  const ends: AnswerDone[] = [];
  for await (const event of backend.prepareChat(chat()).run('s', leaving.signal)) {
    if (event.type === 'done') ends.push(event);
    else if (++passed === 4) leaving.abort();
  }
  expect(ends).toMatchObject([{ finishReasons: ['aborted'], outputTokens: 4 }]);
  for (let at = 0; at < 500 && engine.cutOff() === 0; at++) await sleep(5);
  expect(engine.cutOff()).toBe(1);
  expect(backend.health().targets).toMatchObject([{ state: 'closed', inFlight: 0, lastFailure: null }]);
});

test('an abort before the answer begins, during a pause, and one whose reader just stops', async () => {
  const engine = await upstream((_, at) => (at === 0 ? { kind: 'hang' } : { kind: 'status', status: 500 }));
  const { backend } = serve([targetAt(engine.url)]);
  const waiting = new AbortController();
  const run = collect(backend.prepareChat(chat()), waiting.signal);
  for (let at = 0; at < 500 && engine.seen.length === 0; at++) await sleep(5);
  waiting.abort();
  expect((await run).done).toMatchObject({ finishReasons: ['aborted'], outputTokens: 0 });
  // the engine had the prompt
  expect((await run).done.inputTokens).toBeGreaterThan(0);

  const paused = new AbortController();
  const slow = serve([targetAt(engine.url)], { pause: async () => paused.abort() });
  expect((await collect(slow.backend.prepareChat(chat()), paused.signal)).done).toMatchObject({
    finishReasons: ['aborted'],
    inputTokens: 0,
  });

  const long = await upstream(() => ({ kind: 'answer', hangAfter: 1 }));
  const stopped = serve([targetAt(long.url)]);
  for await (const event of stopped.backend.prepareChat(chat()).run('s', new AbortController().signal)) {
    expect(event).toMatchObject({ type: 'part', text: '0 ' });
    break;
  }
  for (let at = 0; at < 500 && long.cutOff() === 0; at++) await sleep(5);
  expect(long.cutOff()).toBe(1);
  expect(stopped.backend.health().targets[0]?.inFlight).toBe(0);
});

test('what the engine says of a bad request comes through short and clean; our key’s fault is ours', async () => {
  const message = `model there at http://10.1.2.3:8000/v1 /srv/models/there: key ${KEY} says top_p is too large ${'x'.repeat(900)}`;
  const engine = await upstream((_, at) => ({
    kind: 'status',
    status: at === 0 ? 400 : 401,
    body: JSON.stringify({ error: { message, code: 'context_length_exceeded' } }),
  }));
  const { backend, problems } = serve([targetAt(engine.url)]);
  const refused = await failureOf(ask(backend));
  expect(refused).toMatchObject({ status: 400, code: 'context_length_exceeded' });
  expect(refused.message).toMatch(/^ours: model … at … …: key … says top_p is too large x+$/);
  expect(refused.message.length).toBeLessThan(320);
  const ours = await failureOf(ask(backend));
  expect(ours).toMatchObject({ status: 503, code: 'upstream_unavailable' });
  expect(problems).toMatchObject([{ kind: 'key-refused' }]);
  const everything = [refused, ours, problems, backend, backend.health(), targetAt(engine.url)];
  for (const one of everything) {
    expect(inspect(one, { depth: 20, showHidden: true })).not.toContain(KEY);
    expect(JSON.stringify(one) ?? '').not.toContain(KEY);
  }
  expect(ours.message).not.toMatch(/127\.0\.0\.1|there/);
});

test('wrong usage is not believed and never exceeds what was reserved', async () => {
  const usages: [object, Partial<AnswerDone>, string][] = [
    [{ prompt_tokens: -1, completion_tokens: 2 }, { outputTokens: 4 }, 'usage-invalid'],
    [{ prompt_tokens: 'many' }, { outputTokens: 4 }, 'usage-invalid'],
    [{ prompt_tokens: 0, completion_tokens: 0 }, { outputTokens: 4 }, 'usage-invalid'],
    [{ prompt_tokens: 5, completion_tokens: 4, total_tokens: 100 }, { outputTokens: 4 }, 'usage-invalid'],
    [{ prompt_tokens: 5, completion_tokens: 1e6 }, { inputTokens: 5, outputTokens: 4 }, 'limit-ignored'],
    [{ prompt_tokens: 1e6, completion_tokens: 3 }, { outputTokens: 3 }, 'counts-differ'],
  ];
  for (const [usage, expected, kind] of usages) {
    const engine = await upstream(() => ({ kind: 'answer', usage }));
    const { backend, problems } = serve([targetAt(engine.url)]);
    const prepared = backend.prepareChat(chat());
    const { done } = await collect(prepared);
    expect(done).toMatchObject(expected);
    expect(done.inputTokens).toBeLessThanOrEqual(prepared.inputTokens);
    expect(problems.map((problem) => problem.kind)).toContain(kind);
  }
});

test('an engine that does not stop at max_tokens is stopped', async () => {
  const engine = await upstream(() => ({ kind: 'answer', tokens: Array.from({ length: 90 }, () => 'a'), tokenMs: 1 }));
  const { backend, problems } = serve([targetAt(engine.url)]);
  const { done } = await ask(backend);
  expect(done).toMatchObject({ finishReasons: ['length'], outputTokens: 4 });
  expect(problems.map(({ kind }) => kind)).toContain('limit-ignored');
});

test('with the model’s tokenizer both sides are counted here, and a difference is told', async () => {
  const tokenizer = await loadTokenizer('tests/golden/chat');
  const said = 'Returns the number of items, and 12345 more — 数据 wins.';
  const ids = tokenizer.encode(said).length;
  const pieces = said.match(/.{1,3}/gsu) ?? [];
  const exact = tokenizer.renderChat([{ role: 'user', content: 'hello' }]).length;
  for (const [completion, kinds] of [
    [ids + 1, []],
    [ids * 2, ['counts-differ']],
  ] as const) {
    const usage = { prompt_tokens: exact, completion_tokens: completion };
    const engine = await upstream(() => ({ kind: 'answer', tokens: pieces, usage }));
    const { backend, problems } = serve([targetAt(engine.url)], { model: { tokenizer, maxOutputTokens: 500 } });
    const prepared = backend.prepareChat(chat());
    expect(prepared).toMatchObject({ inputTokens: exact, inputIsExact: true });
    const ran = await collect(prepared);
    expect(textOf(ran)).toBe(said);
    expect(ran.done.outputTokens).toBe(ran.parts.reduce((sum, { tokenCount }) => sum + tokenCount, 0));
    expect(ran.done.outputTokens).toBeGreaterThanOrEqual(ids);
    expect(ran.done.outputTokens).toBeLessThanOrEqual(ids + 3);
    expect(problems.map(({ kind }) => kind)).toEqual(kinds);
  }
});
