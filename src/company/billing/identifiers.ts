import { randomBytes } from 'node:crypto';

/** `prefix_` and 32 hex digits: 12 of the time in milliseconds (so that indexes grow at one end), 20 random. */
export function newId(prefix: 'req' | 'cus' | 'key', nowMs: number): string {
  return `${prefix}_${nowMs.toString(16).padStart(12, '0')}${randomBytes(10).toString('hex')}`;
}

/** The usage event of a request: derived, so that a request settled twice meets its own event. */
export function usageEventIdOf(requestId: string): string {
  return `use_${requestId.slice(4)}`;
}
