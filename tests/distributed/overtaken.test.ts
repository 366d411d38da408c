/**
 * Two attempts at one run, alive at once: the older one is fenced off. It is held still in mid-run, as a machine that has
 * lost its network or its disk is, and goes on when the newer one trains.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunEvent } from '../../src/base/run-events.js';
import { loadCheckpoint } from '../../src/lab/checkpoint/load-checkpoint.js';
import { latestCheckpoint } from '../../src/lab/checkpoint/run-checkpoints.js';
import { eventsFileOf, readEvents } from '../../src/lab/train/run-directory.js';
import { type SmallProject, countedSteps, losses, makeSmallProject, workersOf } from './small-run.js';

let project: SmallProject;
const STEPS = 120;
const config = () => project.config({ loop: { maxSteps: STEPS, checkpointEvery: 10, evalEvery: 60 } });
let expected: number[];

beforeAll(async () => {
  project = await makeSmallProject();
  expected = losses(await project.trainThere('alone', { config: config(), workers: 2 }));
});
afterAll(() => project.remove());

const signalAll = (job: string, signal: 'SIGSTOP' | 'SIGCONT'): void => {
  for (const pid of workersOf(project.jobFolder(job))) process.kill(pid, signal);
};

test.each([
  ['as soon as the newer one begins', 'folder', 0],
  ['when the newer one is further than it was', 'folder', 60],
  ['on storage that is known by a URI', 'uri', 60],
] as const)('the older one wakes %s', async (_, kind, wakeAt) => {
  const older = `${kind}-${wakeAt}`;
  const newer = `${older}-newer`;
  const runDirectory = project.runDirectory(older);
  const there = {
    config: config(),
    workers: 2,
    runDirectory: kind === 'uri' ? pathToFileURL(runDirectory).href : runDirectory,
  };
  let isStill = (): void => {};
  const still = new Promise<void>((resolve) => (isStill = resolve));
  let heldAt = 0;
  const first = project.trainThere(older, {
    ...there,
    onEvent(event) {
      if (event.type !== 'step' || event.step < 25 || heldAt > 0) return;
      heldAt = event.step;
      signalAll(older, 'SIGSTOP');
      isStill();
    },
  });
  const refused = expect(first).rejects.toMatchObject({ code: 'overtaken' });
  await still;
  let woken = false;
  const wake = (event: RunEvent): void => {
    if (woken || !('step' in event || wakeAt === 0) || ('step' in event && event.step < wakeAt)) return;
    woken = true;
    signalAll(older, 'SIGCONT');
  };
  const second = await project.trainThere(newer, { ...there, resume: { fromStep: null }, onEvent: wake });
  await refused;
  expect(second[0]).toMatchObject({ type: 'start', attempt: 2 });
  expect(second[0]?.type === 'start' && second[0].resumedFromStep).toBeGreaterThanOrEqual(20);
  const events = await readEvents(runDirectory);
  // nothing twice, nothing left out, and the same as if it had been alone
  const counted = countedSteps(events);
  expect(counted.map(({ step }) => step)).toEqual(Array.from({ length: STEPS }, (_unused, index) => index + 1));
  expect(losses(counted)).toEqual(expected);
  expect(events.at(-1)).toMatchObject({ type: 'done', reason: 'finished', step: STEPS, attempt: 2 });
  expect(second).toEqual(events.slice(-second.length));
  // of the older one, a line may have been on its way; it trained no further
  const lines = (await readFile(eventsFileOf(runDirectory), 'utf8')).trim().split('\n');
  const raw = lines.map((line) => JSON.parse(line) as RunEvent);
  expect(raw.length - events.length).toBeLessThanOrEqual(2);
  const last = await latestCheckpoint(runDirectory);
  expect(last?.step).toBe(STEPS);
  expect(await loadCheckpoint(last?.directory ?? '')).toMatchObject({ step: STEPS });
  const state = await readFile(path.join(last?.directory ?? '', 'trainer-state.json'), 'utf8');
  expect(JSON.parse(state)).toMatchObject({ step: STEPS, attempt: 2 });
});
