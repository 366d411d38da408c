/** The one place that speaks to the server. Knows nothing of panels or languages. */
import type { ApiError } from '../../company/gateway/api-types.js';

/** The server said no (`status` from 400 up) or did not answer at all (`status` 0). */
export class ApiFailure extends Error {
  constructor(
    readonly status: number,
    /** OpenAI's error code, '' when the answer named none. */
    readonly code: string,
    message: string,
  ) {
    super(message);
    this.name = 'ApiFailure';
  }
}

export interface Api {
  /** @param signal aborts the request. @throws ApiFailure, here and below */
  get<T>(path: string, signal?: AbortSignal): Promise<T>;
  post<T>(path: string, body?: object): Promise<T>;
  /** A file, such as a PDF. */
  file(path: string): Promise<Blob>;
  /** An open event stream. */
  stream(path: string, init: RequestInit): Promise<ReadableStream<Uint8Array>>;
}

/** What proves who asks, beside the session's cookie, which the browser sends by itself. */
export interface Credentials {
  /** The studio token, or a customer's key. */
  readonly token?: string | undefined;
  /** The session's, wanted with every change. */
  readonly csrfToken?: string | undefined;
}

/** @param onRefused called when the server no longer knows who asks */
export function createApi({ token, csrfToken }: Credentials, onRefused: () => void = () => undefined): Api {
  async function request(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
    if (csrfToken !== undefined) headers.set('x-csrf-token', csrfToken);
    const response = await fetch(path, { ...init, headers, cache: 'no-store' }).catch((error: unknown) => {
      if (init.signal?.aborted === true) throw error;
      throw new ApiFailure(0, 'offline', error instanceof Error ? error.message : String(error));
    });
    if (response.ok) return response;
    const failure = await failureOf(response);
    if (response.status === 401 && failure.code !== 'wrong_credentials') onRefused();
    throw failure;
  }
  return {
    async get<T>(path: string, signal?: AbortSignal) {
      const response = await request(path, signal === undefined ? {} : { signal });
      return (await response.json()) as T;
    },
    async post<T>(path: string, body: object = {}) {
      const headers = { 'content-type': 'application/json' };
      const response = await request(path, { method: 'POST', headers, body: JSON.stringify(body) });
      return (await response.json()) as T;
    },
    file: async (path) => (await request(path, {})).blob(),
    async stream(path, init) {
      const response = await request(path, init);
      if (response.body === null) throw new ApiFailure(0, 'offline', 'empty answer');
      return response.body;
    },
  };
}

async function failureOf(response: Response): Promise<ApiFailure> {
  const text = await response.text().catch(() => '');
  try {
    const { error } = JSON.parse(text) as ApiError;
    return new ApiFailure(response.status, error.code, error.message);
  } catch {
    return new ApiFailure(response.status, '', `HTTP ${response.status}`);
  }
}
