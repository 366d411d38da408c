/** What every engine promises, held against the one in this thread and the one in a worker thread. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TinyModel, makeTinyModel } from '../../../tests/tiny-model.js';
import type { GenerateDone, GenerateRequest, TextEngine } from './engine.js';
import { loadModel } from './load-model.js';
import { createLocalEngine } from './local-engine.js';
import { createWorkerEngine } from './worker-engine.js';

let model: TinyModel;
beforeAll(async () => {
  model = await makeTinyModel();
});
afterAll(() => model.remove());

const options = { modelId: 'tiny', maxConcurrent: 4, queueLimit: 2, threads: 1 };
const engines: Record<string, () => Promise<TextEngine>> = {
  local: async () => createLocalEngine(await loadModel(model.directory), options),
  worker: () => createWorkerEngine({ ...options, modelDirectory: model.directory }),
};

interface Collected {
  readonly text: string;
  readonly tokenCount: number;
  readonly done: GenerateDone;
}

async function collect(engine: TextEngine, request: GenerateRequest, signal?: AbortSignal): Promise<Collected> {
  let text = '';
  let tokenCount = 0;
  let done: GenerateDone | undefined;
  for await (const part of engine.generate(request, signal)) {
    expect(done, 'nothing comes after done').toBeUndefined();
    if (part.type === 'done') done = part;
    else {
      text += part.text;
      tokenCount += part.tokenCount;
    }
  }
  if (done === undefined) throw new Error('no done');
  return { text, tokenCount, done };
}

describe.each(Object.entries(engines))('%s engine', (_name, create) => {
  let engine: TextEngine;
  beforeAll(async () => {
    engine = await create();
  });
  afterAll(() => engine.close());
  const greedy = (prompt: string, maxTokens = 12): GenerateRequest => ({
    promptTokens: engine.encode(prompt),
    maxTokens,
    temperature: 0,
  });

  test('counts every token, and the chunks add up', async () => {
    const { tokenCount, done } = await collect(engine, greedy('the quick'));
    expect(done).toMatchObject({
      inputTokens: engine.encode('the quick').length,
      outputTokens: tokenCount,
      cachedTokens: 0,
    });
    expect(done.computeMs).toBeGreaterThan(0);
    expect(tokenCount).toBeLessThanOrEqual(12);
  });

  test('many at once answer as each alone, token for token', async () => {
    const prompts = ['the quick', 'lazy dog', '狐狸', 'o', 'brown fox jumps over', 'the'];
    const alone: string[] = [];
    for (const prompt of prompts) alone.push((await collect(engine, greedy(prompt, 20))).text);
    const together = await Promise.all(prompts.map((prompt) => collect(engine, greedy(prompt, 20))));
    expect(together.map(({ text }) => text)).toEqual(alone);
    expect(new Set(alone).size).toBeGreaterThan(1);
  });

  test('a long prompt, past the first cache capacity, answers the same twice', async () => {
    const request = {
      promptTokens: Array.from({ length: 150 }, (_, i) => 10 + ((i * 7) % 200)),
      maxTokens: 14,
      temperature: 0,
    };
    expect((await collect(engine, request)).text).toBe((await collect(engine, request)).text);
  });

  test('equal seeds give equal answers, others do not', async () => {
    const ask = (seed: number) => collect(engine, { ...greedy('fox', 24), temperature: 1, seed });
    const [first, same, other] = [await ask(1), await ask(1), await ask(2)];
    expect(same.text).toBe(first.text);
    expect(other.text).not.toBe(first.text);
  });

  test('an abort ends within a step and says how many tokens there were', async () => {
    const controller = new AbortController();
    let seen = 0;
    let done: GenerateDone | undefined;
    // one that does not end by itself, however late the abort comes
    const endless = { ...greedy('the', 240), temperature: 1, seed: 3, logitBias: { [model.endOfText]: -100 } };
    for await (const part of engine.generate(endless, controller.signal)) {
      if (part.type === 'done') done = part;
      else if ((seen += part.tokenCount) >= 3) controller.abort();
    }
    expect(done?.finishReasons).toEqual(['aborted']);
    expect(done?.outputTokens).toBe(seen);
    expect(seen).toBeLessThan(240);
  });

  test('a request aborted before it began is never run', async () => {
    const { done } = await collect(engine, greedy('the'), AbortSignal.abort());
    expect(done).toMatchObject({ finishReasons: ['aborted'], outputTokens: 0 });
  });

  test('stops before a stop string', async () => {
    const whole = await collect(engine, { ...greedy('dog', 24), temperature: 1, seed: 5 });
    const stop = whole.text.slice(4, 6);
    const cut = await collect(engine, { ...greedy('dog', 24), temperature: 1, seed: 5, stop: [stop] });
    expect(cut.text).toBe(whole.text.slice(0, whole.text.indexOf(stop)));
    expect(cut.done.finishReasons).toEqual(['stop']);
  });

  test('what cannot be answered is refused before anything runs', () => {
    expect(() => engine.generate(greedy('the', 256))).toThrow(/exceed the context of 256/);
    expect(() => engine.generate({ promptTokens: [], maxTokens: 1 })).toThrow(/no tokens/);
    expect(() => engine.generate({ promptTokens: [9999], maxTokens: 1 })).toThrow(/not one of/);
    expect(() => engine.generate({ ...greedy('the'), topP: 2 })).toThrow(/topP/);
  });

  test('several answers are those that their seeds give alone; the prompt is counted once', async () => {
    const request = { ...greedy('brown fox', 10), temperature: 1, seed: 11 };
    const alone = [await collect(engine, request), await collect(engine, { ...request, seed: 12 })];
    const texts = ['', '', ''];
    let done: GenerateDone | undefined;
    for await (const part of engine.generate({ ...request, choices: 3 })) {
      if (part.type === 'done') done = part;
      else texts[part.choice] += part.text;
    }
    expect(texts.slice(0, 2)).toEqual(alone.map(({ text }) => text));
    expect(new Set(texts).size).toBe(3);
    expect(done?.inputTokens).toBe(engine.encode('brown fox').length);
    expect(done?.finishReasons).toHaveLength(3);
    expect(done?.outputTokens).toBeGreaterThan((alone[0] as Collected).done.outputTokens);
  });

  test('a prompt that begins as an earlier one is not run again, in its own scope, and answers alike', async () => {
    const prompt = Array.from({ length: 60 }, (_, i) => 20 + ((i * 11) % 180));
    const ask = (promptTokens: readonly number[], cacheScope: string) =>
      collect(engine, { promptTokens, maxTokens: 8, temperature: 0, cacheScope });
    const first = await ask(prompt, 'one');
    expect(first.done.cachedTokens).toBe(0);
    const again = await ask(prompt, 'one');
    expect(again.done.cachedTokens).toBe(59);
    expect(again.text).toBe(first.text);
    expect((await ask([...prompt.slice(0, 40), 9, 9], 'one')).done.cachedTokens).toBe(40);
    const stranger = await ask(prompt, 'two');
    expect(stranger.done.cachedTokens).toBe(0);
    expect(stranger.text).toBe(first.text);
  });

  test('one beam more finds an answer at least as likely as the greedy one', async () => {
    const logprobOf = async (request: GenerateRequest): Promise<number> => {
      const { text } = await collect(engine, request);
      const tokens = [...request.promptTokens, ...engine.encode(text)];
      let sum = 0;
      for (let at = request.promptTokens.length; at < tokens.length; at++) {
        const next = tokens[at] as number;
        const asked = { promptTokens: tokens.slice(0, at), maxTokens: 1, temperature: 0, logprobs: 0 };
        for await (const part of engine.generate({ ...asked, logitBias: { [next]: 100 } })) {
          if (part.type === 'text') sum += part.logprobs?.[0]?.logprob ?? 0;
        }
      }
      return sum;
    };
    const request = greedy('lazy dog', 3);
    expect(await logprobOf({ ...request, beams: 4, lengthPenalty: 0 })).toBeGreaterThanOrEqual(
      (await logprobOf(request)) - 1e-4,
    );
    expect(() => engine.generate({ ...request, beams: 2, topK: 5 })).toThrow(/do not go together/);
    expect(() => engine.generate({ ...request, beams: 5 })).toThrow(/beams is 5/);
  });

  test('log-probabilities come with their tokens, as many as asked', async () => {
    for await (const part of engine.generate({ ...greedy('the', 4), logprobs: 3 })) {
      if (part.type === 'done' || part.logprobs === undefined) continue;
      expect(part.logprobs).toHaveLength(part.tokenCount);
      const [score] = part.logprobs;
      expect(score?.top).toHaveLength(3);
      expect(score?.top[0]).toEqual({ token: score?.token, logprob: score?.logprob });
    }
  });

  test('an answer in a schema parses, even from a model that knows nothing', async () => {
    const properties = { name: { type: 'string', maxLength: 8 }, size: { type: 'integer', minimum: 1, maximum: 99 } };
    const schema = { type: 'object', properties, required: ['name', 'size'] };
    const request = { ...greedy('the', 100), temperature: 1, format: { type: 'json-schema', schema } } as const;
    for (const seed of [1, 2, 3]) {
      const { text, done } = await collect(engine, { ...request, seed });
      expect(done.finishReasons).toEqual(['stop']);
      const value: unknown = JSON.parse(text);
      expect(value).toEqual({ name: expect.any(String), size: expect.any(Number) });
    }
    const bad = { ...request, format: { type: 'json-schema', schema: { type: 'sting' } } } as const;
    await expect((async () => collect(engine, bad))()).rejects.toMatchObject({ code: 'bad-schema' });
    expect((await collect(engine, greedy('the', 2))).done.outputTokens).toBeGreaterThan(0);
  });

  test('a full queue refuses, and has room again afterwards', async () => {
    const six = Array.from({ length: 6 }, () => collect(engine, greedy('the', 10)));
    expect(() => engine.generate(greedy('the'))).toThrow(/wait/);
    expect(() => engine.generate({ ...greedy('the'), choices: 2 })).toThrow(/wait/);
    await Promise.all(six);
    await collect(engine, greedy('the', 2));
  });

  test('a loop that is left early frees its place', async () => {
    for (let i = 0; i < 8; i++) {
      for await (const part of engine.generate({ ...greedy('the', 40), temperature: 1, seed: i })) {
        if (part.type === 'text') break;
      }
    }
    expect((await collect(engine, greedy('the', 3))).done.outputTokens).toBeGreaterThan(0);
  });
});

test('a closed engine refuses; closing waits for answers under way', async () => {
  const engine = await engines['worker']?.();
  if (engine === undefined) throw new Error('no engine');
  const answer = collect(engine, { promptTokens: engine.encode('the'), maxTokens: 20, temperature: 0 });
  await engine.close();
  expect((await answer).done.outputTokens).toBeGreaterThan(0);
  expect(() => engine.generate({ promptTokens: [5], maxTokens: 1 })).toThrow(/closing/);
});

test('a missing checkpoint is refused by name', async () => {
  await expect(createWorkerEngine({ ...options, modelDirectory: `${model.directory}-not` })).rejects.toMatchObject({
    message: expect.stringContaining('step-00000001-not'),
  });
});
