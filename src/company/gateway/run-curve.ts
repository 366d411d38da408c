import { readFile, stat } from 'node:fs/promises';
import type { RunCurve } from './api-types.js';
import { eventsFileOf, parseEvents } from './run-reader.js';

/** The losses of a run in few points, for charts of several runs; knows nothing of HTTP. */

const MAX_POINTS = 1000;
const MAX_READ_BYTES = 64 * 1024 * 1024;

/** Undefined where there is no such run, or its events have more than 64 MB. */
export async function readRunCurve(runsDirectory: string, name: string): Promise<RunCurve | undefined> {
  const file = eventsFileOf(runsDirectory, name);
  const facts = file === undefined ? undefined : await stat(file).catch(() => undefined);
  if (file === undefined || facts === undefined || facts.size > MAX_READ_BYTES) return undefined;
  const training: Point[] = [];
  const validation: Point[] = [];
  for (const event of parseEvents(await readFile(file, 'utf8'))) {
    // what a resumed run repeats counts as it was done last
    if (event.type === 'start') for (const points of [training, validation]) forgetAfter(points, event.resumedFromStep);
    if (event.type === 'step') training.push([event.step, event.loss]);
    if (event.type === 'eval') validation.push([event.step, event.loss]);
  }
  return { name, training: thinned(training), validation: thinned(validation) };
}

type Point = [step: number, loss: number];

function forgetAfter(points: Point[], step: number): void {
  while ((points.at(-1)?.[0] ?? 0) > step) points.pop();
}

/** Neighbours are averaged, each group standing at its last step. */
function thinned(points: readonly Point[]): Point[] {
  const width = Math.ceil(points.length / MAX_POINTS);
  if (width <= 1) return [...points];
  return Array.from({ length: Math.ceil(points.length / width) }, (_, group) => {
    const part = points.slice(group * width, (group + 1) * width);
    const mean = part.reduce((sum, [, loss]) => sum + loss, 0) / part.length;
    return [part.at(-1)?.[0] ?? 0, mean];
  });
}
