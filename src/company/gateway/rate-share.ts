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

export class RateShare {
  readonly kind: RateKind;
  readonly perMinute: number;
  readonly #id: string;
  readonly #leases: Pick<RateLeases, 'lease'>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  /** The most that is held. */
  readonly #most: number;
  #held = 0;
  /** On its way back with the next question. */
  #back = 0;
  #isFilling = false;
  #usedAtMs: number;
  #pausedUntilMs = 0;
  /** What was left for all gateways, and when. */
  #known: { readonly left: number; readonly atMs: number } | undefined;

  constructor(
    { id, kind, perMinute }: Pick<LeaseAsk, 'id' | 'kind' | 'perMinute'>,
    leases: Pick<RateLeases, 'lease'>,
    clock: Pick<Clock, 'monotonic'>,
  ) {
    this.kind = kind;
    this.perMinute = perMinute;
    this.#id = id;
    this.#leases = leases;
    this.#clock = clock;
    this.#most = Math.floor(perMinute / SHARES_A_MINUTE);
    this.#usedAtMs = clock.monotonic();
  }

  /** What is left of the minute, as far as is known here. */
  get left(): number {
    return Math.min(this.perMinute, this.#held + this.#back + this.#leftForAll());
  }

  /** Takes it, or nothing; at once where the share holds it. @throws where the database cannot be asked */
  take(amount: number): boolean | Promise<boolean> {
    this.#usedAtMs = this.#clock.monotonic();
    if (this.#held >= amount) {
      this.#held -= amount;
      this.#fillUp();
      return true;
    }
    const isFresh = this.#known !== undefined && this.#usedAtMs - this.#known.atMs < BELIEVED_MS;
    return isFresh && this.left < amount ? false : this.#takeLeased(amount);
  }

  /** It was taken and not used. */
  put(amount: number): void {
    this.#held += amount;
    this.#back += Math.max(0, this.#held - this.#most);
    this.#held = Math.min(this.#held, this.#most);
  }

  /** Sends back what is too much or idle, if anything. @param all whatever is held */
  settle(all: boolean): Promise<unknown> | undefined {
    if (all || this.#idleMs() >= IDLE_MS) {
      this.#back += this.#held;
      this.#held = 0;
    }
    return this.#back > 0 ? this.#lease(0, 0) : undefined;
  }

  /** It holds nothing, and nobody has asked for a while. */
  isForgettable(): boolean {
    return this.#held === 0 && this.#back === 0 && !this.#isFilling && this.#idleMs() >= FORGOTTEN_MS;
  }

  #idleMs(): number {
    return this.#clock.monotonic() - this.#usedAtMs;
  }

  #leftForAll(): number {
    if (this.#known === undefined) return 0;
    const elapsedMs = this.#clock.monotonic() - this.#known.atMs;
    return Math.min(this.perMinute, this.#known.left + (elapsedMs * this.perMinute) / MINUTE_MS);
  }

  #fillUp(): void {
    if (this.#isFilling || this.#held * 2 >= this.#most || this.#clock.monotonic() < this.#pausedUntilMs) return;
    this.#pausedUntilMs = this.#clock.monotonic() + PAUSE_MS;
    this.#leaseWithSpare(0).then(
      ({ granted }) => {
        this.put(granted);
        if (granted > 0) this.#pausedUntilMs = 0;
        return granted;
      },
      // the request that finds nothing here asks again, and hears of it
      () => undefined,
    );
  }

  async #takeLeased(amount: number): Promise<boolean> {
    const own = this.#held;
    this.#held = 0;
    try {
      const { granted } = await this.#leaseWithSpare(amount - own);
      const isEnough = granted >= amount - own;
      this.put(isEnough ? granted + own - amount : own);
      return isEnough;
    } catch (error) {
      this.put(own);
      throw error;
    }
  }

  /** One question at a time asks for a spare as well. */
  async #leaseWithSpare(needed: number): Promise<Lease> {
    if (this.#isFilling) return this.#lease(needed, 0);
    this.#isFilling = true;
    try {
      return await this.#lease(needed, this.#most - this.#held);
    } finally {
      this.#isFilling = false;
    }
  }

  async #lease(needed: number, spare: number): Promise<Lease> {
    const { kind, perMinute } = this;
    const ask = { id: this.#id, kind, perMinute, needed, spare, back: this.#back };
    this.#back = 0;
    const answer = await this.#leases.lease(ask);
    this.#known = { left: answer.left, atMs: this.#clock.monotonic() };
    return answer;
  }
}
