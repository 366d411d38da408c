/** What can go wrong with one request to one target, and what a customer hears of it. */
import { ApiProblem } from '../api-problem.js';

/**
 * - `refused`: the request is at fault; every target would say so
 * - `limited`: too many requests
 * - `unauthorized`: our key is at fault
 * - `not-offered`: the target has no such route or model
 * - `unavailable`: nothing came, or errors of the engine
 * - `late`: a timeout
 * - `broken`: what came is no answer
 * - `left`: the customer went away
 */
export type FailureKind =
  'refused' | 'limited' | 'unauthorized' | 'not-offered' | 'unavailable' | 'late' | 'broken' | 'left';

export class AttemptFailure extends Error {
  readonly kind: FailureKind;
  /** What the engine says a customer may hear, already cleaned; of `refused`. */
  readonly saying: string | undefined;
  /** The engine's code for it, where it is one of OpenAI's. */
  readonly code: string | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(
    kind: FailureKind,
    message: string,
    options: { saying?: string; code?: string; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AttemptFailure';
    this.kind = kind;
    this.saying = options.saying;
    this.code = options.code;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Whether the target, and not the request or the customer, is at fault. */
  get isOfTarget(): boolean {
    return ['unauthorized', 'unavailable', 'late', 'broken'].includes(this.kind);
  }
}

export const toFailure = (error: unknown): AttemptFailure =>
  error instanceof AttemptFailure
    ? error
    : new AttemptFailure('unavailable', error instanceof Error ? error.message : 'it failed', { cause: error });

/** Codes of OpenAI's that clients look for; any other becomes `invalid_value`. */
const KNOWN_CODES = new Set(['context_length_exceeded', 'content_filter', 'content_policy_violation']);
const LONGEST_RETRY_AFTER_MS = 3_600_000;
const LONGEST_SAYING = 300;

export interface ErrorAnswer {
  readonly status: number;
  /** `Retry-After`, and `Date`, by whose clock a date in it is read. */
  readonly retryAfter: string | undefined;
  readonly date: string | undefined;
  /** The body, or what a stream said instead of an answer. */
  readonly body: string;
  /** What must not be told: keys, the model's name there, the host. */
  readonly hidden: readonly string[];
}

/** What an answer that is none means. */
export function failureOf({ status, retryAfter, date, body, hidden }: ErrorAnswer): AttemptFailure {
  const what = `it answered ${status}`;
  if (status === 429) return new AttemptFailure('limited', what, retryAfterIn(retryAfter, date));
  if (status === 401 || status === 403) return new AttemptFailure('unauthorized', `${what}: is the key right?`);
  if (status === 404 || status === 405 || status === 501) return new AttemptFailure('not-offered', what);
  if (status === 400 || status === 413 || status === 422) {
    const { message, code } = errorIn(body);
    return new AttemptFailure('refused', what, {
      saying: cleaned(message, hidden),
      ...(code !== undefined && KNOWN_CODES.has(code) && { code }),
    });
  }
  if (status >= 300 && status < 400) return new AttemptFailure('unavailable', `${what}; redirects are not followed`);
  return new AttemptFailure('unavailable', what, retryAfterIn(retryAfter, date));
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function retryAfterIn(header: string | undefined, date: string | undefined): { retryAfterMs?: number } {
  if (header === undefined) return {};
  const ms = /^\d+(\.\d+)?$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.parse(date ?? '');
  return ms > 0 ? { retryAfterMs: Math.min(ms, LONGEST_RETRY_AFTER_MS) } : {};
}

/** OpenAI's form, and those of llama.cpp and old vLLM, which say it without `error`. */
function errorIn(body: string): { message: string; code: string | undefined } {
  try {
    const parsed: unknown = JSON.parse(body);
    const outer = isRecord(parsed) ? parsed : {};
    const error = isRecord(outer['error']) ? outer['error'] : outer;
    const text = error['message'] ?? outer['error'] ?? outer['detail'];
    // llama.cpp says it in the type
    const code = error['type'] === 'exceed_context_size_error' ? 'context_length_exceeded' : error['code'];
    return { message: typeof text === 'string' ? text : '', code: typeof code === 'string' ? code : undefined };
  } catch {
    return { message: '', code: undefined };
  }
}

export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** One short line without addresses, paths, keys and names of the engine's side. */
function cleaned(message: string, hidden: readonly string[]): string {
  let text = message;
  for (const name of hidden) text = name.length < 4 ? text : text.replaceAll(name, '…');
  return text
    .slice(0, 4 * LONGEST_SAYING)
    .replace(/\p{Cc}+/gu, ' ')
    .replace(/\b[a-z][a-z0-9+.-]{0,20}:\/\/\S+/gi, '…')
    .replace(/\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b/g, '…')
    .replace(/\b(sk|org|proj|req|key)[-_][\w-]{6,}/g, '…')
    .replace(/(^|[\s"'(])(\/[\w.…-]+){2,}/g, '$1…')
    .trim()
    .slice(0, LONGEST_SAYING);
}

/** What the customer hears when no target is left to ask. */
export function problemOf(failure: AttemptFailure | undefined, modelId: string, waitMs: number): ApiProblem {
  const retryAfterSeconds = Math.max(1, Math.ceil(waitMs / 1000));
  if (failure?.kind === 'refused') {
    const saying =
      failure.saying === undefined || failure.saying === '' ? 'the request is not accepted' : failure.saying;
    return new ApiProblem(400, failure.code ?? 'invalid_value', `${modelId}: ${saying}`, { cause: failure });
  }
  if (failure?.kind === 'limited') {
    return new ApiProblem(429, 'upstream_limited', `${modelId} has too many requests now. Try again shortly.`, {
      type: 'rate_limit_exceeded',
      retryAfterSeconds,
      cause: failure,
    });
  }
  return new ApiProblem(503, 'upstream_unavailable', `${modelId} cannot be reached now. Try again shortly.`, {
    retryAfterSeconds,
    cause: failure,
  });
}
