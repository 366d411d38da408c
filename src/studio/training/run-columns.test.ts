import { expect, it } from 'vitest';
import { addEvent, emptyHistory } from '../../base/run-history.js';
import type { RunEvent } from '../../company/gateway/api-types.js';
import { columnsOf, lossColumns } from './run-columns.js';

const time = '2026-01-01T00:00:00Z';
const step = (number: number, loss: number): RunEvent => ({
  type: 'step',
  time,
  step: number,
  loss,
  learningRateScale: 1,
  gradientNorm: 1,
  tokens: 8,
  tokensPerSecond: 100,
  elapsedSeconds: number,
  remainingSeconds: 1,
});
const evaluation = (number: number, loss: number): RunEvent => ({ type: 'eval', time, step: number, loss });

it('puts training and held-out loss on one axis', () => {
  const history = emptyHistory();
  for (const event of [evaluation(0, 9), step(1, 8), step(2, 7), evaluation(2, 7.5), step(3, 6)])
    addEvent(history, event);
  const training = [null, 8, 7, 6];
  expect(lossColumns(history)).toEqual([[0, 1, 2, 3], training, training, training, [9, null, 7.5, null]]);
  expect(columnsOf(history, ['speeds', 'memory'])).toEqual([
    [1, 2, 3],
    [100, 100, 100],
    [null, null, null],
  ]);
});
