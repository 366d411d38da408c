import { appendFile, mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { evalEvent, exampleScript, stepEvent } from '../../../tests/studio/example-script.js';
import { manualClock } from '../../base/clock.js';
import { takeClaim } from '../../lab/distributed/run-claim.js';
import { writePlace } from '../../lab/distributed/run-place.js';
import { whileTraining } from '../../lab/train/run-lock.js';
import { type RunReader, createRunReader } from './run-reader.js';

let runs: string;
let reader: RunReader;
const clock = manualClock(Date.now());
beforeAll(async () => {
  runs = await mkdtemp(path.join(tmpdir(), 'moat-runs-'));
  reader = createRunReader(runs, clock);
});
afterAll(() => rm(runs, { recursive: true }));

const linesOf = (events: readonly unknown[]): string => events.map((event) => `${JSON.stringify(event)}\n`).join('');
const fileOf = (name: string): string => path.join(runs, name, 'events.jsonl');

async function write(name: string, events: readonly unknown[], end = ''): Promise<void> {
  await mkdir(path.join(runs, name), { recursive: true });
  await writeFile(fileOf(name), linesOf(events) + end);
}

const [start] = exampleScript().events;

test('the steps that a resumed run repeats count once, as they were done last; a torn line is no step', async () => {
  const again = [
    { ...start, resumedFromStep: 1 },
    { ...stepEvent(2), loss: 9 },
  ];
  await write(
    'resumed',
    [start, stepEvent(1), stepEvent(2), evalEvent(2), stepEvent(3), ...again],
    '{"type":"step","step":3',
  );
  const curve = await reader.curve('resumed');
  expect(curve?.history.steps).toEqual([1, 2]);
  expect(curve?.history.columns.losses[1]).toBe(9);
  expect(curve?.history.evalSteps).toEqual([]);
  expect(curve?.nextLine).toBe(7);
});

test('what is added counts from the next reading on, the torn line too once it is whole', async () => {
  await write('growing', [start, stepEvent(1)], JSON.stringify(stepEvent(2)).slice(0, 20));
  expect((await reader.curve('growing'))?.history.steps).toEqual([1]);
  await appendFile(fileOf('growing'), `${JSON.stringify(stepEvent(2)).slice(20)}\n${linesOf([stepEvent(3)])}`);
  const [first, second] = await Promise.all([reader.curve('growing'), reader.curve('growing')]);
  expect(first?.history.steps).toEqual([1, 2, 3]);
  expect(second?.nextLine).toBe(4);
});

test('another file in its place is another run', async () => {
  await write('replaced', [start, stepEvent(1), stepEvent(2)]);
  await reader.curve('replaced');
  await write('replaced', [start, stepEvent(1)]);
  expect((await reader.curve('replaced'))?.history.steps).toEqual([1]);
  await rm(path.join(runs, 'replaced'), { recursive: true });
  expect(await reader.curve('replaced')).toBeUndefined();
});

test('a stream begins at the line that was asked for, wherever it stands', async () => {
  await write('long', [start, ...Array.from({ length: 5000 }, (_, index) => stepEvent(index + 1))]);
  await reader.list();
  for (const from of [0, 1, 1023, 1024, 4097, 5000]) {
    const leaving = new AbortController();
    for await (const { index, json } of reader.follow('long', from, leaving.signal)) {
      expect(index).toBe(from);
      expect(JSON.parse(json)).toMatchObject(from === 0 ? { type: 'start' } : { type: 'step', step: from });
      leaving.abort();
      break;
    }
  }
});

test('a run that neither ended nor is held by a process was interrupted; why one failed is said', async () => {
  await write('silent', [start, stepEvent(1)]);
  const stateOf = async (name: string) => (await reader.list()).find((run) => run.name === name);
  expect((await stateOf('silent'))?.state).toBe('running');
  clock.advance(200_000);
  expect((await stateOf('silent'))?.state).toBe('interrupted');
  // this process holds it, and is alive
  await write('dead', [start, stepEvent(1)]);
  await writeFile(path.join(runs, 'dead', 'training.lock'), '999999999-1-abcdef');
  expect((await stateOf('dead'))?.state).toBe('interrupted');
  const done = {
    type: 'done',
    time: new Date(0).toISOString(),
    step: 1,
    reason: 'failed',
    loss: null,
    elapsedSeconds: 3,
  };
  await write('failed', [start, stepEvent(1), { ...done, message: 'the disk is full' }]);
  expect(await stateOf('failed')).toMatchObject({ state: 'failed', message: 'the disk is full', elapsedSeconds: 3 });
});

test('where a run trains is said, and that a job goes on which nobody here follows', async () => {
  const directory = path.join(runs, 'there');
  await write('there', [{ ...start, machines: 2 }, stepEvent(1)]);
  const there = { on: 'ray://head:8265', workers: 8, workerCpus: null, storage: null, install: false };
  await writePlace(directory, there);
  const found = async () => (await reader.list()).find((run) => run.name === 'there');
  const place = { on: there.on, workers: 8, machines: 2, storage: null };
  expect((await found())?.place).toEqual({ ...place, job: null, isLeft: false });
  const claim = { address: there.on, job: 'moat-there-1', location: directory, eventsBefore: 0 };
  await takeClaim(directory, { ...claim, submitter: { host: 'another', pid: 1 } }, undefined);
  // killed: it followed the job, which goes on
  await writeFile(path.join(directory, 'training.lock'), '999999999-1-abcdef');
  await utimes(fileOf('there'), clock.now() / 1000, clock.now() / 1000);
  expect(await found()).toMatchObject({ state: 'running', place: { ...place, job: 'moat-there-1', isLeft: true } });
  await rm(path.join(directory, 'training.lock'));
  await whileTraining(directory, new AbortController(), async () => {
    expect(await found()).toMatchObject({ state: 'running', place: { job: 'moat-there-1', isLeft: false } });
  });
  clock.advance(200_000);
  expect(await found()).toMatchObject({ state: 'interrupted', place: { isLeft: true } });
});

test.each(['none', '..', '../other', '.hidden', 'a/b', ''])('%s is no run', async (name) => {
  expect(await reader.curve(name)).toBeUndefined();
  expect(await reader.has(name)).toBe(false);
});
