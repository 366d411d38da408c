import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { RunEvent } from '../../base/run-events.js';
import { createRunUseReader, recordOf } from './run-cost.js';

const start = (time: string): RunEvent => ({
  type: 'start',
  time,
  runName: 'run',
  architecture: 'qwen3',
  parameterCount: 1,
  totalSteps: 10,
  tokensPerStep: 1,
  trainTokens: 1,
  device: 'cpu',
  resumedFromStep: 0,
});
const checkpoint = (time: string): RunEvent => ({ type: 'checkpoint', time, step: 1, path: 'c', bytes: 1, seconds: 0 });

test('a killed process counts until its last event, and the pause before resuming does not', () => {
  const events = [
    start('2026-01-01T00:00:00.000Z'),
    checkpoint('2026-01-01T00:01:00.000Z'),
    start('2026-01-01T05:00:00.000Z'),
    checkpoint('2026-01-01T05:00:30.500Z'),
  ];
  expect(recordOf('run', events).elapsedSeconds).toBe(90.5);
  expect(recordOf('run', []).elapsedSeconds).toBe(0);
});

test('on a cluster each machine counts', () => {
  const events = [
    start('2026-01-01T00:00:00.000Z'),
    checkpoint('2026-01-01T00:01:00.000Z'),
    { ...start('2026-01-01T05:00:00.000Z'), machines: 4 },
    checkpoint('2026-01-01T05:00:30.000Z'),
  ];
  expect(recordOf('run', events)).toMatchObject({
    elapsedSeconds: 90,
    cluster: { wallSeconds: 30, machineSeconds: 120 },
  });
});

test('a run in the accounts: of two processes each counts its last reading of the meter', () => {
  const metered = [
    { ...start('2026-01-01T00:00:00.000Z'), joules: 0 },
    { ...checkpoint('2026-01-01T00:01:00.000Z'), joules: 100 },
    { ...start('2026-01-01T05:00:00.000Z'), joules: 1 },
    { ...checkpoint('2026-01-01T05:00:30.000Z'), joules: 60 },
  ];
  expect(recordOf('run', metered)).toEqual({
    name: 'run',
    elapsedSeconds: 90,
    cluster: { wallSeconds: 0, machineSeconds: 0 },
    device: 'cpu',
    outcome: 'unfinished',
    startedAt: new Date('2026-01-01T00:00:00.000Z'),
    tokensSeen: null,
    joules: 160,
  });
  const failed: RunEvent = {
    type: 'done',
    time: '2026-01-01T06:00:00.000Z',
    step: 3,
    reason: 'failed',
    loss: null,
    elapsedSeconds: 9,
    tokensSeen: 42,
  };
  expect(recordOf('run', [...metered, failed])).toMatchObject({ outcome: 'failed', tokensSeen: 42, joules: null });
  expect(recordOf('none', [])).toMatchObject({ outcome: 'unfinished', device: null, startedAt: null, joules: null });
});

test('whoever asks often sees what was added, and what went away', async () => {
  const runs = await mkdtemp(path.join(tmpdir(), 'moat-uses-'));
  try {
    const read = createRunUseReader(runs);
    expect(await read()).toEqual([]);
    const line = (event: RunEvent): string => `${JSON.stringify(event)}\n`;
    for (const name of ['first', 'second']) {
      await mkdir(path.join(runs, name));
      const events = line(start('2026-01-01T00:00:00.000Z')) + line(checkpoint('2026-01-01T00:01:00.000Z'));
      await writeFile(path.join(runs, name, 'events.jsonl'), events);
    }
    const seconds = async () => (await read()).map(({ name, elapsedSeconds }) => [name, elapsedSeconds]);
    expect(await seconds()).toEqual([
      ['first', 60],
      ['second', 60],
    ]);
    await appendFile(path.join(runs, 'first', 'events.jsonl'), line(checkpoint('2026-01-01T00:02:00.000Z')));
    await rm(path.join(runs, 'second'), { recursive: true });
    expect(await seconds()).toEqual([['first', 120]]);
  } finally {
    await rm(runs, { recursive: true });
  }
});
