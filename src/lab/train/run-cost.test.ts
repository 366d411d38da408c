import { expect, test } from 'vitest';
import type { RunEvent } from '../../base/run-events.js';
import { wallSecondsOf } from './run-cost.js';

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
  expect(wallSecondsOf(events)).toBe(90.5);
  expect(wallSecondsOf([])).toBe(0);
});
