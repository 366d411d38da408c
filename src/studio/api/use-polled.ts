import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiFailure } from './client.js';

export interface Polled<T> {
  /** The last good answer; undefined before the first. */
  readonly data: T | undefined;
  /** Why the latest attempt failed; undefined when it did not. */
  readonly failure: ApiFailure | undefined;
  /** When `data` was read, milliseconds since the epoch. */
  readonly readAtMs: number;
  readonly reload: () => void;
}

const LONGEST_WAIT_MS = 60_000;

/**
 * Reads now and again every `intervalMs` while the page is visible; waits longer after each failure and keeps the
 * last good answer meanwhile. `load` must keep its identity between renders.
 */
export function usePolled<T>(load: (signal: AbortSignal) => Promise<T>, intervalMs: number): Polled<T> {
  const [state, setState] = useState<Omit<Polled<T>, 'reload'>>({ data: undefined, failure: undefined, readAtMs: 0 });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((n) => n + 1), []);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const tick = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        const data = await load(abort.signal);
        failures = 0;
        if (!abort.signal.aborted) setState({ data, failure: undefined, readAtMs: Date.now() });
      } catch (error) {
        if (abort.signal.aborted) return;
        failures++;
        const failure = error instanceof ApiFailure ? error : new ApiFailure(0, '', String(error));
        setState((last) => ({ ...last, failure }));
      }
      if (abort.signal.aborted || document.hidden) return;
      timer = setTimeout(() => void tick(), Math.min(intervalMs * 2 ** failures, LONGEST_WAIT_MS));
    };
    const onVisible = (): void => {
      if (!document.hidden) void tick();
    };
    document.addEventListener('visibilitychange', onVisible);
    void tick();
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [load, intervalMs, round]);
  return { ...state, reload };
}
