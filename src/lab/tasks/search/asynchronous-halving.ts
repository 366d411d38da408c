/**
 * Asynchronous successive halving (Li et al. 2018), by stopping: trials that run side by side are measured at the same few
 * steps, and one goes on past such a rung only while it is among the best of those that have come so far. Nobody waits.
 */
export interface Halving {
  /** Steps at which trials are compared, all of them multiples of the first; the last step is none. */
  readonly rungs: readonly number[];
  /** Whether a trial with this loss at a step should end; never between rungs. */
  isLoser(step: number, loss: number): boolean;
}

/** Each rung lets a third pass, after three times the steps of the one before. */
const KEEP = 3;
/** Fewer than these say nothing about each other. */
const LEAST_COMPARED = 3;

/** @param steps of a whole trial */
export function createHalving(steps: number): Halving {
  const first = Math.ceil(steps / KEEP ** 2);
  const rungs = [first, first * KEEP].filter((step) => step < steps);
  const reached = new Map(rungs.map((step): [number, number[]] => [step, []]));
  return {
    rungs,
    isLoser(step, loss) {
      const losses = reached.get(step);
      if (losses === undefined) return false;
      losses.push(loss);
      if (losses.length < LEAST_COMPARED) return false;
      const better = losses.filter((other) => other < loss).length;
      // a loss that is not a number is better than none
      return Number.isNaN(loss) || better >= Math.ceil(losses.length / KEEP);
    },
  };
}
