import { rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchGateway, openScratchGateway } from '../../../../tests/scratch-gateway.js';
import { scriptedEngine } from '../../../../tests/scripted-engine.js';
import { seedLab } from '../../../../tests/studio/seeded-lab.js';
import type { ModelList } from '../api-types.js';

let opened: ScratchGateway;
beforeAll(async () => {
  opened = await openScratchGateway(
    [scriptedEngine({ modelId: 'quick' }), scriptedEngine({ modelId: 'free' })],
    ['quick'],
  );
});
afterAll(async () => {
  expect(await opened.close()).toEqual([]);
});

const ask = (at = ''): Promise<Response> =>
  fetch(`${opened.gateway.url}/api/models${at}`, {
    headers: { authorization: `Bearer ${opened.gateway.studioToken}` },
  });
const list = async (): Promise<ModelList> => (await (await ask()).json()) as ModelList;

test('what is served comes with its price; an empty project has no other model', async () => {
  const { served, stored, currency } = await list();
  expect([currency, stored]).toEqual(['USD', []]);
  expect(served.map(({ id, outputMicrosPerMillionTokens }) => [id, outputMicrosPerMillionTokens])).toEqual([
    ['quick', '2000000'],
    ['free', null],
  ]);
});

test('models of runs and tasks come with size, quality and the data they were made from', async () => {
  await seedLab(opened.scratch.directory);
  const { stored } = await list();
  const run = stored.find(({ place }) => place === 'runs');
  expect(run).toMatchObject({ name: 'support-v2', sizeBytes: 23_068, bitsPerByte: 1.42, hasCard: true });
  expect(run?.data).toMatchObject({ licence: 'CC-BY-4.0', trainSha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(
    stored
      .filter(({ place }) => place === 'models')
      .map(({ name, kind, score }) => [name, kind, score?.value])
      .sort(),
  ).toEqual([
    ['mails', 'Text classification', 0.9],
    ['mails-small', 'Text classification', 0.86],
  ]);
});

test('a card is that of the newest checkpoint; a name that leads elsewhere, and a link in its place, lead nowhere', async () => {
  expect(await (await ask('/support-v2/card')).json()).toEqual({ card: expect.stringContaining('# support-v2') });
  for (const name of ['none', '..', '..%2F..', '.hidden', '%2fetc'])
    expect((await ask(`/${name}/card`)).status, name).toBeGreaterThanOrEqual(400);
  const card = path.join(opened.scratch.directory, 'runs/support-v2/checkpoints/step-00000180/README.md');
  await rm(card);
  await symlink('/dev/zero', card);
  expect((await ask('/support-v2/card')).status).toBe(404);
});
