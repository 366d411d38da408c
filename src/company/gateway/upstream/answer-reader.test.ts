/** Chunks as engines differ in them. */
import { expect, test } from 'vitest';
import { createAnswerReader } from './answer-reader.js';
import { AttemptFailure } from './attempt-failure.js';

const readerOf = (choices = 1) =>
  createAnswerReader({
    form: 'chat',
    choices,
    maxOutputTokens: 1000,
    encode: undefined,
    failureIn: () => new AttemptFailure('unavailable', 'it failed'),
  });
const chunk = (content: string, more: object = {}): string =>
  JSON.stringify({ choices: [{ index: 0, delta: { content } }], ...more });

test('usage in every chunk counts what came since the last one, also where a chunk holds several tokens', () => {
  const { read, tally } = readerOf();
  const usage = (tokens: number) => ({ usage: { prompt_tokens: 5, completion_tokens: tokens } });
  const chunks = [chunk('', usage(0)), chunk('a b c', usage(3)), chunk('d', usage(4)), chunk('é', usage(7))];
  expect(chunks.flatMap((data) => [...read(data)]).map(({ tokenCount }) => tokenCount)).toEqual([3, 1, 3]);
  expect(tally).toMatchObject({ outputTokens: 7, usage: { inputTokens: 5, outputTokens: 7 } });
});

test.each([
  [{ prompt_tokens: 10, completion_tokens: 4, prompt_cache_hit_tokens: 6 }, [10, 6, 4, 0]],
  [{ prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { cached_tokens: 99 } }, [10, 10, 4, 0]],
  [{ prompt_tokens: 10, completion_tokens: 4, completion_tokens_details: { reasoning_tokens: 9 } }, [10, 0, 4, 4]],
  // reasoning beside the answer
  [
    {
      prompt_tokens: 10,
      completion_tokens: 4,
      total_tokens: 23,
      completion_tokens_details: { reasoning_tokens: 9 },
    },
    [10, 0, 13, 9],
  ],
  [{ prompt_tokens: 10, total_tokens: 10 }, [10, 0, 0, 0]],
])('usage %j', (usage, [inputTokens, cachedTokens, outputTokens, reasoningTokens]) => {
  const { read, tally } = readerOf();
  expect([...read(JSON.stringify({ choices: [], usage }))]).toEqual([]);
  expect(tally.usage).toEqual({ inputTokens, cachedTokens, outputTokens, reasoningTokens });
});

test.each([
  [{ prompt_tokens: 10.5, completion_tokens: 4 }],
  [{ prompt_tokens: 10, completion_tokens: -4 }],
  [{ prompt_tokens: 10, completion_tokens: 4, total_tokens: 13 }],
  [{ prompt_tokens: 10, completion_tokens: 4, prompt_tokens_details: { cached_tokens: '1' } }],
  [{ completion_tokens: 4 }],
  ['some'],
])('usage %j makes no sense', (usage) => {
  const { read, tally } = readerOf();
  expect([...read(JSON.stringify({ choices: [], usage }))]).toEqual([]);
  expect(tally.usage).toBe('invalid');
});

test('reasons to end: OpenAI’s, older ones, unknown ones; and an engine that gives up is no end', () => {
  const endOf = (reason: unknown) => {
    const { read, tally } = readerOf();
    expect([...read(JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: reason }] }))]).toEqual([]);
    return tally.ends[0];
  };
  const ends = ['stop', 'length', 'tool_calls', 'function_call', 'content_filter', 'eos', 'constructor', null].map(
    endOf,
  );
  expect(ends).toEqual(['stop', 'length', 'tool_calls', 'tool_calls', 'content_filter', 'stop', 'stop', undefined]);
  for (const reason of ['abort', 'error', 'insufficient_system_resource', 7]) expect(() => endOf(reason)).toThrow();
});

test('what comes before a broken choice of the same chunk is given and counted, and nothing else', () => {
  const { read, tally } = readerOf(2);
  const choices = [
    { index: 1, delta: { content: 'a' } },
    { index: 0, delta: { content: 7 } },
    { index: 0, delta: { content: 'b' } },
  ];
  const given: string[] = [];
  expect(() => {
    for (const { text } of read(JSON.stringify({ choices }))) given.push(text);
  }).toThrow(/content is no text/);
  expect(given).toEqual(['a']);
  expect(tally.outputTokens).toBe(1);
});
