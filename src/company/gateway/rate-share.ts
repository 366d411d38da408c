/**
 * A gateway's share of one limit a minute. Requests take from it without asking anybody; when it runs low it is filled up from what
 * all gateways have together, and what lies idle goes back.
 */
import type { Clock } from '../../base/clock.js';
import type { Lease, LeaseAsk, RateLeases } from '../billing/rate-leases.js';

/** Of a minute's figure, the most that a gateway holds for requests to come. Small limits are asked for one by one. */
export const SHARES_A_MINUTE = 20;
/** After this long without a request a share goes back. */
const IDLE_MS = 1000;
const FORGOTTEN_MS = 60_000;
/** What was left for all is believed for so long: a flood of refused requests asks the database once a second. */
const BELIEVED_MS = 1000;
/** A share that could not be filled up is not tried again at once. */
const PAUSE_MS = 100;
const MINUTE_MS = 60_000;

export type RateKind = LeaseAsk['kind'];

export interface RateShare {
  readonly kind: RateKind;
  readonly perMinute: number;
  /** What is left of the minute as far as is known here. */
  left(): number;
  /** Takes it, or nothing. Resolves at once where the share holds it. */
  take(amount: number): boolean | Promise<boolean>;
  /** It was taken and not used. */
  put(amount: number): void;
  /** Sends back what is too much or idle, if anything. @param all whatever is held */
  settle(all: boolean): Promise<void> | undefined;
  /** It holds nothing, and nobody has asked for a while. */
  isForgettable(): boolean;
}

export function createRateShare(
  { id, kind, perMinute }: Pick<LeaseAsk, 'id' | 'kind' | 'perMinute'>,
  leases: Pick<RateLeases, 'lease'>,
  { monotonic }: Pick<Clock, 'monotonic'>,
): RateShare {
  const most = Math.floor(perMinute / SHARES_A_MINUTE);
  let held = 0;
  let back = 0;
  let isFilling = false;
  let usedAtMs = monotonic();
  let pausedUntilMs = 0;
  /** What was left for all gateways, and when. */
  let known: { readonly left: number; readonly atMs: number } | undefined;

  const leftForAll = (): number =>
    known === undefined ? 0 : Math.min(perMinute, known.left + ((monotonic() - known.atMs) * perMinute) / MINUTE_MS);
  const keep = (amount: number): void => {
    held += amount;
    back += Math.max(0, held - most);
    held = Math.min(held, most);
  };
  const lease = async (needed: number, spare: number): Promise<Lease> => {
    const ask = { id, kind, perMinute, needed, spare, back };
    back = 0;
    const answer = await leases.lease(ask);
    known = { left: answer.left, atMs: monotonic() };
    return answer;
  };
  /** One request at a time asks for a spare as well. */
  const leaseWithSpare = async (needed: number): Promise<Lease> => {
    if (isFilling) return lease(needed, 0);
    isFilling = true;
    try {
      return await lease(needed, Math.max(0, most - held));
    } finally {
      isFilling = false;
    }
  };
  const fillUp = (): void => {
    if (isFilling || held * 2 >= most || monotonic() < pausedUntilMs) return;
    pausedUntilMs = monotonic() + PAUSE_MS;
    leaseWithSpare(0).then(
      ({ granted }) => {
        keep(granted);
        if (granted > 0) pausedUntilMs = 0;
      },
      // the request that finds nothing here asks again, and hears of it
      () => undefined,
    );
  };
  /** @returns whether there was enough */
  const takeLeased = async (amount: number): Promise<boolean> => {
    const own = held;
    held = 0;
    try {
      const { granted } = await leaseWithSpare(amount - own);
      const isEnough = granted >= amount - own;
      keep(isEnough ? granted + own - amount : own);
      return isEnough;
    } catch (error) {
      keep(own);
      throw error;
    }
  };
  return {
    kind,
    perMinute,
    left: () => Math.min(perMinute, held + back + leftForAll()),
    take(amount) {
      usedAtMs = monotonic();
      if (held >= amount) {
        held -= amount;
        fillUp();
        return true;
      }
      const isFresh = known !== undefined && monotonic() - known.atMs < BELIEVED_MS;
      return isFresh && held + back + leftForAll() < amount ? false : takeLeased(amount);
    },
    put: keep,
    settle(all) {
      if (all || monotonic() - usedAtMs >= IDLE_MS) {
        back += held;
        held = 0;
      }
      return back > 0 ? lease(0, 0).then(() => undefined) : undefined;
    },
    isForgettable: () => held === 0 && back === 0 && !isFilling && monotonic() - usedAtMs >= FORGOTTEN_MS,
  };
}
