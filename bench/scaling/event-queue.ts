/** A clock that jumps from event to event, and what things wait for: cores, a disk, a lock. Times are milliseconds. */

export interface Simulation {
  now(): number;
  after(delayMs: number, done: () => void): void;
  /** Runs until no event is left before `untilMs`. */
  run(untilMs: number): void;
}

/** Events in a binary heap; of equal times the earlier one first. */
export function createSimulation(): Simulation {
  const heap: { at: number; order: number; done: () => void }[] = [];
  let now = 0;
  let order = 0;
  const isBefore = (a: number, b: number): boolean => {
    const [left, right] = [heap[a], heap[b]];
    if (left === undefined || right === undefined) return false;
    return left.at < right.at || (left.at === right.at && left.order < right.order);
  };
  const swap = (a: number, b: number): void => {
    const [left, right] = [heap[a], heap[b]];
    if (left !== undefined && right !== undefined) [heap[a], heap[b]] = [right, left];
  };
  const sink = (): void => {
    for (let at = 0; ;) {
      let first = at;
      for (const child of [2 * at + 1, 2 * at + 2]) if (isBefore(child, first)) first = child;
      if (first === at) return;
      swap(at, first);
      at = first;
    }
  };
  return {
    now: () => now,
    after(delayMs, done) {
      heap.push({ at: now + delayMs, order: order++, done });
      for (let at = heap.length - 1; at > 0 && isBefore(at, (at - 1) >> 1); at = (at - 1) >> 1) swap(at, (at - 1) >> 1);
    },
    run(untilMs) {
      for (let next = heap[0]; next !== undefined && next.at <= untilMs; next = heap[0]) {
        const last = heap.pop();
        if (last !== undefined && heap.length > 0) {
          heap[0] = last;
          sink();
        }
        now = next.at;
        next.done();
      }
      now = untilMs;
    },
  };
}

export interface Servers {
  /** Takes one of them for so long, first come first served. */
  use(forMs: number, done: () => void): void;
  /** Share of all of them that was busy since the beginning. */
  utilization(): number;
}

export function createServers(simulation: Simulation, count: number): Servers {
  const waiting: { forMs: number; done: () => void }[] = [];
  let head = 0;
  let free = count;
  let busyMs = 0;
  const begin = ({ forMs, done }: { forMs: number; done: () => void }): void => {
    free--;
    busyMs += forMs;
    simulation.after(forMs, () => {
      free++;
      const next = waiting[head];
      if (next !== undefined) {
        head++;
        if (head > 10_000) {
          waiting.splice(0, head);
          head = 0;
        }
        begin(next);
      }
      done();
    });
  };
  return {
    use(forMs, done) {
      if (free > 0) begin({ forMs, done });
      else waiting.push({ forMs, done });
    },
    utilization: () => busyMs / (count * Math.max(simulation.now(), 1e-9)),
  };
}

/** One at a time does something that takes as long as it takes. */
export function createLock(): { hold(work: (release: () => void) => void): void } {
  const waiting: ((release: () => void) => void)[] = [];
  let held = false;
  const release = (): void => {
    const next = waiting.shift();
    if (next === undefined) held = false;
    else next(release);
  };
  return {
    hold(work) {
      if (held) waiting.push(work);
      else {
        held = true;
        work(release);
      }
    },
  };
}

/** A log on disk: who comes while a flush is on its way shares the next one. */
export function createDisk(simulation: Simulation, flushMs: () => number): { flush(done: () => void): void } {
  let waiting: (() => void)[] = [];
  let isBusy = false;
  const begin = (): void => {
    const shared = waiting;
    waiting = [];
    isBusy = true;
    simulation.after(flushMs(), () => {
      isBusy = false;
      if (waiting.length > 0) begin();
      for (const done of shared) done();
    });
  };
  return {
    flush(done) {
      waiting.push(done);
      if (!isBusy) begin();
    },
  };
}

/** Calls wait while a batch is on its way, and share the next one, as in `src/company/billing/batcher.ts`. */
export function createLane(
  mostInBatch: number,
  run: (count: number, done: () => void) => void,
): { submit(done: () => void): void; sizes: number[] } {
  let queue: (() => void)[] = [];
  let isRunning = false;
  const sizes: number[] = [];
  const begin = (): void => {
    const batch = queue.slice(0, mostInBatch);
    queue = queue.slice(mostInBatch);
    isRunning = true;
    sizes.push(batch.length);
    run(batch.length, () => {
      isRunning = false;
      for (const done of batch) done();
      if (!isRunning && queue.length > 0) begin();
    });
  };
  return {
    sizes,
    submit(done) {
      queue.push(done);
      if (!isRunning) begin();
    },
  };
}
