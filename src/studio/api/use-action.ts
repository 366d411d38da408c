import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import { ApiFailure } from './client.js';

/** Something the reader sets off: at most once at a time, and what went wrong stays in view until the next try. */
export interface Action<Given extends unknown[]> {
  readonly busy: boolean;
  readonly failure: ApiFailure | undefined;
  /** Never rejects. Resolves to whether it worked. */
  run(...given: Given): Promise<boolean>;
}

export function useAction<Given extends unknown[]>(act: (...given: Given) => Promise<unknown>): Action<Given> {
  const [state, setState] = useState<{ busy: boolean; failure: ApiFailure | undefined }>({
    busy: false,
    failure: undefined,
  });
  const latest = useRef(act);
  latest.current = act;
  const underWay = useRef(false);
  const gone = useRef(false);
  useEffect(
    () => () => {
      gone.current = true;
    },
    [],
  );
  const run = useCallback(async (...given: Given): Promise<boolean> => {
    if (underWay.current) return false;
    underWay.current = true;
    setState({ busy: true, failure: undefined });
    const failure = await latest.current(...given).then(
      () => undefined,
      (error: unknown) => (error instanceof ApiFailure ? error : new ApiFailure(0, '', String(error))),
    );
    underWay.current = false;
    if (!gone.current) setState({ busy: false, failure });
    return failure === undefined;
  }, []);
  return { ...state, run };
}
