/**
 * Group commit. Calls that arrive while a batch is on its way wait for the next one and share it: alone, a call
 * starts at once; under load the batch grows to what the database needs, and nobody waits longer than two batches.
 */
export interface Batcher<In, Out> {
  /** @throws what `run` threw for this item alone */
  submit(item: In): Promise<Out>;
  /** Calls waiting or on their way. */
  readonly pending: number;
  /** Resolves when nothing is waiting or on its way. */
  idle(): Promise<void>;
}

interface Waiting<In, Out> {
  item: In;
  resolve: (out: Out) => void;
  reject: (error: unknown) => void;
}

/**
 * @param run gets at most `maxBatch` items and returns one result for each, in order; when it throws, nothing was done
 * @param isQuick a batch of one costs next to nothing: a call that is alone does not wait for others of its turn of the event loop
 */
export function createBatcher<In, Out>(
  run: (items: readonly In[]) => Promise<readonly Out[]>,
  maxBatch: number,
  isQuick = false,
): Batcher<In, Out> {
  let queue: Waiting<In, Out>[] = [];
  let running = 0;
  let resting: (() => void)[] = [];

  async function runBatch(batch: readonly Waiting<In, Out>[]): Promise<void> {
    try {
      const results = await run(batch.map((waiting) => waiting.item));
      if (results.length !== batch.length) throw new Error(`batch of ${batch.length} got ${results.length} results`);
      for (const [index, waiting] of batch.entries()) waiting.resolve(results[index] as Out);
    } catch (error) {
      // One bad item must not take its neighbours with it: `run` is all or nothing, so each is tried alone.
      if (batch.length > 1) for (const waiting of batch) await runBatch([waiting]);
      else batch[0]?.reject(error);
    }
  }

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const batch = queue.slice(0, maxBatch);
      queue = queue.slice(maxBatch);
      running = batch.length;
      await runBatch(batch);
    }
    running = 0;
    for (const resolve of resting) resolve();
    resting = [];
  }

  return {
    submit(item) {
      return new Promise((resolve, reject) => {
        queue.push({ item, resolve, reject });
        if (running > 0) return;
        running = 1;
        // One turn of the event loop, so that what arrived together leaves together.
        if (isQuick) void drain();
        else setImmediate(() => void drain());
      });
    },
    get pending() {
      return queue.length + running;
    },
    idle() {
      return queue.length + running === 0 ? Promise.resolve() : new Promise((resolve) => resting.push(resolve));
    },
  };
}
