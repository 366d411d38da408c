/** What every real engine has to pass behind the gateway: streaming, usage, leaving, overload, death, and books that balance. */
import { setTimeout as sleep } from 'node:timers/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gateway } from '../../src/company/gateway/start-gateway.js';
import type { UpstreamTarget } from '../../src/company/gateway/upstream/upstream-file.js';
import { balanceOf } from '../../src/company/billing/ledger.js';
import { usageOf } from '../../src/company/billing/usage.js';
import { loadTokenizer } from '../../src/lab/tokenizer/tokenizer.js';
import { type ScratchGateway, openScratchGateway } from '../scratch-gateway.js';
import { openScriptedUpstream } from '../scripted-upstream.js';
import { type Served, closeUpstreams, serve } from '../served-upstream.js';
import type { RealEngine } from './real-engine.js';

export interface EngineUnderTest {
  /** Of the model, for its tokenizer. */
  readonly folder: string;
  /** @param port where it ran before; undefined for any */
  start(port?: number): Promise<RealEngine>;
  /** As upstreams.json would give it. */
  target(engine: RealEngine, changes?: Partial<UpstreamTarget>): UpstreamTarget;
  /** Whether it can give several answers at once. */
  readonly hasChoices: boolean;
  /** Whether it refuses itself what is longer than its context. */
  readonly hasContextLimit: boolean;
}

const CREDIT = 1_000_000n;
const question = { messages: [{ role: 'user' as const, content: 'the quick brown fox' }], temperature: 0 };

