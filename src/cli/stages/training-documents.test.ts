import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prepareCorpus } from '../../lab/data/prepare-corpus.js';
import { loadProject } from '../config/project.js';
import { trainingDocuments } from './training-documents.js';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'moat-mixture-'));
  await mkdir(path.join(root, 'data'));
  const word = (number: number): string =>
    [...number.toString(26)].map((digit) => 'abcdefghij'[parseInt(digit, 26) % 10]).join('');
  const written = (id: number): string =>
    Array.from({ length: 12 }, (_, k) => `w${word((id * 3137 + k * 71) % 9973)}`).join(' ');
  const lines = (count: number, from: number): string =>
    Array.from({ length: count }, (_, index) => JSON.stringify({ text: written(from + index) })).join('\n');
  await writeFile(path.join(root, 'data', 'large.jsonl'), lines(120, 0));
  await writeFile(path.join(root, 'data', 'small.jsonl'), lines(20, 500));
  await prepareCorpus(path.join(root, '.moat', 'corpus'), { source: path.join(root, 'data'), nearDuplicates: 0 });
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function trainedOn(data: object) {
  await writeFile(path.join(root, 'moat.config.json'), JSON.stringify({ data }));
  const training = await trainingDocuments(await loadProject(root, { env: {}, overrides: [] }));
  const origins: string[] = [];
  for await (const { origin } of training.open()) origins.push(origin);
  return {
    groups: training.groups,
    small: origins.filter((origin) => origin === 'small.jsonl').length,
    all: origins.length,
  };
}

test('without a word on mixtures the corpus is as it was', async () => {
  const { groups, small, all } = await trainedOn({});
  expect(groups).toBeUndefined();
  expect(small / all).toBeLessThan(0.2);
});

test('temperature and weights of sources change what is trained on', async () => {
  const warm = await trainedOn({ mixtureTemperature: 100, mixtureBy: 'source' });
  expect(warm.groups?.map(({ group }) => group)).toEqual(['large.jsonl', 'small.jsonl']);
  expect(warm.small / warm.all).toBeGreaterThan(0.35);
  const weighed = await trainedOn({ mixtureWeights: 'large.jsonl=0', mixtureBy: 'source', maxRepeats: 2 });
  expect(weighed.small).toBe(weighed.all);
});

test('a weight of what there is not is refused', async () => {
  await expect(trainedOn({ mixtureWeights: 'fr=2' })).rejects.toThrow(/there are no documents of fr/);
});
