/** What a run's history gives the charts: an axis, then a column a line. */
import type { RunHistory } from '../../base/run-history.js';

export type Columns = [number[], ...(number | null)[][]];

/** Steps, training loss, its highest and its lowest, and the held-out loss; null where one of them has no value. */
export function lossColumns({ steps, columns, evalSteps, evalLosses }: RunHistory): Columns {
  const axis: number[] = [];
  const lines: (number | null)[][] = [[], [], [], []];
  let t = 0;
  let e = 0;
  while (t < steps.length || e < evalSteps.length) {
    const trainStep = steps[t] ?? Number.POSITIVE_INFINITY;
    const evalStep = evalSteps[e] ?? Number.POSITIVE_INFINITY;
    const isTrain = trainStep <= evalStep;
    axis.push(Math.min(trainStep, evalStep));
    for (const [line, column] of [columns.losses, columns.lossHighs, columns.lossLows].entries())
      lines[line]?.push(isTrain ? (column[t] ?? null) : null);
    lines[3]?.push(evalStep <= trainStep ? (evalLosses[e] ?? null) : null);
    if (isTrain) t++;
    if (evalStep <= trainStep) e++;
  }
  return [axis, ...lines];
}

/** Steps and some of the columns, as they are now. */
export function columnsOf({ steps, columns }: RunHistory, names: readonly (keyof RunHistory['columns'])[]): Columns {
  return [[...steps], ...names.map((name) => [...columns[name]])];
}
