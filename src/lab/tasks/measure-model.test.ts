import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { manualClock } from '../../base/clock.js';
import { apiPeer } from './api-peer.js';
import { classification } from './classification/task.js';
import { measureModel } from './measure-model.js';
import { tabular } from './tabular/task.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-measure-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function fileOf(name: string, records: readonly object[]): Promise<string> {
  const file = path.join(root, name);
  await writeFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return file;
}

const always = (label: string) => ({
  predict: async (examples: readonly unknown[]) =>
    examples.map(() => ({ label, probabilities: { neg: 0.5, pos: 0.5 } })),
});

/** A server that says what a text's last word says, and now and then something that cannot be read. */
function server(asked: { key: string | null; body: string }[]): typeof fetch {
  return async (_, init) => {
    const body = String(init?.body);
    asked.push({ key: new Headers(init?.headers).get('authorization'), body });
    const said = /bad\\nLabel:/.test(body) ? ' Neg.' : /odd\\nLabel:/.test(body) ? 'it is both pos and neg' : 'pos';
    const answer = { choices: [{ message: { content: said } }], usage: { prompt_tokens: 10, completion_tokens: 2 } };
    return new Response(JSON.stringify(answer), { headers: { 'content-type': 'application/json' } });
  };
}

test('a model and one behind an API answer the same records; what cannot be read is wrong', async () => {
  const records = Array.from({ length: 60 }, (_, n) => ({
    text: `thing ${n} is ${n % 3 === 0 ? 'bad' : n === 7 ? 'odd' : 'good'}`,
    label: n % 3 === 0 ? 'neg' : 'pos',
  }));
  const asked: { key: string | null; body: string }[] = [];
  const usage = { questions: 0, unreadable: 0, inputTokens: 0, outputTokens: 0 };
  const peer = apiPeer(
    classification,
    { baseUrl: 'http://127.0.0.1:1/v1', model: 'giant', apiKey: 'k', fetch: server(asked), sleep: async () => {} },
    usage,
  );
  const report = await measureModel(classification, {
    file: await fileOf('test.jsonl', records),
    shotsFile: await fileOf('shots.jsonl', [
      { text: 'fine', label: 'pos' },
      { text: 'awful', label: 'neg' },
    ]),
    model: async () => always('pos'),
    peers: [peer],
    seed: 1,
    clock: manualClock(),
    resamples: 200,
  });
  expect(report.data).toMatchObject({ train: 0, test: 60 });
  const [giant] = report.peers;
  expect(giant?.name).toBe('giant at 127.0.0.1:1');
  // all but the odd one
  expect(giant?.scores.find(({ metric }) => metric === 'accuracy')?.value).toBeCloseTo(59 / 60, 9);
  expect(giant?.comparison.verdict).toBe('worse');
  expect(usage).toEqual({ questions: 60, unreadable: 1, inputTokens: 600, outputTokens: 120 });
  expect(asked[0]?.key).toBe('Bearer k');
  expect(asked[0]?.body).toContain('Label the text with exactly one of: neg, pos.');
  expect(asked[0]?.body).toContain('awful');
});

test('an API that fails ends the measurement in one line; some tasks cannot be asked', async () => {
  const file = await fileOf('few.jsonl', [
    { text: 'a', label: 'pos' },
    { text: 'b', label: 'neg' },
  ]);
  const usage = { questions: 0, unreadable: 0, inputTokens: 0, outputTokens: 0 };
  const refusing: typeof fetch = async () => new Response('no', { status: 401 });
  const options = { baseUrl: 'http://127.0.0.1:1/v1', model: 'giant', fetch: refusing, sleep: async () => {} };
  const measuring = measureModel(classification, {
    file,
    model: async () => always('pos'),
    peers: [apiPeer(classification, options, usage)],
    seed: 1,
    clock: manualClock(),
  });
  await expect(measuring).rejects.toMatchObject({
    code: 'chat-api-failed',
    message: '127.0.0.1:1: answered with status 401',
  });
  expect(() => apiPeer(tabular, options, usage)).toThrow(/tabular: a chat model cannot be asked/);
});
