/**
 * What a run's events add up to for the charts, in bounded memory: at `MAX_POINTS` points neighbours are averaged and
 * from then on each point stands for twice as many steps, so a long run stays whole and only its resolution falls.
 */
import type { RunEvent } from '../company/gateway/api-types.js';

const MAX_POINTS = 8000;

type StepEvent = Extract<RunEvent, { type: 'step' }>;
type EvalEvent = Extract<RunEvent, { type: 'eval' }>;

/** Columns over the run's steps; parallel arrays, as the charts want them. */
export interface RunHistory {
  steps: number[];
  losses: number[];
  speeds: number[];
  /** Share of the highest learning rate. */
  rates: number[];
  gradientNorms: number[];
  /** Steps that one point averages; a power of two. */
  stepsPerPoint: number;
  /** Steps in the last point so far. */
  stepsInLastPoint: number;
  evalSteps: number[];
  evalLosses: number[];
  lastStep: StepEvent | undefined;
  lastEval: EvalEvent | undefined;
  done: Extract<RunEvent, { type: 'done' }> | undefined;
}

export function emptyHistory(): RunHistory {
  return {
    steps: [],
    losses: [],
    speeds: [],
    rates: [],
    gradientNorms: [],
    stepsPerPoint: 1,
    stepsInLastPoint: 0,
    evalSteps: [],
    evalLosses: [],
    lastStep: undefined,
    lastEval: undefined,
    done: undefined,
  };
}

/** Adds one event in place. A resumed run repeats the steps after its checkpoint: the newer ones count. */
export function addEvent(history: RunHistory, event: RunEvent): void {
  if (event.type === 'start') {
    forgetAfter(history, event.resumedFromStep);
  } else if (event.type === 'step') {
    if (event.step <= (history.steps.at(-1) ?? 0)) forgetAfter(history, event.step - 1);
    addStep(history, event);
    history.lastStep = event;
  } else if (event.type === 'eval') {
    history.evalSteps.push(event.step);
    history.evalLosses.push(event.loss);
    history.lastEval = event;
  } else if (event.type === 'done') {
    history.done = event;
  }
}

function addStep(
  history: RunHistory,
  { step, loss, tokensPerSecond, learningRateScale, gradientNorm }: StepEvent,
): void {
  const last = history.steps.length - 1;
  if (last >= 0 && history.stepsInLastPoint < history.stepsPerPoint) {
    const count = ++history.stepsInLastPoint;
    const blend = (column: number[], value: number): void => {
      const mean = column[last] ?? value;
      column[last] = mean + (value - mean) / count;
    };
    history.steps[last] = step;
    blend(history.losses, loss);
    blend(history.speeds, tokensPerSecond);
    blend(history.rates, learningRateScale);
    blend(history.gradientNorms, gradientNorm);
    return;
  }
  if (history.steps.length >= MAX_POINTS) halve(history);
  history.steps.push(step);
  history.losses.push(loss);
  history.speeds.push(tokensPerSecond);
  history.rates.push(learningRateScale);
  history.gradientNorms.push(gradientNorm);
  history.stepsInLastPoint = 1;
}

function forgetAfter(history: RunHistory, step: number): void {
  history.done = undefined;
  const keep = countUpTo(history.steps, step);
  const { steps, losses, speeds, rates, gradientNorms } = history;
  for (const column of [steps, losses, speeds, rates, gradientNorms]) column.length = keep;
  history.stepsInLastPoint = history.stepsPerPoint;
  const keepEvals = countUpTo(history.evalSteps, step);
  history.evalSteps.length = keepEvals;
  history.evalLosses.length = keepEvals;
}

function countUpTo(steps: readonly number[], step: number): number {
  let count = steps.length;
  while (count > 0 && (steps[count - 1] ?? 0) > step) count--;
  return count;
}

function halve(history: RunHistory): void {
  const later = (column: number[]): number[] => column.filter((_, index) => index % 2 === 1);
  const mean = (column: number[]): number[] =>
    later(column).map((value, pair) => (value + (column[pair * 2] ?? value)) / 2);
  history.losses = mean(history.losses);
  history.speeds = mean(history.speeds);
  history.rates = mean(history.rates);
  history.gradientNorms = mean(history.gradientNorms);
  history.steps = later(history.steps);
  history.stepsPerPoint *= 2;
}

/** Steps, training loss and held-out loss on one axis; null where one of them has no value. */
export function lossColumns(history: RunHistory): [number[], (number | null)[], (number | null)[]] {
  const steps: number[] = [];
  const train: (number | null)[] = [];
  const heldOut: (number | null)[] = [];
  let t = 0;
  let e = 0;
  while (t < history.steps.length || e < history.evalSteps.length) {
    const trainStep = history.steps[t] ?? Number.POSITIVE_INFINITY;
    const evalStep = history.evalSteps[e] ?? Number.POSITIVE_INFINITY;
    steps.push(Math.min(trainStep, evalStep));
    train.push(trainStep <= evalStep ? (history.losses[t++] ?? null) : null);
    heldOut.push(evalStep <= trainStep ? (history.evalLosses[e++] ?? null) : null);
  }
  return [steps, train, heldOut];
}
