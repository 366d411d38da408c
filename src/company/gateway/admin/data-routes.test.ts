import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { prepareCorpus } from '../../../lab/data/prepare-corpus.js';
import type { DataSummary, DuplicatePage } from '../api-types.js';

let opened: ScratchGateway;
let source: string;

beforeAll(async () => {
  opened = await openScratchGateway([scriptedEngine({ modelId: 'quick' })], []);
  source = await mkdtemp(path.join(tmpdir(), 'moat-data-routes-'));
});
afterAll(async () => {
  await rm(source, { recursive: true });
  expect(await opened.close()).toEqual([]);
});

const ask = (at = ''): Promise<Response> =>
  fetch(`${opened.gateway.url}/api/data${at}`, { headers: { authorization: `Bearer ${opened.gateway.studioToken}` } });
const corpus = (): string => path.join(opened.scratch.directory, '.moat', 'corpus');

test('no corpus is no error; a corpus comes with its sources, what was dropped with examples, lengths and hashes', async () => {
  expect(await (await ask()).json()).toEqual({ data: null });
  const long = 'The harbour office answers letters on weekdays, and the reply names the berth and the hour. ';
  await mkdir(path.join(source, 'letters'));
  await writeFile(path.join(source, 'letters', 'a.txt'), long.repeat(4));
  await writeFile(path.join(source, 'letters', 'b.txt'), long.repeat(4));
  await writeFile(path.join(source, 'c.txt'), 'short');
  await writeFile(
    path.join(source, 'd.txt'),
    `Another text, of its own. ${'Ships wait outside until the tide turns. '.repeat(9)}`,
  );
  await prepareCorpus(corpus(), {
    source,
    licence: 'MIT',
    thresholds: { 'too-short': 50 },
    validationFraction: 0,
    testFraction: 0,
    seed: 1,
  });
  const { data } = (await (await ask()).json()) as { data: DataSummary };
  expect(data.read.documents).toBe(4);
  expect(data.kept.documents).toBe(2);
  expect(data.dropped.map(({ reason, documents }) => [reason, documents]).sort()).toEqual([
    ['exact-duplicate', 1],
    ['too-short', 1],
  ]);
  const [copy] = data.dropped.flatMap(({ examples }) => examples).filter(({ copyOf }) => copyOf !== null);
  expect(copy?.excerpt).toContain('harbour office');
  // 365 and 395 characters, the white space at the end cleaned away
  expect(data.lengths).toEqual([{ from: 256, to: 512, documents: 2 }]);
  expect(data.passport.files.map(({ origin }) => origin)).toContain('letters/a.txt');
  expect(data.passport.outputs.map(({ name }) => name)).toEqual(['train.jsonl', 'validation.jsonl', 'test.jsonl']);
  expect(data.origins.every(({ licence }) => licence === 'MIT')).toBe(true);
  expect(JSON.stringify(data.passport)).not.toContain(source);
});

test('copies stand beside what was kept, can be searched and come in pages', async () => {
  const page = async (query: string): Promise<DuplicatePage | null> =>
    ((await (await ask(`/duplicates?${query}`)).json()) as { duplicates: DuplicatePage | null }).duplicates;
  const all = await page('');
  expect(all).toMatchObject({ total: 1, isComplete: true });
  expect(all?.groups[0]).toMatchObject({
    kept: { id: 'letters/a.txt#1', text: expect.stringContaining('harbour office') },
    count: 1,
    copies: [{ id: 'letters/b.txt#1', reason: 'exact-duplicate', detail: 'is the same text as letters/a.txt#1' }],
  });
  expect(await page('search=HARBOUR')).toEqual(all);
  expect(await page('search=nowhere')).toEqual({ groups: [], total: 0, isComplete: true });
  expect(await page('from=1&limit=5')).toEqual({ groups: [], total: 1, isComplete: true });
  await rm(path.join(corpus(), 'duplicates.json'));
  expect(await page('')).toBeNull();
});

test('a corpus that is damaged is said to be, without a path of this machine', async () => {
  await writeFile(path.join(corpus(), 'report.json'), '{"source":');
  const response = await ask();
  const body = await response.text();
  expect([response.status, body]).toEqual([409, expect.stringContaining('corpus_damaged')]);
  expect(body).not.toContain(opened.scratch.directory);
});
