import type { Lease, LeaseAsk, RateLeases } from '../src/company/billing/rate-leases.js';

/** The same arithmetic as the database's, in memory, by a clock of the test's. */
export function memoryLeases(
  nowMs: () => number,
): RateLeases & { answer(ask: LeaseAsk): Lease; readonly asks: number } {
  const buckets = new Map<string, { level: number; filledAtMs: number }>();
  let asks = 0;
  const answer = ({ id, kind, perMinute, needed, spare, back }: LeaseAsk): Lease => {
    asks++;
    const name = `${kind} ${id}`;
    const bucket = buckets.get(name) ?? { level: perMinute, filledAtMs: nowMs() };
    const flowed = (Math.max(0, nowMs() - bucket.filledAtMs) * perMinute) / 60_000;
    const amount = Math.min(perMinute, bucket.level + back + flowed);
    const granted =
      needed <= amount + 1e-6 ? needed + Math.floor(Math.min(spare, Math.max(0, amount - needed) / 8)) : 0;
    const left = Math.max(0, amount - granted);
    buckets.set(name, { level: left, filledAtMs: nowMs() });
    return { granted, left };
  };
  return {
    answer,
    lease: async (ask) => answer(ask),
    sweep: async () => undefined,
    get asks() {
      return asks;
    },
  };
}
