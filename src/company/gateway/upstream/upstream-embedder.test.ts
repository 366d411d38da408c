/** Embeddings by engines elsewhere: their vectors, their counts within what was reserved, and what happens when they fail. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway, post } from '../../../../tests/scratch-gateway.js';
import { MODEL, closeUpstreams, targetAt, upstream } from '../../../../tests/served-upstream.js';
import { systemClock } from '../../../base/clock.js';
import { Rng } from '../../../base/rng.js';
import { loadTokenizer } from '../../../lab/tokenizer/tokenizer.js';
import { usageOf } from '../../billing/usage.js';
import { ANSWERS } from '../openapi-answers.js';
import type { UpstreamProblem } from './ask-targets.js';
import { createUpstreamEmbedder } from './upstream-embedder.js';
import type { UpstreamModel, UpstreamTarget } from './upstream-file.js';

let opened: ScratchGateway;
beforeAll(async () => {
  opened = await openScratchGateway([], ['ours']);
});
afterEach(closeUpstreams);
afterAll(async () => expect(await opened.close()).toEqual([]));

function embedder(targets: readonly UpstreamTarget[], model: Partial<UpstreamModel> = {}) {
  const problems: UpstreamProblem[] = [];
  const created = createUpstreamEmbedder({
    model: { ...MODEL, embeddings: true, targets, ...model },
    clock: systemClock,
    rng: Rng.fromSeed(1),
    onProblem: (problem) => problems.push(problem),
    pause: async () => undefined,
    probeIntervalMs: 0,
  });
  return { embedder: created, problems };
}

const never = new AbortController().signal;
const data = (...vectors: unknown[]) => vectors.map((embedding, index) => ({ object: 'embedding', index, embedding }));
const answer = (usage: object | undefined, ...vectors: unknown[]) =>
  ({ kind: 'json', body: { object: 'list', data: data(...vectors), usage } }) as const;
const asList = (vectors: readonly Float32Array[]): number[][] => vectors.map((vector) => [...vector]);

test('a customer gets the engine’s vectors, is charged its count, and the engine gets its own name for the model', async () => {
  const engine = await upstream(() => answer({ prompt_tokens: 5, total_tokens: 5 }, [0.5, -1], [0.25, 2]));
  const { embedder: ours } = embedder([targetAt(engine.url)]);
  const gateway = await opened.start({ upstreamEmbedders: new Map([['ours', ours]]) });
  const { openai, customerId, secretKey } = await opened.newClient(1000n, gateway.url);
  const given = await openai.embeddings.create({ model: 'ours', input: ['one text', 'two'], dimensions: 2 });
  expect(given.data.map(({ embedding }) => embedding)).toEqual([
    [0.5, -1],
    [0.25, 2],
  ]);
  expect(given).toMatchObject({ model: 'ours', usage: { prompt_tokens: 5, total_tokens: 5 } });
  expect(engine.seen).toMatchObject([
    {
      path: '/v1/embeddings',
      body: { model: 'there', input: ['one text', 'two'], encoding_format: 'float', dimensions: 2 },
    },
  ]);
  const raw = await post(`${gateway.url}/v1/embeddings`, secretKey, { model: 'ours', input: ['a', 'b'] });
  ANSWERS.Embeddings.parse(await raw.json());
  expect(await usageOf(opened.books, { customerId })).toMatchObject([
    { inputTokens: 5, outputTokens: 0, status: 'finished' },
    { inputTokens: 5, outputTokens: 0, status: 'finished' },
  ]);
  await gateway.close();
});

test('the next target is asked where one fails, and none more for a request that is at fault', async () => {
  const broken = await upstream((_, at) => (at === 0 ? { kind: 'die' } : { kind: 'status', status: 400 }));
  const well = await upstream(() => answer({ total_tokens: 3 }, [1]));
  const { embedder: ours, problems } = embedder([targetAt(broken.url), targetAt(well.url, { priority: 1 })]);
  const prepared = await ours.prepare(['x'], undefined);
  expect(await prepared.run(never)).toMatchObject({ inputTokens: 3, vectors: [new Float32Array([1])] });
  expect(problems.map(({ kind }) => kind)).toEqual(['attempt-failed']);
  await expect(prepared.run(never)).rejects.toMatchObject({ status: 400 });
  expect(well.seen).toHaveLength(1);
  expect(ours.health()).toMatchObject({ isAvailable: true, targets: [{ inFlight: 0 }, { inFlight: 0 }] });
});

test.each([
  ['too few', answer(undefined, [1])],
  ['of two lengths', answer(undefined, [1], [1, 2])],
  ['of no number', answer(undefined, ['1'], [2])],
  ['empty', answer(undefined, [], [])],
  ['twice in one place', { kind: 'json', body: { data: [1, 2].map((_, at) => ({ index: at * 0, embedding: [1] })) } }],
  ['in no place', { kind: 'json', body: { data: [1, 2].map((_, at) => ({ index: at + 7, embedding: [1] })) } }],
  ['no list', { kind: 'json', body: { data: 'x' } }],
  ['no object', { kind: 'json', body: 7 }],
  ['a stream', { kind: 'raw', body: 'data: {}\n\n' }],
] as const)('vectors that are %s are not passed on', async (_, behaviour) => {
  const engine = await upstream(() => behaviour);
  const { embedder: ours } = embedder([targetAt(engine.url)]);
  const prepared = await ours.prepare(['x', 'y'], undefined);
  await expect(prepared.run(never)).rejects.toMatchObject({ status: 503, code: 'upstream_unavailable' });
});

test('nobody pays for more tokens than the texts can have, and a count that is missing is estimated and told', async () => {
  const usages = [{ prompt_tokens: 1_000_000 }, { prompt_tokens: -3 }, undefined];
  const engine = await upstream((_, at) => answer(usages[at], [1]));
  const { embedder: ours, problems } = embedder([targetAt(engine.url)]);
  const prepared = await ours.prepare(['hello there'], undefined);
  for (const kind of ['counts-differ', 'input-estimated', 'input-estimated']) {
    const { inputTokens } = await prepared.run(never);
    expect(inputTokens).toBeGreaterThan(0);
    expect(inputTokens).toBeLessThanOrEqual(prepared.inputTokens);
    expect(problems.at(-1)?.kind).toBe(kind);
  }
});

test('with the model’s tokenizer a text that is too long is refused before anything is sent', async () => {
  const tokenizer = await loadTokenizer('tests/golden/chat');
  const engine = await upstream(() => answer({ prompt_tokens: 4 }, [1]));
  const { embedder: ours } = embedder([targetAt(engine.url)], { tokenizer, contextLength: 8 });
  await expect(ours.prepare(['short', 'x y '.repeat(20)], undefined)).rejects.toMatchObject({
    status: 400,
    code: 'context_length_exceeded',
    message: expect.stringMatching(/^input\.1: it has \d+ tokens; ours reads at most 8/) as string,
  });
  const { inputTokens } = await ours.prepare(['short'], undefined);
  expect(inputTokens).toBe(tokenizer.encode('short').length + 16);
  expect(engine.seen).toHaveLength(0);
});

test('a customer who leaves cuts the engine off and pays for nothing', async () => {
  const engine = await upstream(() => ({ kind: 'hang' }));
  const { embedder: ours } = embedder([targetAt(engine.url)]);
  const leaving = new AbortController();
  const run = (await ours.prepare(['x'], undefined)).run(leaving.signal);
  for (let at = 0; at < 500 && engine.seen.length === 0; at++) await sleep(5);
  leaving.abort();
  expect(asList((await run).vectors)).toEqual([]);
  expect(await run).toMatchObject({ inputTokens: 0 });
  for (let at = 0; at < 500 && engine.cutOff() === 0; at++) await sleep(5);
  expect(engine.cutOff()).toBe(1);
  expect(ours.health().targets).toMatchObject([{ inFlight: 0, consecutiveFailures: 0 }]);
});
