/** Whatever engines do, each request ends exactly once, and is counted what was passed on of it. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Behaviour, type ScriptedUpstream, openScriptedUpstream } from '../../../../tests/scripted-upstream.js';
import { MODEL, targetAt } from '../../../../tests/served-upstream.js';
import { manualClock } from '../../../base/clock.js';
import { Rng } from '../../../base/rng.js';
import { ApiProblem } from '../api-problem.js';
import { type AnswerDone, type AnswerPart, BackendFailure } from '../backend.js';
import { createUpstreamBackend } from './upstream-backend.js';

const TOKENS = ['Once ', 'upon ', 'a ', 'time'];
const SIDES = 2;
/** What each engine does with its next requests; then it answers well. */
let scripts: Behaviour[][] = [];
let engines: ScriptedUpstream[] = [];

beforeAll(async () => {
  engines = await Promise.all(
    Array.from({ length: SIDES }, (_, side) =>
      openScriptedUpstream(() => scripts[side]?.shift() ?? { kind: 'answer', tokens: TOKENS }),
    ),
  );
});
afterAll(() => Promise.all(engines.map((engine) => engine.close())));

const place = fc.integer({ min: 0, max: TOKENS.length - 1 });
const answer = { kind: 'answer', tokens: TOKENS } as const;
const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  fc.constant<Behaviour>(answer),
  fc.constant<Behaviour>({ kind: 'hang' }),
  fc.constant<Behaviour>({ kind: 'die' }),
  place.map((dieAfter): Behaviour => ({ ...answer, dieAfter })),
  place.map((hangAfter): Behaviour => ({ ...answer, hangAfter })),
  fc.constantFrom<Behaviour>({ ...answer, endsBare: true }, { ...answer, usage: null }, { ...answer, tokenMs: 1 }),
  fc.constantFrom(301, 400, 401, 404, 429, 500, 503).map((status): Behaviour => ({ kind: 'status', status })),
  fc.constant<Behaviour>({ kind: 'status', status: 429, headers: { 'retry-after': '2' } }),
  fc.string({ unit: 'binary', maxLength: 40 }).map((junk): Behaviour => ({ kind: 'raw', body: `data: ${junk}\n\n` })),
  fc.json({ maxDepth: 3 }).map((junk): Behaviour => ({ kind: 'raw', body: `data: ${junk}\n\ndata: [DONE]\n\n` })),
  fc
    .record({
      index: fc.nat(2),
      delta: fc.record({ content: fc.anything() }),
      finish_reason: fc.constantFrom(null, 'stop', 'abort', 3),
    })
    .map((choice): Behaviour => ({ kind: 'raw', body: `data: ${JSON.stringify({ choices: [choice] }) ?? ''}\n\n` })),
);

const quick = { firstTokenTimeoutMs: 30, idleTimeoutMs: 30, timeoutMs: 500 };

interface Round {
  readonly scripts: Behaviour[][];
  readonly seed: number;
  readonly choices: number;
  /** The customer leaves after this many parts. */
  readonly leavesAfter: number;
}

async function runOne({ scripts: planned, seed, choices, leavesAfter }: Round): Promise<void> {
  scripts = planned.map((script) => [...script]);
  const clock = manualClock();
  const backend = createUpstreamBackend({
    model: {
      ...MODEL,
      maxOutputTokens: 8,
      targets: engines.map(({ url }, side) => targetAt(url, { ...quick, priority: side })),
    },
    clock,
    rng: Rng.fromSeed(seed),
    onProblem: () => undefined,
    pause: async (ms) => clock.advance(ms),
    probeIntervalMs: 0,
  });
  const prepared = backend.prepareChat({ model: 'ours', messages: [{ role: 'user', content: 'go on' }], n: choices });
  const leaving = new AbortController();
  const parts: AnswerPart[] = [];
  const ends: (AnswerDone | ApiProblem)[] = [];
  try {
    for await (const event of prepared.run('scope', leaving.signal)) {
      if (event.type === 'done') ends.push(event);
      else parts.push(event);
      if (parts.length === leavesAfter) leaving.abort();
    }
  } catch (error) {
    expect(error).toBeInstanceOf(ApiProblem);
    ends.push(error as ApiProblem);
  }
  expect(ends).toHaveLength(1);
  const [end] = ends;
  const passed = parts.reduce((sum, { tokenCount }) => sum + tokenCount, 0);
  expect(passed).toBeLessThanOrEqual(prepared.maxOutputTokens);
  if (end instanceof BackendFailure) expect(end).toMatchObject({ wasStarted: parts.length > 0, outputTokens: passed });
  else if (end instanceof ApiProblem) expect(parts).toEqual([]);
  else {
    expect(end?.outputTokens).toBe(passed);
    expect(end?.inputTokens).toBeLessThanOrEqual(prepared.inputTokens);
    expect(end?.finishReasons).toHaveLength(choices);
    if (!leaving.signal.aborted) expect(end?.finishReasons).not.toContain('aborted');
  }
  expect(backend.health().targets.map(({ inFlight }) => inFlight)).toEqual([0, 0]);
  backend.close();
}

test('one end, counts equal to the parts, nothing left in flight', { timeout: 60_000 }, async () => {
  const round = fc.record({
    scripts: fc.array(fc.array(behaviour, { maxLength: 4 }), { minLength: SIDES, maxLength: SIDES }),
    seed: fc.nat(),
    choices: fc.integer({ min: 1, max: 2 }),
    leavesAfter: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 5 })),
  });
  await fc.assert(fc.asyncProperty(round, runOne), { numRuns: Number(process.env['UPSTREAM_ROUNDS'] ?? 150) });
});
