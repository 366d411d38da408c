import { expect, test } from 'vitest';
import { openThreadCalls } from './thread-calls.js';

/** A thread that adds, fails, waits and dies as it is told. */
type Scripted = {
  add(a: number, b: number): Promise<number>;
  fail(): Promise<never>;
  wait(): Promise<string>;
  die(): Promise<never>;
};

const built = (file: string): string => new URL(`../../../dist/${file}`, import.meta.url).href;
const SCRIPT = `
  import { workerData } from 'node:worker_threads';
  import { MoatError } from '${built('base/errors.js')}';
  import { offerFunctions } from '${built('lab/generate/thread-calls.js')}';
  offerFunctions(async () => {
    if (workerData === 'bad') throw new MoatError('no-such-model', 'there is none', { fix: 'Give one.' });
    return {
      functions: {
        add: async (a, b) => a + b,
        fail: async () => { throw new MoatError('queue-full', 'it is full', { fix: 'Wait.' }); },
        wait: () => new Promise((resolve) => setTimeout(() => resolve('done'), 30)),
        die: () => process.exit(3),
      },
    };
  });
`;
const entry = new URL(`data:text/javascript,${encodeURIComponent(SCRIPT)}`);
const open = (workerData: string) => openThreadCalls<Scripted>(entry, { modelId: 'scripted', workerData });

test('calls are answered, each with its own result, and errors keep their code and their fix', async () => {
  const calls = await open('good');
  expect(await Promise.all([calls.call('add', 1, 2), calls.call('add', 3, 4)])).toEqual([3, 7]);
  await expect(calls.call('fail')).rejects.toMatchObject({ code: 'queue-full', fix: 'Wait.' });
  const last = calls.call('wait');
  await calls.close();
  expect(await last).toBe('done');
  await expect(calls.call('add', 1, 1)).rejects.toMatchObject({ code: 'engine-closed' });
});

test('a thread that dies fails its open calls, and the next call has a new one', async () => {
  const calls = await open('good');
  const waiting = calls.call('die');
  const behind = calls.call('add', 1, 2);
  await expect(waiting).rejects.toMatchObject({ code: 'engine-failed' });
  await expect(behind).rejects.toMatchObject({ code: 'engine-failed' });
  expect(await Promise.all([calls.call('add', 1, 2), calls.call('add', 2, 3)])).toEqual([3, 5]);
  await calls.close();
});

test('a thread that cannot begin says why', async () => {
  await expect(open('bad')).rejects.toMatchObject({ code: 'no-such-model', fix: 'Give one.' });
});
