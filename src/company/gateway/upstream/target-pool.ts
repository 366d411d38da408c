/** The targets of one model: in which order they are asked, which of them rest, and whether they live. */
import type { Clock } from '../../../base/clock.js';
import type { Rng } from '../../../base/rng.js';
import type { Resolve } from './address-guard.js';
import { type AttemptFailure, type FailureKind } from './attempt-failure.js';
import { type BreakerState, type CircuitBreaker, type Outcome, createCircuitBreaker } from './circuit-breaker.js';
import type { IdentityState } from './engine-identity.js';
import { type IdentityWatch, watchIdentity } from './identity-watch.js';
import { type UpstreamConnection, connectTo } from './upstream-connection.js';
import type { UpstreamModel, UpstreamTarget } from './upstream-file.js';

export interface PooledTarget {
  readonly target: UpstreamTarget;
  readonly connection: UpstreamConnection;
  /** Host and model, for the owner's eyes. */
  readonly label: string;
  /** @returns how to tell what became of the request, once; undefined where the target rests */
  enter(): ((outcome: Outcome, failure?: AttemptFailure) => void) | undefined;
}

export interface TargetHealth {
  readonly target: string;
  readonly state: BreakerState;
  readonly inFlight: number;
  readonly consecutiveFailures: number;
  readonly lastFailure: FailureKind | null;
  /** Milliseconds until it may be asked again. */
  readonly restsMs: number;
  /** Whether it is what the file says; undefined where that is not asked. */
  readonly identity: IdentityState | undefined;
  /** Why it is not used, whatever its breaker says; null where it may be. */
  readonly unfit: string | null;
}

export interface TargetPool {
  /** By priority; within one, drawn by weight without putting back (Efraimidis & Spirakis 2006). */
  order(): PooledTarget[];
  /** Milliseconds until one of them may be asked; and whether they said so themselves, or failed too often. */
  rest(): { readonly waitMs: number; readonly isLimited: boolean };
  health(): TargetHealth[];
  /** Asks every target with a known engine whether it is what the file says. Until then none of those is used. Never throws. */
  checkIdentities(): Promise<void>;
  close(): void;
}

export interface PoolSettings {
  readonly clock: Clock;
  readonly rng: Rng;
  /** How often targets that are not used, or have not been looked at for long, are; 0 never. */
  readonly probeIntervalMs: number;
  readonly resolve: Resolve | undefined;
  /** A target became too bad to be asked. */
  readonly onOpened: (label: string) => void;
  /** A target may not be used, and why. */
  readonly onUnfit: (label: string, problem: string) => void;
}

interface Seat extends PooledTarget {
  readonly breaker: CircuitBreaker;
  readonly identity: IdentityWatch;
  restsMs(): number;
  health(): TargetHealth;
}

/** One customer's long prompt may be what it does not want for an hour; the others' requests are not. */
const LONGEST_REST_MS = 60_000;
/** Until a target that is not what it should be is looked at again, where nothing else is known. */
const UNFIT_REST_MS = 10_000;

export function createTargetPool(model: UpstreamModel, settings: PoolSettings): TargetPool {
  const { rng, probeIntervalMs } = settings;
  const seats = model.targets.map((target) => createSeat(model, target, settings));
  const probe = async ({ breaker, connection, identity }: Seat): Promise<void> => {
    const isOpen = breaker.state === 'open';
    // what comes back may be another one
    if (identity.isDue || (isOpen && identity.state !== undefined)) await identity.check(isOpen);
    if (isOpen && identity.isUsable && (identity.state === 'right' || (await connection.probe()))) breaker.sawLife();
  };
  const timer =
    probeIntervalMs > 0 ? setInterval(() => void Promise.all(seats.map(probe)), probeIntervalMs) : undefined;
  timer?.unref();
  return {
    order() {
      if (seats.length === 1) return [...seats];
      const drawn = seats.map((seat) => ({ seat, key: -Math.log(1 - rng.uniform()) / seat.target.weight }));
      drawn.sort((a, b) => a.seat.target.priority - b.seat.target.priority || a.key - b.key);
      return drawn.map(({ seat }) => seat);
    },
    rest() {
      const waits = seats.map((seat) => seat.restsMs());
      const waitMs = Math.min(...waits);
      const { breaker, identity } = seats[waits.indexOf(waitMs)] as Seat;
      return { waitMs, isLimited: identity.isUsable && breaker.waitMs < waitMs };
    },
    health: () => seats.map((seat) => seat.health()),
    checkIdentities: async () => void (await Promise.all(seats.map(({ identity }) => identity.check(false)))),
    close() {
      clearInterval(timer);
      for (const { connection } of seats) connection.close();
    },
  };
}

function createSeat(model: UpstreamModel, target: UpstreamTarget, settings: PoolSettings): Seat {
  const { clock, resolve, onOpened, onUnfit } = settings;
  const breaker = createCircuitBreaker(clock);
  const label = `${new URL(target.url).host} ${target.model}`;
  let inFlight = 0;
  let lastFailure: FailureKind | null = null;
  /** It said itself for how long it does not want to be asked. */
  let limitedUntil = -Infinity;
  const connection = connectTo(target, resolve);
  const identity = watchIdentity(model, target, connection, { clock, onChange: (problem) => onUnfit(label, problem) });
  const restsMs = (): number =>
    Math.max(breaker.waitMs, limitedUntil - clock.monotonic(), identity.isUsable ? 0 : UNFIT_REST_MS);
  return {
    target,
    breaker,
    label,
    connection,
    identity,
    restsMs,
    enter() {
      if (restsMs() > 0) return undefined;
      const tell = breaker.enter();
      if (tell === undefined) return undefined;
      inFlight++;
      return (outcome, failure) => {
        inFlight--;
        if (failure?.retryAfterMs !== undefined)
          limitedUntil = clock.monotonic() + Math.min(LONGEST_REST_MS, failure.retryAfterMs);
        if (failure !== undefined && failure.kind !== 'left') lastFailure = failure.kind;
        const before = breaker.state;
        tell(outcome);
        if (before !== 'open' && breaker.state === 'open') onOpened(label);
      };
    },
    health: () => ({
      target: label,
      state: breaker.state,
      inFlight,
      consecutiveFailures: breaker.consecutiveFailures,
      lastFailure,
      restsMs: restsMs(),
      identity: identity.state,
      unfit: identity.problem,
    }),
  };
}
