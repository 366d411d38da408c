import { expect, test } from 'vitest';
import { type EmbeddedBatch, createEmbeddingQueue } from './embedding-queue.js';

/** A vector says which text it is of; a run ends when it is told to. */
function scripted(queueLimit = 1000) {
  const runs: (readonly string[])[] = [];
  const endings: ((error?: Error) => void)[] = [];
  const run = (texts: readonly string[]): Promise<EmbeddedBatch> =>
    new Promise((resolve, reject) => {
      runs.push(texts);
      endings.push((error) => {
        if (error !== undefined) return reject(error);
        const vectors = texts.map((text) => Float32Array.of(Number(text.trim())));
        return resolve({ vectors, tokens: texts.map(() => 2), computeMs: texts.length * 10 });
      });
    });
  const queue = createEmbeddingQueue({ modelId: 'm', queueLimit, run });
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1));
  return {
    queue,
    runs,
    turn,
    async endRun(error?: Error) {
      endings.shift()?.(error);
      await turn();
    },
  };
}

const numbers = (from: number, count: number): string[] => Array.from({ length: count }, (_, at) => String(from + at));
const valuesOf = (vectors: readonly Float32Array[]): (number | undefined)[] => vectors.map((vector) => vector[0]);

test('what is asked at the same time runs together, and each gets his own', async () => {
  const { queue, runs, turn, endRun } = scripted();
  const asked = [queue.embed(['1', '2']), queue.embed(['3']), queue.embed([])];
  await turn();
  expect(runs).toEqual([['1', '2', '3']]);
  await endRun();
  const [one, two, none] = await Promise.all(asked);
  expect([valuesOf(one?.vectors ?? []), one?.inputTokens, one?.computeMs]).toEqual([[1, 2], 4, 20]);
  expect([valuesOf(two?.vectors ?? []), two?.inputTokens, two?.computeMs]).toEqual([[3], 2, 10]);
  expect(none).toEqual({ vectors: [], inputTokens: 0, computeMs: 0 });
});

test('one with many texts does not keep others waiting, and gets all of his in order', async () => {
  const { queue, runs, turn, endRun } = scripted();
  const many = queue.embed(numbers(0, 200));
  await turn();
  const late = queue.embed(['1000']);
  await endRun();
  expect(runs.map((texts) => texts.length)).toEqual([64, 33]);
  expect(runs[1]).toContain('1000');
  await endRun();
  expect(valuesOf((await late).vectors)).toEqual([1000]);
  for (let i = 0; i < 3; i++) await endRun();
  expect(valuesOf((await many).vectors)).toEqual(numbers(0, 200).map(Number));
  // long texts run in smaller batches
  const long = queue.embed(numbers(0, 3).map((each) => each.padEnd(10_000)));
  await turn();
  expect(runs.at(-1)).toHaveLength(1);
  for (let i = 0; i < 3; i++) await endRun();
  expect((await long).vectors).toHaveLength(3);
});

test('one who leaves gets what was done until then, and no more is done for him', async () => {
  const { queue, runs, turn, endRun } = scripted();
  const leaving = new AbortController();
  const asked = queue.embed(numbers(0, 100), leaving.signal);
  await turn();
  leaving.abort();
  await endRun();
  expect(await asked).toMatchObject({ inputTokens: 128 });
  expect(runs).toHaveLength(1);
  await queue.idle();
});

test('the queue is bounded, and a failure is that of the run alone', async () => {
  const { queue, turn, endRun } = scripted(100);
  const first = queue.embed(numbers(0, 500));
  await expect(queue.embed(['1'])).rejects.toMatchObject({ code: 'queue-full' });
  await turn();
  const failed = expect(first).rejects.toThrow('broken');
  await endRun(new Error('broken'));
  await failed;
  const next = queue.embed(['7']);
  await turn();
  await endRun();
  expect(valuesOf((await next).vectors)).toEqual([7]);
});
