/** What the workers say on their output, wherever it is read: events and the one error, a line each. */
import { MoatError } from '../../base/errors.js';
import type { RunEvent } from '../../base/run-events.js';

export type WorkerLine =
  { readonly kind: 'event'; readonly event: RunEvent } | { readonly kind: 'error'; readonly error: MoatError };

/** A launcher may have put a prefix with colours before it. */
const LINE = /\bMOAT_(EVENT|ERROR) (\{.*\})\s*$/;

/** @returns undefined for a line that is neither: a launcher's own, or half of one */
export function readWorkerLine(line: string): WorkerLine | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  try {
    const json: unknown = JSON.parse(match[2] ?? '');
    if (match[1] === 'EVENT') return { kind: 'event', event: json as RunEvent };
    const { code, what, fix } = json as { code: string; what: string; fix: string | null };
    return { kind: 'error', error: new MoatError(code, what, fix === null ? {} : { fix }) };
  } catch {
    return undefined;
  }
}
