import { expect, it } from 'vitest';
import type { RunEvent } from './run-events.js';
import { addEvent, emptyHistory } from './run-history.js';

const time = '2026-01-01T00:00:00Z';
const step = (
  number: number,
  loss: number,
  more: { residentBytes?: number; gradientNorm?: number } = {},
): RunEvent => ({
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
  ...more,
});
const evaluation = (number: number, loss: number): RunEvent => ({ type: 'eval', time, step: number, loss });
const sample = (number: number, prompt = 'Once'): RunEvent => ({
  type: 'sample',
  time,
  step: number,
  prompt,
  text: ` upon ${number}`,
  tokens: 2,
  seconds: 0.1,
});
const start = (resumedFromStep: number): RunEvent => ({
  type: 'start',
  time,
  runName: 'run',
  architecture: 'qwen3',
  parameterCount: 9,
  totalSteps: undefined,
  tokensPerStep: 8,
  trainTokens: 99,
  device: 'cpu',
  resumedFromStep,
});

/** Of the first, the second … start of a run's workers. */
const by = (attempt: number, ...events: RunEvent[]): RunEvent[] => events.map((event) => ({ ...event, attempt }));

function historyOf(events: readonly RunEvent[]) {
  const history = emptyHistory();
  for (const event of events) addEvent(history, event);
  return history;
}

it('a resumed run replaces what came after its checkpoint, also where it says no start', () => {
  const before = [start(0), step(1, 8), step(2, 7), evaluation(2, 7), sample(2), step(3, 6)];
  const history = historyOf([...before, start(1), step(2, 6.5), step(3, 5.5)]);
  expect(history.steps).toEqual([1, 2, 3]);
  expect(history.columns.losses).toEqual([8, 6.5, 5.5]);
  expect(history.evalSteps).toEqual([]);
  expect(history.samples).toEqual([]);
  expect(historyOf([...before, step(2, 6.5)]).columns.losses).toEqual([8, 6.5]);
});

it('keeps a long run whole in bounded memory: ends, means and every spike stay', () => {
  // 0 … 9 over and over, so that the mean of any 32 or more steps lies near 4.5; one spike up, one down
  const losses = Array.from({ length: 100_000 }, (_, index) =>
    index === 70_000 ? 99 : index === 333 ? -7 : index % 10,
  );
  const { steps, columns, stepsPerPoint } = historyOf(losses.map((loss, index) => step(index + 1, loss)));
  expect(steps.length).toBeLessThanOrEqual(2000);
  expect(steps.length).toBeGreaterThan(1000);
  expect(stepsPerPoint).toBe(64);
  expect(steps.at(-1)).toBe(100_000);
  expect([...steps].sort((a, b) => a - b)).toEqual(steps);
  expect(Math.max(...columns.lossHighs.map(Number))).toBe(99);
  expect(Math.min(...columns.lossLows.map(Number))).toBe(-7);
  // (70 · 4.5 … of 64 steps) every full point holds six or seven of each digit: its mean is within 0.5 of 4.5, the spikes apart
  const means = columns.losses.map(Number);
  expect(means.filter((mean) => Math.abs(mean - 4.5) > 0.5).length).toBeLessThanOrEqual(2);
  for (const [index, mean] of means.entries()) {
    expect(mean).toBeGreaterThanOrEqual(Number(columns.lossLows[index]));
    expect(mean).toBeLessThanOrEqual(Number(columns.lossHighs[index]));
  }
});

it('memory is what was measured, its highest where steps are joined, and null where it was not', () => {
  expect(historyOf([step(1, 1), step(2, 1, { residentBytes: 5 })]).columns.memory).toEqual([null, 5]);
  const joined = historyOf(
    Array.from({ length: 2001 }, (_, index) => step(index + 1, 1, { residentBytes: index + 1 })),
  );
  expect(joined.columns.memory.slice(0, 2)).toEqual([2, 4]);
  expect(joined.columns.memory.at(-1)).toBe(2001);
});

it('of many samples and measurements the first and the newest stay', () => {
  const history = historyOf([
    ...Array.from({ length: 500 }, (_, index) => [sample(index + 1), sample(index + 1, 'Twice')]).flat(),
    ...Array.from({ length: 5000 }, (_, index) => evaluation(index + 1, 1)),
  ]);
  expect(history.samples.length).toBeLessThanOrEqual(120);
  const stepsOf = (prompt: string) => history.samples.filter((each) => each.prompt === prompt).map(({ step }) => step);
  expect(stepsOf('Once')).toEqual(stepsOf('Twice'));
  expect([stepsOf('Once')[0], stepsOf('Once').at(-1)]).toEqual([1, 500]);
  expect(history.evalSteps.length).toBeLessThanOrEqual(2000);
  expect([history.evalSteps[0], history.evalSteps.at(-1)]).toEqual([1, 5000]);
  expect(history.evalLosses).toHaveLength(history.evalSteps.length);
});

const failed: RunEvent = {
  type: 'done',
  time,
  step: 5,
  reason: 'failed',
  loss: null,
  elapsedSeconds: 5,
  tokensSeen: 40,
};

it('what workers wrote after others had begun the run anew counts for nothing', () => {
  const events = [
    ...by(1, start(0), step(1, 8), step(2, 7), step(3, 6)),
    ...by(2, start(2)),
    // the first ones are still alive
    ...by(1, step(4, 5), evaluation(4, 5)),
    ...by(2, step(3, 6.5)),
    ...by(1, step(5, 4), failed),
    ...by(2, step(4, 5.5)),
  ];
  const history = historyOf(events);
  expect(history.steps).toEqual([1, 2, 3, 4]);
  expect(history.columns.losses).toEqual([8, 7, 6.5, 5.5]);
  expect([history.evalSteps, history.done]).toEqual([[], null]);
  // what does not say whose it is counts: Moat's own trainer, when it goes on with the run
  expect(historyOf([...events, start(4), step(5, 4.5)]).columns.losses).toEqual([8, 7, 6.5, 5.5, 4.5]);
});
