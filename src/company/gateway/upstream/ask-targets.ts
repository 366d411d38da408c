/** Asks one target after the other until one begins to answer: what routing, pauses and the retry budget come to. */
import type { Clock } from '../../../base/clock.js';
import type { Rng } from '../../../base/rng.js';
import { AttemptFailure, problemOf, toFailure } from './attempt-failure.js';
import type { CountProblem, InputEstimate } from './final-counts.js';
import { type RetryBudget, pauseMs } from './retry-budget.js';
import type { PooledTarget, TargetPool } from './target-pool.js';
import type { UpstreamModel, UpstreamTarget } from './upstream-file.js';

/** For the owner's log and metrics; holds neither texts of customers nor keys. */
export interface UpstreamProblem {
  readonly kind: CountProblem['kind'] | 'attempt-failed' | 'key-refused' | 'target-opened' | 'target-unfit';
  readonly model: string;
  /** Host and model. */
  readonly target: string;
  readonly message: string;
}

/** What all requests to one model share. */
export interface Serving {
  readonly model: UpstreamModel;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly pool: TargetPool;
  readonly budget: RetryBudget;
  readonly estimate: InputEstimate;
  /** Ends early, without an error, when the signal aborts. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>;
  readonly report: (kind: UpstreamProblem['kind'], target: string, message: string) => void;
}

/** How often all targets are gone through: once as a matter of course, then as far as the budget goes. */
const ROUNDS = 3;
const LONGEST_PAUSE_MS = 10_000;

/** One request to one target. */
export interface TargetAttempt<Part> {
  /** Host and model. */
  readonly label: string;
  /** @returns undefined when nothing more comes @throws AttemptFailure */
  next(): Promise<Part | undefined>;
  /** Must be called at the end. */
  close(): void;
}

export interface Begun<Attempt, Part> {
  readonly attempt: Attempt;
  /** Undefined where the answer is empty, or the customer left before it began. */
  readonly first: Part | undefined;
  readonly wasCut: boolean;
}

/** How one request is put to a target. */
export interface TargetRequest<Attempt> {
  /** Whether it could understand the request. */
  understands(target: UpstreamTarget): boolean;
  /** @returns undefined where the target may not be asked now */
  attemptOn(pooled: PooledTarget): Attempt | undefined;
}

/**
 * Nothing of an answer was seen until its first part, so another target may give it.
 * @returns undefined where the customer left first
 * @throws ApiProblem 400, 429, 503
 */
export async function askTargets<Part, Attempt extends TargetAttempt<Part>>(
  serving: Serving,
  signal: AbortSignal,
  { understands, attemptOn }: TargetRequest<Attempt & TargetAttempt<Part>>,
): Promise<Begun<Attempt, Part> | undefined> {
  const { model, pool, budget, report } = serving;
  let last: AttemptFailure | undefined;
  budget.earn();
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0 && !(await mayRepeat(serving, last, round, signal))) break;
    const order = pool.order().filter(({ target }) => understands(target));
    for (const [at, pooled] of order.entries()) {
      if (signal.aborted) return undefined;
      if (round > 0 && at > 0 && !budget.take()) break;
      const attempt = attemptOn(pooled);
      if (attempt === undefined) continue;
      try {
        return { attempt, first: await attempt.next(), wasCut: false };
      } catch (error) {
        last = toFailure(error);
      }
      if (last.kind === 'left') return { attempt, first: undefined, wasCut: true };
      attempt.close();
      if (last.kind === 'refused') throw problemOf(last, model.modelId, 0);
      reportFailure(report, pooled.label, last);
    }
  }
  if (signal.aborted) return undefined;
  const { waitMs, isLimited } = pool.rest();
  const why = last ?? (isLimited ? new AttemptFailure('limited', 'all targets rest') : undefined);
  throw problemOf(why, model.modelId, waitMs);
}

/** Pauses before a further round, where one may help and the budget has it. */
async function mayRepeat(
  { pool, rng, budget, pause }: Serving,
  last: AttemptFailure | undefined,
  round: number,
  signal: AbortSignal,
): Promise<boolean> {
  if (last === undefined || !['limited', 'unavailable', 'broken'].includes(last.kind)) return false;
  const ms = Math.max(pauseMs(round, rng), pool.rest().waitMs);
  if (ms > LONGEST_PAUSE_MS || !budget.take()) return false;
  await pause(ms, signal);
  return true;
}

export function reportFailure(report: Serving['report'], label: string, failure: AttemptFailure): void {
  const kind = failure.kind === 'unauthorized' ? 'key-refused' : 'attempt-failed';
  report(kind, label, `${failure.kind}: ${failure.message}`);
}
