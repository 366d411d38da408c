/**
 * Stops asking a target that fails (Nygard, "Release It!"): closed while it works; open after too many failures; half-open when it
 * may be tried again, by one request at a time.
 */
import type { Clock } from '../../../base/clock.js';

export type BreakerState = 'closed' | 'open' | 'half-open';

/** `neither` says nothing about the target: a customer left, or the request was at fault. */
export type Outcome = 'success' | 'failure' | 'neither';

export interface CircuitBreaker {
  readonly state: BreakerState;
  readonly consecutiveFailures: number;
  /** Milliseconds until it may be tried; 0 where it may be now. */
  readonly waitMs: number;
  /** @returns how to tell what became of the request, once; undefined where it may not go */
  enter(): ((outcome: Outcome) => void) | undefined;
  /** Somebody saw the target answer: it may be tried before its time. */
  sawLife(): void;
}

const CONSECUTIVE_FAILURES = 5;
/** Of the latest outcomes, when there are this many. */
const WINDOW = 20;
const FAILURES_OF_WINDOW = 10;
const FIRST_REST_MS = 5_000;
const LONGEST_REST_MS = 60_000;

export function createCircuitBreaker(clock: Pick<Clock, 'monotonic'>): CircuitBreaker {
  let openUntil: number | undefined;
  let isTrying = false;
  let restMs = FIRST_REST_MS;
  let consecutiveFailures = 0;
  let failures: boolean[] = [];

  const waitMs = (): number => (openUntil === undefined ? 0 : Math.max(0, openUntil - clock.monotonic()));
  const open = (): void => {
    openUntil = clock.monotonic() + restMs;
    restMs = Math.min(LONGEST_REST_MS, restMs * 2);
    failures = [];
  };
  const close = (): void => {
    openUntil = undefined;
    restMs = FIRST_REST_MS;
  };
  const note = (failed: boolean): void => {
    consecutiveFailures = failed ? consecutiveFailures + 1 : 0;
    failures.push(failed);
    if (failures.length > WINDOW) failures.shift();
    const isBad = failures.length === WINDOW && failures.filter(Boolean).length >= FAILURES_OF_WINDOW;
    if (consecutiveFailures >= CONSECUTIVE_FAILURES || isBad) open();
  };

  return {
    get state() {
      if (openUntil === undefined) return 'closed';
      return waitMs() > 0 ? 'open' : 'half-open';
    },
    get consecutiveFailures() {
      return consecutiveFailures;
    },
    get waitMs() {
      return waitMs();
    },
    enter() {
      const isTrial = openUntil !== undefined;
      if (isTrial && (isTrying || waitMs() > 0)) return undefined;
      isTrying = isTrial;
      return (outcome) => {
        if (isTrial) isTrying = false;
        // what began before it opened says nothing of now
        else if (openUntil !== undefined) return;
        if (outcome === 'neither') return;
        if (isTrial && outcome === 'success') close();
        note(outcome === 'failure');
      };
    },
    sawLife() {
      if (openUntil !== undefined) openUntil = clock.monotonic();
    },
  };
}
