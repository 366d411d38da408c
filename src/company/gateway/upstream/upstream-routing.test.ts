/** Which of a model's engines is asked, and what is done about those that fail. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import type { Behaviour } from '../../../../tests/scripted-upstream.js';
import {
  ask,
  closeUpstreams,
  failureOf,
  serve,
  targetAt,
  textOf,
  upstream,
} from '../../../../tests/served-upstream.js';
import { manualClock } from '../../../base/clock.js';
import { BackendFailure } from '../backend.js';
import type { UpstreamTarget } from './upstream-file.js';

afterEach(closeUpstreams);

test('targets get requests by weight; the next priority only where the first does not answer', async () => {
  const [light, heavy, spare] = [await upstream(), await upstream(), await upstream()];
  const targets = [
    targetAt(light.url, { weight: 1 }),
    targetAt(heavy.url, { weight: 3 }),
    targetAt(spare.url, { priority: 1 }),
  ];
  const { backend } = serve(targets);
  for (let at = 0; at < 80; at++) await ask(backend, { max_tokens: 1 });
  expect(spare.seen).toHaveLength(0);
  expect(light.seen.length + heavy.seen.length).toBe(80);
  expect(light.seen.length).toBeGreaterThan(10);
  expect(light.seen.length).toBeLessThan(32);
});

test('a target that cannot be reached, errs or hangs: the next one answers, and the request is sent to each once', async () => {
  const faults: Behaviour[] = [
    { kind: 'status', status: 500 },
    { kind: 'hang' },
    { kind: 'die' },
    { kind: 'raw', body: 'data: {"choices": [{"index": 7}]}\n\n' },
    { kind: 'raw', body: 'data: nonsense\n\n' },
    { kind: 'raw', body: '' },
    { kind: 'raw', body: 'data: {"error": {"message": "out of memory", "code": 500}}\n\n' },
    { kind: 'status', status: 302, headers: { location: 'http://127.0.0.1:1/' } },
    { kind: 'status', status: 200, body: '{"choices": []}' },
    { kind: 'status', status: 404 },
  ];
  const good = await upstream();
  for (const fault of faults) {
    const bad = await upstream(() => fault);
    const { backend, pauses } = serve([
      targetAt(bad.url, { firstTokenTimeoutMs: 60 }),
      targetAt(good.url, { priority: 1 }),
    ]);
    expect(textOf(await ask(backend))).toBe('0 1 2 3 ');
    expect(bad.seen).toHaveLength(1);
    expect(pauses).toEqual([]);
  }
  const { backend, problems } = serve([targetAt('http://127.0.0.1:1/v1'), targetAt(good.url, { priority: 1 })]);
  expect(textOf(await ask(backend))).toBe('0 1 2 3 ');
  expect(problems).toMatchObject([{ kind: 'attempt-failed', message: 'unavailable: ECONNREFUSED' }]);
});

test('one target: repeated after a jittered pause while the budget lasts, then 503 at once', async () => {
  const engine = await upstream((_, at) => (at === 0 ? { kind: 'status', status: 503 } : { kind: 'answer' }));
  const first = serve([targetAt(engine.url)]);
  expect(textOf(await ask(first.backend))).toBe('0 1 2 3 ');
  expect(first.pauses).toHaveLength(1);
  expect(first.pauses[0]).toBeLessThan(100);

  const clock = manualClock();
  // two fail, one answers: the breaker stays closed
  const flaky = await upstream((_, at) => (at % 5 === 4 ? { kind: 'answer' } : { kind: 'status', status: 429 }));
  const second = serve([targetAt(flaky.url)], { clock });
  for (let at = 0; at < 40; at++) await ask(second.backend).catch(() => undefined);
  // 10 at the start, and a fifth of 40 requests; no time goes by
  const repetitions = flaky.seen.length - 40;
  expect(repetitions).toBeGreaterThanOrEqual(16);
  expect(repetitions).toBeLessThanOrEqual(18);
  clock.advance(30_000);
  const before = flaky.seen.length;
  for (let at = 0; at < 10; at++) await ask(second.backend).catch(() => undefined);
  // half a minute gives five, ten requests two
  expect(flaky.seen.length - before).toBeLessThanOrEqual(10 + 7 + 1);
  expect(flaky.seen.length - before).toBeGreaterThan(10 + 5);
});

test('429: Retry-After is waited for when it is short, told when it is long, and 429 is no failure of the target', async () => {
  const clock = manualClock();
  const limited = (seconds: number) => async () =>
    upstream((_, at) =>
      at === 0 ? { kind: 'status', status: 429, headers: { 'retry-after': String(seconds) } } : { kind: 'answer' },
    );
  const pauses: number[] = [];
  const pause = async (ms: number): Promise<void> => {
    pauses.push(ms);
    clock.advance(ms);
  };
  const soon = serve([targetAt((await limited(3)()).url)], { clock, pause });
  expect(textOf(await ask(soon.backend))).toBe('0 1 2 3 ');
  expect(pauses).toEqual([3000]);

  const later = serve([targetAt((await limited(30)()).url)], { clock, pause });
  const problem = await failureOf(ask(later.backend));
  expect(problem).toMatchObject({ status: 429, code: 'upstream_limited', retryAfterSeconds: 30 });
  expect(later.backend.health()).toMatchObject({
    isAvailable: false,
    targets: [{ state: 'closed', lastFailure: 'limited', restsMs: 30_000 }],
  });
  clock.advance(10_000);
  expect(await failureOf(ask(later.backend))).toMatchObject({ status: 429, retryAfterSeconds: 20 });
  clock.advance(20_000);
  expect(textOf(await ask(later.backend))).toBe('0 1 2 3 ');
});

test('a target that fails five times in a row rests, is tried by one request, and comes back', async () => {
  const clock = manualClock();
  let isBad = true;
  const engine = await upstream(() => (isBad ? { kind: 'status', status: 500 } : { kind: 'answer' }));
  const { backend, problems } = serve([targetAt(engine.url)], { clock });
  await failureOf(ask(backend));
  await failureOf(ask(backend));
  expect(engine.seen).toHaveLength(5);
  expect(problems.at(-2)).toMatchObject({ kind: 'target-opened' });
  const rests = await failureOf(ask(backend));
  expect(rests).toMatchObject({ status: 503, code: 'upstream_unavailable', retryAfterSeconds: 5 });
  expect(engine.seen).toHaveLength(5);
  expect(backend.health().targets).toMatchObject([{ state: 'open', consecutiveFailures: 5, inFlight: 0 }]);
  clock.advance(5000);
  expect(backend.health()).toMatchObject({ isAvailable: true, targets: [{ state: 'half-open' }] });
  await failureOf(ask(backend));
  expect(engine.seen).toHaveLength(6);
  expect(backend.health().targets).toMatchObject([{ state: 'open', restsMs: 10_000 }]);
  clock.advance(10_000);
  isBad = false;
  const [one, other] = await Promise.allSettled([ask(backend), ask(backend)]);
  expect([one.status, other.status].sort()).toEqual(['fulfilled', 'rejected']);
  expect(backend.health().targets).toMatchObject([{ state: 'closed', consecutiveFailures: 0 }]);
});

test('a resting target that answers a probe is tried before its time', async () => {
  const clock = manualClock();
  let isBad = true;
  const engine = await upstream(() => (isBad ? { kind: 'die' } : { kind: 'answer' }));
  const { backend } = serve([targetAt(engine.url)], { clock, probeIntervalMs: 20 });
  await failureOf(ask(backend));
  await failureOf(ask(backend));
  expect(backend.health().targets).toMatchObject([{ consecutiveFailures: 5 }]);
  isBad = false;
  for (let at = 0; at < 500 && !backend.health().isAvailable; at++) await sleep(10);
  expect(engine.seen.some(({ method, path }) => method === 'GET' && path === '/v1/models')).toBe(true);
  expect(textOf(await ask(backend))).toBe('0 1 2 3 ');
});

test('time limits: first token, between tokens, all; after the first part nothing is repeated', async () => {
  const spare = await upstream();
  const hanging = await upstream(() => ({ kind: 'answer', hangAfter: 0 }));
  const never = serve([targetAt(hanging.url, { firstTokenTimeoutMs: 50 }), targetAt(spare.url, { priority: 1 })]);
  expect(textOf(await ask(never.backend))).toBe('0 1 2 3 ');
  expect(spare.seen).toHaveLength(1);
  const slow = Array.from({ length: 50 }, () => 'a');
  const cases: [Behaviour, Partial<UpstreamTarget>, number, string][] = [
    [{ kind: 'answer', hangAfter: 2 }, { idleTimeoutMs: 50 }, 2, 'late: no further token came within 50 ms'],
    [
      { kind: 'answer', tokenMs: 50, tokens: slow },
      { timeoutMs: 400 },
      1,
      'late: the answer did not end within 400 ms',
    ],
    [{ kind: 'answer', dieAfter: 3 }, {}, 3, 'unavailable: ECONNRESET'],
  ];
  for (const [behaviour, limits, least, message] of cases) {
    const engine = await upstream(() => behaviour);
    const { backend, problems } = serve([targetAt(engine.url, limits), targetAt(spare.url, { priority: 1 })], {
      model: { maxOutputTokens: 50 },
    });
    const problem = await failureOf(ask(backend));
    expect(problem).toBeInstanceOf(BackendFailure);
    expect(problem).toMatchObject({ status: 503, code: 'upstream_unavailable', wasStarted: true });
    expect((problem as BackendFailure).outputTokens).toBeGreaterThanOrEqual(least);
    expect((problem as BackendFailure).outputTokens).toBeLessThan(50);
    expect(problems).toMatchObject([{ kind: 'attempt-failed', message }]);
    expect(spare.seen).toHaveLength(1);
    expect(backend.health().targets[0]).toMatchObject({ inFlight: 0, consecutiveFailures: 1 });
  }
});
