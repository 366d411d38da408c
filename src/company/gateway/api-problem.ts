import { MoatError } from '../../base/errors.js';
import type { ApiError } from './api-types.js';

/** A refusal that is answered in OpenAI's form; what caused it inside never reaches a customer. */
export class ApiProblem extends Error {
  readonly status: 400 | 401 | 402 | 403 | 404 | 408 | 409 | 413 | 429 | 500 | 503;
  readonly code: string;
  readonly type: string;
  readonly param: string | null;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    status: ApiProblem['status'],
    code: string,
    message: string,
    options: { type?: string; param?: string | null; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'ApiProblem';
    this.status = status;
    this.code = code;
    this.type = options.type ?? (status >= 500 ? 'server_error' : 'invalid_request_error');
    this.param = options.param ?? null;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get body(): ApiError {
    return { error: { message: this.message, type: this.type, code: this.code, param: this.param } };
  }

  toResponse(): Response {
    const headers = new Headers({ 'content-type': 'application/json' });
    if (this.retryAfterSeconds !== undefined) headers.set('retry-after', String(this.retryAfterSeconds));
    // what is still coming of the body is not waited for
    if (this.status === 408) headers.set('connection', 'close');
    if (this.status === 401) headers.set('www-authenticate', 'Bearer');
    return new Response(JSON.stringify(this.body), { status: this.status, headers });
  }
}

export const invalidKey = (): ApiProblem =>
  new ApiProblem(
    401,
    'invalid_api_key',
    'The API key is missing, unknown or revoked. Send it as "Authorization: Bearer moat_sk_…".',
  );

export const draining = (): ApiProblem =>
  new ApiProblem(503, 'shutting_down', 'The server is shutting down. Try again shortly.', { retryAfterSeconds: 5 });

export const busy = (): ApiProblem =>
  new ApiProblem(429, 'queue_full', 'The server is at its limit of requests. Try again shortly.', {
    type: 'rate_limit_exceeded',
    retryAfterSeconds: 1,
  });

export const booksAway = (cause: unknown): ApiProblem =>
  new ApiProblem(503, 'books_unavailable', 'The server cannot reach its books. Nothing was done, nothing is charged.', {
    retryAfterSeconds: 2,
    cause,
  });

/** What the engine refuses about a request, and where that stands in it. */
const PARAMETER_OF: Readonly<Record<string, string | null>> = {
  'bad-sampling': null,
  'bad-token': 'prompt',
  'bad-schema': 'response_format',
  'constraint-too-ambiguous': 'response_format',
};

/** What a customer may see of any error. */
export function toApiProblem(error: unknown): ApiProblem {
  if (error instanceof ApiProblem) return error;
  if (error instanceof MoatError) {
    if (error.code === 'queue-full') return busy();
    if (error.code === 'engine-closed') return draining();
    const param = PARAMETER_OF[error.code];
    if (param !== undefined) return new ApiProblem(400, 'invalid_value', error.line, { param, cause: error });
    if (error.code === 'settlement-delayed' || error.code === 'settlement-unknown')
      return new ApiProblem(503, error.code.replace('-', '_'), error.message, { cause: error });
  }
  return new ApiProblem(500, 'internal_error', 'Something went wrong inside the server; the request was not charged.', {
    cause: error,
  });
}
