import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readEvents } from '../train/run-directory.js';
import { takeAttempt } from './run-attempts.js';
import { checkpointDirectory, latestCheckpoint, listCheckpoints } from './run-checkpoints.js';

let run: string;
beforeEach(async () => {
  run = await mkdtemp(path.join(tmpdir(), 'moat-attempts-'));
});
afterEach(() => rm(run, { recursive: true }));

/** As workers leave it: `distributed/attempts.py`. */
async function begun(number: number, step: number | null): Promise<void> {
  await mkdir(path.join(run, 'attempts'), { recursive: true });
  await writeFile(path.join(run, 'attempts', String(number).padStart(8, '0')), JSON.stringify({ launch: 'x', step }));
}

async function saved(step: number, state: object): Promise<void> {
  const directory = checkpointDirectory(run, step);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, 'trainer-state.json'), JSON.stringify({ step, ...state }));
}

const latest = async () => (await latestCheckpoint(run))?.step;

test('a run that Moat alone has trained takes no numbers', async () => {
  await saved(8, {});
  expect(await takeAttempt(run, 8)).toBeUndefined();
  expect(await readdir(run)).toEqual(['checkpoints']);
  expect(await latest()).toBe(8);
});

test('one that goes on here after workers takes the next number, and is told when another does', async () => {
  await begun(1, 0);
  const [first, second] = await Promise.all([takeAttempt(run, 4), takeAttempt(run, 4)]);
  expect([first?.number, second?.number].sort()).toEqual([2, 3]);
  const [older, newer] = first?.number === 2 ? [first, second] : [second, first];
  expect(() => newer?.check()).not.toThrow();
  expect(() => older?.check()).toThrow(expect.objectContaining({ code: 'overtaken' }));
  expect((await readdir(path.join(run, 'attempts'))).sort()).toEqual(['00000001', '00000002', '00000003']);
});

test('a checkpoint that an overtaken attempt saved further on is not gone on from', async () => {
  await begun(1, 0);
  for (const step of [10, 20, 30]) await saved(step, { attempt: 1 });
  expect(await latest()).toBe(30);
  // the second began after 20: 30 came too late, and 40, too
  await begun(2, 20);
  await saved(40, { attempt: 1 });
  expect(await latest()).toBe(20);
  expect((await listCheckpoints(run)).map(({ step }) => step)).toEqual([10, 20, 30, 40]);
  await saved(25, { attempt: 2 });
  expect(await latest()).toBe(25);
  // one that died before it had chosen where to begin says nothing
  await begun(3, null);
  expect(await latest()).toBe(25);
  // Moat's own trainer writes no number
  await saved(50, {});
  expect(await latest()).toBe(50);
});

test('events of an overtaken attempt are let go where they come after those of a newer one', async () => {
  const step = (number: number, attempt: number) => ({ type: 'step', step: number, loss: attempt, attempt });
  const start = (resumedFromStep: number, attempt: number) => ({ type: 'start', resumedFromStep, attempt });
  const kept = [start(0, 1), step(1, 1), step(2, 1), start(1, 2), step(2, 2), step(3, 2), { type: 'done', step: 3 }];
  const lines = [...kept.slice(0, 4), step(3, 1), ...kept.slice(4, 6), { type: 'done', step: 3, attempt: 1 }, kept[6]];
  await writeFile(path.join(run, 'events.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  expect(await readEvents(run)).toEqual(kept);
});
