import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { readUpstreamCosts } from './upstream-file.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'moat-upstream-costs-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

async function costsIn(models: Record<string, object>) {
  const targets = [{ url: 'https://api.example.com/v1', model: 'x', apiKeyEnvironment: 'NOT_SET_HERE' }];
  const all = Object.entries(models).map(([name, model]) => [name, { ...model, targets }] as const);
  const file = path.join(directory, 'upstreams.json');
  await writeFile(file, JSON.stringify({ models: Object.fromEntries(all) }));
  return readUpstreamCosts(file);
}

it('says what each model is paid, without its key, and what nobody stated is missing', async () => {
  const costs = await costsIn({
    giant: { cost: { input: '2.50', output: '10.00' } },
    box: { cost: 'our-machine' },
    riddle: {},
  });
  expect([...costs]).toEqual([
    ['giant', { inputMicros: 2_500_000n, outputMicros: 10_000_000n }],
    ['box', 'our-machine'],
    ['riddle', null],
  ]);
});

it('refuses half a cost, a float and a negative one by name; no file is no model', async () => {
  for (const cost of [{ input: '1.00' }, { input: 1, output: 2 }, { input: '-1', output: '1' }, 'free'])
    await expect(costsIn({ giant: { cost } })).rejects.toMatchObject({
      code: 'bad-upstreams',
      message: expect.stringContaining('models.giant.cost'),
    });
  expect((await readUpstreamCosts(path.join(directory, 'none.json'))).size).toBe(0);
});
