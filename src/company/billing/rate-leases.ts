/** Shares of limits a minute, leased to a gateway from what all gateways of a database have together. */
import { invariant } from '../../base/errors.js';
import type { Database, Sql } from '../store/database.js';
import { createBatcher } from './batcher.js';

export interface LeaseAsk {
  /** Of the limit. */
  readonly id: string;
  readonly kind: 'requests' | 'tokens';
  readonly perMinute: number;
  /** Leased whole or not at all. */
  readonly needed: number;
  /** Wanted beside it, for requests to come; of what is left an eighth at most. */
  readonly spare: number;
  /** Was leased and not used. */
  readonly back: number;
}

export interface Lease {
  /** 0 where less was there than needed. */
  readonly granted: number;
  /** What is left now for all gateways. */
  readonly left: number;
}

/** What every gateway leases from. */
export interface RateLeases {
  /** @throws where the database cannot be reached; what was then granted is lost until it flows in again */
  lease(ask: LeaseAsk): Promise<Lease>;
  /** Forgets buckets that nobody has leased from for two minutes: they are full, and begin full. */
  sweep(): Promise<void>;
}

const MAX_BATCH = 64;

/** One round trip for all that is asked at one time. */
export function createRateLeases(database: Database): RateLeases {
  const lane = database.lane();
  const batcher = createBatcher<LeaseAsk, Lease>((asks) => leaseAll(lane, asks), MAX_BATCH);
  return {
    lease: (ask) => batcher.submit(ask),
    async sweep() {
      await lane`
        delete from moat.rate_buckets where (limit_id, kind) in (
          select limit_id, kind from moat.rate_buckets where filled_at < now() - interval '2 minutes' for update skip locked)`;
    },
  };
}

/** @param at the moment, for a test; default the database's clock */
export async function leaseAll(sql: Sql, asks: readonly LeaseAsk[], at: Date | null = null): Promise<Lease[]> {
  const rows = await sql<{ place: number; granted: number; level: number }[]>`
    select * from moat.lease_rates(${JSON.stringify(
      asks.map(({ perMinute, ...ask }) => ({ ...ask, per_minute: perMinute })),
    )}::text::jsonb, ${at})`;
  const leases: Lease[] = [];
  for (const { place, granted, level } of rows) leases[place] = { granted, left: level };
  invariant(rows.length === asks.length, 'every lease is answered once');
  return leases;
}
