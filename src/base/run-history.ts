/**
 * What a run's events add up to, in bounded memory: at `MAX_POINTS` points neighbours are joined and from then on each
 * point stands for twice as many steps. The mean, the lowest and the highest loss of its steps stay, so that a long run
 * stays whole, no spike is lost, and only the resolution falls. The gateway keeps one a run and hands it out as JSON;
 * the studio goes on from there with each event that comes.
 */
import {
  type DoneEvent,
  type EvalEvent,
  type RunEvent,
  type SampleEvent,
  type StartEvent,
  type StepEvent,
  isOvertaken,
} from './run-events.js';

const MAX_POINTS = 2000;
const MAX_EVALS = 2000;
const MAX_SAMPLES = 120;

type Blend = 'mean' | 'low' | 'high';

/** What is drawn over the steps, and how the steps of one point become one value. */
const COLUMNS = {
  losses: { of: (event) => event.loss, blend: 'mean' },
  lossLows: { of: (event) => event.loss, blend: 'low' },
  lossHighs: { of: (event) => event.loss, blend: 'high' },
  gradientNorms: { of: (event) => event.gradientNorm, blend: 'mean' },
  gradientNormLows: { of: (event) => event.gradientNorm, blend: 'low' },
  gradientNormHighs: { of: (event) => event.gradientNorm, blend: 'high' },
  speeds: { of: (event) => event.tokensPerSecond, blend: 'mean' },
  /** Share of the highest learning rate. */
  rates: { of: (event) => event.learningRateScale, blend: 'mean' },
  /** Bytes; null in runs from before they were measured. */
  memory: { of: (event) => event.residentBytes ?? null, blend: 'high' },
} satisfies Record<string, { of: (event: StepEvent) => number | null; blend: Blend }>;

export type RunColumn = keyof typeof COLUMNS;
const LIST = (Object.keys(COLUMNS) as RunColumn[]).map((name) => ({ name, ...COLUMNS[name] }));

export interface RunHistory {
  /** The last step of each point. */
  steps: number[];
  /** As long as `steps`, each. */
  columns: Record<RunColumn, (number | null)[]>;
  /** A power of two. */
  stepsPerPoint: number;
  /** Steps in the last point so far. */
  stepsInLastPoint: number;
  evalSteps: number[];
  evalLosses: number[];
  /** Of a step, one for each text. Those of the first step and the newest are always among them. */
  samples: SampleEvent[];
  /** Of the run's first process; a resumed run has one more of each. */
  startedAt: string | null;
  start: StartEvent | null;
  lastStep: StepEvent | null;
  lastEval: EvalEvent | null;
  /** null while it trains. */
  done: DoneEvent | null;
  /** The newest so far; 0 where Moat alone has trained the run. */
  attempt: number;
}

export function emptyHistory(): RunHistory {
  return {
    steps: [],
    columns: {
      losses: [],
      lossLows: [],
      lossHighs: [],
      gradientNorms: [],
      gradientNormLows: [],
      gradientNormHighs: [],
      speeds: [],
      rates: [],
      memory: [],
    },
    stepsPerPoint: 1,
    stepsInLastPoint: 0,
    evalSteps: [],
    evalLosses: [],
    samples: [],
    startedAt: null,
    start: null,
    lastStep: null,
    lastEval: null,
    done: null,
    attempt: 0,
  };
}

/** Adds one event in place. A resumed run repeats the steps after its checkpoint: the newer ones count. */
export function addEvent(history: RunHistory, event: RunEvent): void {
  if (isOvertaken(event, history.attempt)) return;
  history.attempt = Math.max(history.attempt, event.attempt ?? 0);
  switch (event.type) {
    case 'start':
      forgetAfter(history, event.resumedFromStep);
      history.startedAt ??= event.time;
      history.start = event;
      return;
    case 'step':
      if (event.step <= (history.steps.at(-1) ?? 0)) forgetAfter(history, event.step - 1);
      addStep(history, event);
      history.lastStep = event;
      return;
    case 'eval':
      history.evalSteps.push(event.step);
      history.evalLosses.push(event.loss);
      history.lastEval = event;
      if (history.evalSteps.length > MAX_EVALS) {
        history.evalSteps = everySecond(history.evalSteps);
        history.evalLosses = everySecond(history.evalLosses);
      }
      return;
    case 'sample':
      history.samples.push(event);
      if (history.samples.length > MAX_SAMPLES) history.samples = ofEverySecondStep(history.samples);
      return;
    case 'done':
      history.done = event;
      return;
    case 'checkpoint':
  }
}

function addStep(history: RunHistory, event: StepEvent): void {
  const { columns } = history;
  const last = history.steps.length - 1;
  if (last >= 0 && history.stepsInLastPoint < history.stepsPerPoint) {
    const count = ++history.stepsInLastPoint;
    history.steps[last] = event.step;
    for (const { name, of, blend } of LIST) {
      const column = columns[name];
      column[last] = joined(column[last] ?? null, of(event), blend, 1 / count);
    }
    return;
  }
  if (history.steps.length >= MAX_POINTS) halve(history);
  history.steps.push(event.step);
  for (const { name, of } of LIST) columns[name].push(of(event));
  history.stepsInLastPoint = 1;
}

/** @param share of `b` in a mean */
function joined(a: number | null, b: number | null, blend: Blend, share: number): number | null {
  if (a === null || b === null) return a ?? b;
  if (blend === 'mean') return a + (b - a) * share;
  return blend === 'low' ? Math.min(a, b) : Math.max(a, b);
}

function forgetAfter(history: RunHistory, step: number): void {
  history.done = null;
  const keep = countUpTo(history.steps, step);
  history.steps.length = keep;
  for (const { name } of LIST) history.columns[name].length = keep;
  history.stepsInLastPoint = history.stepsPerPoint;
  const keepEvals = countUpTo(history.evalSteps, step);
  history.evalSteps.length = keepEvals;
  history.evalLosses.length = keepEvals;
  history.samples = history.samples.filter((sample) => sample.step <= step);
}

function countUpTo(steps: readonly number[], step: number): number {
  let count = steps.length;
  while (count > 0 && (steps[count - 1] ?? 0) > step) count--;
  return count;
}

/** Joins each two points; their number is even. */
function halve(history: RunHistory): void {
  for (const { name, blend } of LIST) {
    const column = history.columns[name];
    history.columns[name] = Array.from({ length: column.length >> 1 }, (_, pair) =>
      joined(column[pair * 2] ?? null, column[pair * 2 + 1] ?? null, blend, 1 / 2),
    );
  }
  history.steps = history.steps.filter((_, index) => index % 2 === 1);
  history.stepsPerPoint *= 2;
}

/** All of a step stay, or none. */
function ofEverySecondStep(samples: readonly SampleEvent[]): SampleEvent[] {
  const kept = new Set(everySecond([...new Set(samples.map(({ step }) => step))]));
  return samples.filter(({ step }) => kept.has(step));
}

/** The first and the last stay. */
const everySecond = <T>(list: readonly T[]): T[] =>
  list.filter((_, index) => index % 2 === 0 || index === list.length - 1);
