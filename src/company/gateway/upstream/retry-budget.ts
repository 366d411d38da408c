/**
 * Bounds how much repeating adds to the load of engines that are in trouble (Finagle's RetryBudget): a share of the requests, and a
 * few a minute so that quiet services repeat at all. The pause before a repetition is AWS's "full jitter".
 */
import type { Clock } from '../../../base/clock.js';
import type { Rng } from '../../../base/rng.js';

export interface RetryBudget {
  /** A request came: it earns its share. */
  earn(): void;
  /** @returns whether one repetition may be made */
  take(): boolean;
}

const SHARE = 0.2;
const PER_MINUTE = 10;
const MOST_SAVED = 100;

export function createRetryBudget(clock: Pick<Clock, 'monotonic'>): RetryBudget {
  let balance = PER_MINUTE;
  let filledAt = clock.monotonic();
  return {
    earn() {
      balance = Math.min(MOST_SAVED, balance + SHARE);
    },
    take() {
      const now = clock.monotonic();
      const filled = balance + ((now - filledAt) / 60_000) * PER_MINUTE;
      balance = Math.max(balance, Math.min(PER_MINUTE, filled));
      filledAt = now;
      if (balance < 1) return false;
      balance--;
      return true;
    },
  };
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

/** @param repetition from 1 */
export function pauseMs(repetition: number, rng: Rng): number {
  return rng.uniform() * Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (repetition - 1));
}
