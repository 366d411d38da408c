import { AttemptFailure } from './attempt-failure.js';
import type { UpstreamTarget } from './upstream-file.js';

export interface TimeLimits {
  /** A part of the answer came. */
  progressed(): void;
  end(): void;
}

/**
 * How long one request to a target may take: to its first token, between tokens, in all.
 * @param isWaiting whether the engine is waited for; a customer who reads slowly is not its fault
 */
export function startTimeLimits(
  { timeoutMs, firstTokenTimeoutMs, idleTimeoutMs }: UpstreamTarget,
  isWaiting: () => boolean,
  cut: (why: AttemptFailure) => void,
): TimeLimits {
  const limit = (what: string, ms: number): NodeJS.Timeout => {
    const timer = setTimeout(() => {
      if (isWaiting()) cut(new AttemptFailure('late', `${what} within ${ms} ms`));
      else timer.refresh();
    }, ms);
    return timer;
  };
  const total = limit('the answer did not end', timeoutMs);
  let phase = limit('no token came', firstTokenTimeoutMs);
  let hasBegun = false;
  return {
    progressed() {
      if (hasBegun) return void phase.refresh();
      hasBegun = true;
      clearTimeout(phase);
      phase = limit('no further token came', idleTimeoutMs);
    },
    end() {
      clearTimeout(total);
      clearTimeout(phase);
    },
  };
}
