/** A queue between one producer that cannot wait and one `for await` loop. */
export interface Channel<T> {
  push(value: T): void;
  /** No more values; with an error, the loop throws it after the values before it. */
  end(error?: unknown): void;
  values(onReturn: () => void): AsyncGenerator<T>;
}

export function createChannel<T>(): Channel<T> {
  const queue: T[] = [];
  let ended = false;
  let failure: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const signal = (): void => {
    wake?.();
    wake = undefined;
  };
  return {
    push(value) {
      queue.push(value);
      signal();
    },
    end(error) {
      ended = true;
      if (error !== undefined) failure = { error };
      signal();
    },
    /** @param onReturn called when the loop is left, early or not */
    async *values(onReturn) {
      try {
        for (;;) {
          while (queue.length > 0) yield queue.shift() as T;
          if (failure !== undefined) throw failure.error;
          if (ended) return;
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      } finally {
        onReturn();
      }
    },
  };
}