export function engineSuite(open: () => Promise<EngineUnderTest>): void {
  let subject: EngineUnderTest;
  let engine: RealEngine;
  let opened: ScratchGateway;
  let gateway: Gateway;
  let served: Readonly<Record<'plain' | 'exact', Served>>;
  let spare: Awaited<ReturnType<typeof openScriptedUpstream>>;
  let direct: OpenAI;

  beforeAll(async () => {
    subject = await open();
    engine = await subject.start();
    spare = await openScriptedUpstream();
    opened = await openScratchGateway([], ['plain', 'exact']);
    const tokenizer = await loadTokenizer(subject.folder);
    const limits = { connectTimeoutMs: 10_000, firstTokenTimeoutMs: 60_000, idleTimeoutMs: 60_000, timeoutMs: 120_000 };
    const targets = [
      subject.target(engine, limits),
      { ...subject.target(engine), ...limits, engine: undefined, url: spare.url, priority: 1, lacks: [] },
    ];
    const model = { maxOutputTokens: 16, contextLength: 2048 };
    served = {
      plain: serve(targets, { model: { ...model, modelId: 'plain' }, probeIntervalMs: 200 }),
      exact: serve(targets.slice(0, 1), { model: { ...model, modelId: 'exact', tokenizer }, probeIntervalMs: 200 }),
    };
    const { plain, exact } = served;
    await Promise.all([plain.backend.checkIdentities(), exact.backend.checkIdentities()]);
    gateway = await opened.start({
      upstreams: new Map([
        ['plain', plain.backend],
        ['exact', exact.backend],
      ]),
    });
    direct = new OpenAI({ apiKey: 'none', baseURL: engine.url, maxRetries: 0 });
  }, 300_000);
  afterAll(async () => {
    await gateway.close();
    await closeUpstreams();
    await Promise.all([spare.close(), engine.kill()]);
    // usage, ledger and balances agree after all of it
    expect(await opened.close()).toEqual([]);
  });

  const bookings = async (customerId: string, count: number) => {
    for (let at = 0; at < 500 && (await usageOf(opened.books, { customerId })).length < count; at++) await sleep(20);
    return usageOf(opened.books, { customerId });
  };

  test('it is what the file says, with the tokens of our own tokenizer where it tells them', () => {
    for (const { backend, problems } of Object.values(served)) {
      expect(backend.health()).toMatchObject({ isAvailable: true });
      expect(backend.health().targets[0]).toMatchObject({ identity: 'right' });
      expect(problems).toEqual([]);
    }
  });

  test.each(['plain', 'exact'] as const)(
    '%s: whole and streamed, the text and the counts of the engine',
    async (model) => {
      const { openai, customerId } = await opened.newClient(CREDIT, gateway.url);
      const theirs = await direct.chat.completions.create({ ...question, model: servedName(), max_tokens: 12 });
      const whole = await openai.chat.completions.create({ ...question, model, max_tokens: 12 });
      expect(whole.choices[0]?.message.content).toBe(theirs.choices[0]?.message.content);
      const stream = await openai.chat.completions.create({
        ...question,
        model,
        max_tokens: 12,
        stream: true,
        stream_options: { include_usage: true },
      });
      let [text, chunks] = ['', 0];
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        chunks += chunk.choices[0]?.delta.content ? 1 : 0;
        usage = chunk.usage ?? usage;
      }
      expect(text).toBe(whole.choices[0]?.message.content);
      expect(chunks).toBeGreaterThan(1);
      expect(usage?.prompt_tokens).toBe(theirs.usage?.prompt_tokens);
      expect(usage?.prompt_tokens).toBe(whole.usage?.prompt_tokens);
      expect(usage?.completion_tokens).toBe(whole.usage?.completion_tokens);
      if (model === 'plain') expect(usage?.completion_tokens).toBe(theirs.usage?.completion_tokens);
      const [input, output] = [BigInt(usage?.prompt_tokens ?? 0), BigInt(usage?.completion_tokens ?? 0)];
      expect((await bookings(customerId, 2)).map(({ chargedMicros }) => chargedMicros)).toEqual(
        Array.from({ length: 2 }, () => input + 2n * output),
      );
      expect(served[model].problems).toEqual([]);
    },
  );

  test('a text is continued, and its prompt counted', async () => {
    const { openai, customerId } = await opened.newClient(CREDIT, gateway.url);
    const text = { prompt: 'the quick', max_tokens: 8, temperature: 0 };
    const theirs = await direct.completions.create({ ...text, model: servedName() });
    const ours = await openai.completions.create({ ...text, model: 'exact' });
    // what is streamed may end before bytes that are no whole letter
    const said = (theirs.choices[0]?.text ?? '').replace(/\uFFFD+$/, '');
    expect((ours.choices[0]?.text ?? '').replace(/\uFFFD+$/, '')).toBe(said);
    expect(said).not.toBe('');
    expect(ours.usage?.prompt_tokens).toBe(theirs.usage?.prompt_tokens);
    expect(await bookings(customerId, 1)).toMatchObject([{ inputTokens: theirs.usage?.prompt_tokens ?? -1 }]);
  });

  test('several answers: each is charged, or they are refused by name', async () => {
    const { openai, customerId } = await opened.newClient(CREDIT, gateway.url);
    const asked = openai.chat.completions.create({ ...question, model: 'exact', max_tokens: 6, n: 2 });
    if (!subject.hasChoices) {
      await expect(asked).rejects.toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'n' });
      expect(await usageOf(opened.books, { customerId })).toEqual([]);
      return;
    }
    const { choices, usage } = await asked;
    expect(choices).toHaveLength(2);
    expect(choices.map(({ finish_reason }) => finish_reason)).toEqual(['length', 'length']);
    expect(usage?.completion_tokens).toBe(12);
  });

  test('who leaves pays for what was written, and the engine stops', async () => {
    const { openai, customerId } = await opened.newClient(CREDIT, gateway.url);
    const stream = await openai.chat.completions.create({
      ...question,
      model: 'exact',
      max_tokens: 1500,
      stream: true,
    });
    let seen = 0;
    for await (const chunk of stream) if ((chunk.choices[0]?.delta.content ?? '') !== '' && ++seen === 5) break;
    stream.controller.abort();
    const [event] = await bookings(customerId, 1);
    expect(event).toMatchObject({ status: 'aborted' });
    expect(event?.outputTokens).toBeGreaterThanOrEqual(5);
    expect(event?.outputTokens).toBeLessThan(1500);
    const whole = await openai.chat.completions.create({ ...question, model: 'exact', max_tokens: 4 });
    expect(whole.usage?.completion_tokens).toBeGreaterThan(0);
  });

  test('a prompt that is too long is the customer’s mistake, said without names of the engine’s side', async () => {
    const { openai, customerId } = await opened.newClient(CREDIT, gateway.url);
    const messages = [{ role: 'user' as const, content: 'fox '.repeat(4000) }];
    for (const model of subject.hasContextLimit ? ['exact', 'plain'] : ['exact']) {
      const failure = await openai.chat.completions.create({ model, messages }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ status: 400, code: 'context_length_exceeded' });
      expect(String(failure)).not.toContain(servedName());
    }
    expect(await usageOf(opened.books, { customerId })).toEqual([]);
  });

  test('an engine that dies in the middle of an answer: that one is free, the next comes from elsewhere, and it is used again when it is back', async () => {
    const { openai, customerId } = await opened.newClient(CREDIT, gateway.url);
    const stream = await openai.chat.completions.create({
      ...question,
      model: 'plain',
      max_tokens: 1500,
      stream: true,
    });
    const read = async (): Promise<void> => {
      let seen = 0;
      for await (const chunk of stream) {
        if ((chunk.choices[0]?.delta.content ?? '') !== '' && ++seen === 3) await engine.kill();
      }
    };
    await expect(read()).rejects.toThrow(/broke off/);
    expect(await bookings(customerId, 1)).toMatchObject([{ status: 'failed', chargedMicros: 0n }]);
    const elsewhere = await openai.chat.completions.create({ ...question, model: 'plain', max_tokens: 4 });
    expect(elsewhere.choices[0]?.message.content).toBe('0 1 2 3 ');
    await expect(openai.chat.completions.create({ ...question, model: 'exact' })).rejects.toMatchObject({
      status: 503,
    });
    engine = await subject.start(engine.port);
    const { backend } = served.exact;
    for (let at = 0; at < 1500 && !backend.health().isAvailable; at++) await sleep(20);
    const back = await openai.chat.completions.create({ ...question, model: 'exact', max_tokens: 4 });
    expect(back.usage?.completion_tokens).toBeGreaterThan(0);
    expect(await balanceOf(opened.books, customerId)).toMatchObject({ reservedMicros: 0n });
  }, 300_000);

  const servedName = (): string => subject.target(engine).model;
}
