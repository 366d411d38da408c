import { randomFillSync } from 'node:crypto';

const RANDOM_BYTES = 10;
/** Random bytes are fetched for many ids at once: the call costs more than the bytes. */
const pool = Buffer.alloc(RANDOM_BYTES * 400);
let used = pool.length;

/** `prefix_` and 32 hex digits: 12 of the time in milliseconds (so that indexes grow at one end), 20 random. */
export function newId(prefix: 'req' | 'cus' | 'key', nowMs: number): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  used += RANDOM_BYTES;
  return `${prefix}_${nowMs.toString(16).padStart(12, '0')}${pool.toString('hex', used - RANDOM_BYTES, used)}`;
}

/** The usage event of a request: derived, so that a request settled twice meets its own event. */
export function usageEventIdOf(requestId: string): string {
  return `use_${requestId.slice(4)}`;
}
