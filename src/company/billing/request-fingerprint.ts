import { createHash } from 'node:crypto';

/**
 * What makes two requests the same: method, path and body, whatever the order of its fields.
 * @param body a value that JSON can hold
 * @returns SHA-256, 64 hex digits
 * @throws RangeError for a body nested so deeply that it cannot be written
 */
export function fingerprintOf(method: string, path: string, body: unknown): string {
  const canonical = JSON.stringify(body, (_, value: unknown) => withSortedKeys(value));
  return createHash('sha256').update(`${method} ${path}\n${canonical}`).digest('hex');
}

function withSortedKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
