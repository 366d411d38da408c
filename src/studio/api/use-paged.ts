import { useCallback, useEffect, useState } from 'preact/hooks';
import { ApiFailure } from './client.js';
import { useAction } from './use-action.js';
import type { Polled } from './use-polled.js';

export interface Page<T> {
  readonly rows: readonly T[];
  readonly nextBefore: string | null;
}

/** A list that goes from new to old and grows at its end when the reader asks for more. */
export interface Paged<T> {
  /** What was read so far, as `Loaded` shows it. */
  readonly source: Polled<readonly T[]>;
  /** Undefined at the end of the list. */
  readonly more: (() => void) | undefined;
  readonly busy: boolean;
  readonly failure: ApiFailure | undefined;
}

/** @param load reads the page before the cursor; has to keep its identity between renders */
export function usePaged<T>(load: (before: string | null, signal?: AbortSignal) => Promise<Page<T>>): Paged<T> {
  const [page, setPage] = useState<{ page: Page<T> | undefined; failure: ApiFailure | undefined; readAtMs: number }>({
    page: undefined,
    failure: undefined,
    readAtMs: 0,
  });
  const [round, setRound] = useState(0);
  const reload = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => {
    const abort = new AbortController();
    load(null, abort.signal).then(
      (first) => setPage({ page: first, failure: undefined, readAtMs: Date.now() }),
      (error: unknown) => {
        if (abort.signal.aborted) return;
        const failure = error instanceof ApiFailure ? error : new ApiFailure(0, '', String(error));
        setPage((last) => ({ ...last, failure }));
      },
    );
    return () => abort.abort();
  }, [load, round]);
  const next = useAction(async (before: string) => {
    const { rows, nextBefore } = await load(before);
    setPage((last) => ({ ...last, page: { rows: [...(last.page?.rows ?? []), ...rows], nextBefore } }));
  });
  const before = page.page?.nextBefore ?? null;
  return {
    source: { data: page.page?.rows, failure: page.failure, readAtMs: page.readAtMs, reload },
    more: before === null ? undefined : () => void next.run(before),
    busy: next.busy,
    failure: next.failure,
  };
}
