import { expect, it } from 'vitest';
import type { RunEvent } from '../company/gateway/api-types.js';
import { addEvent, emptyHistory, lossColumns } from './run-history.js';

const step = (number: number, loss: number): RunEvent => ({
  type: 'step',
  time: '2026-01-01T00:00:00Z',
  step: number,
  loss,
  learningRateScale: 1,
  gradientNorm: 1,
  tokens: 8,
  tokensPerSecond: 100,
  elapsedSeconds: number,
  remainingSeconds: 1,
});
const evaluation = (number: number, loss: number): RunEvent => ({
  type: 'eval',
  time: '2026-01-01T00:00:00Z',
  step: number,
  loss,
  bitsPerByte: loss / 2,
});

function historyOf(events: RunEvent[]) {
  const history = emptyHistory();
  for (const event of events) addEvent(history, event);
  return history;
}

it('puts training and held-out loss on one axis', () => {
  const history = historyOf([evaluation(0, 9), step(1, 8), step(2, 7), evaluation(2, 7.5), step(3, 6)]);
  expect(lossColumns(history)).toEqual([
    [0, 1, 2, 3],
    [null, 8, 7, 6],
    [9, null, 7.5, null],
  ]);
});

it('a resumed run replaces what came after its checkpoint', () => {
  const history = historyOf([step(1, 8), step(2, 7), evaluation(2, 7), step(3, 6), step(2, 6.5), step(3, 5.5)]);
  expect(history.steps).toEqual([1, 2, 3]);
  expect(history.losses).toEqual([8, 6.5, 5.5]);
  expect(history.evalSteps).toEqual([]);
});

it('keeps a long run whole in bounded memory: ends and mean stay', () => {
  const events = Array.from({ length: 50_000 }, (_, index) => step(index + 1, 3));
  const history = historyOf(events);
  expect(history.steps.length).toBeLessThanOrEqual(8000);
  expect(history.steps.at(-1)).toBe(50_000);
  expect(history.steps[0]).toBeLessThan(50);
  expect(history.losses.every((loss) => loss === 3)).toBe(true);
  expect([...history.steps].sort((a, b) => a - b)).toEqual(history.steps);
});
