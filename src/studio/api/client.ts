/** The one place that speaks to `/api`. Knows nothing of panels or languages. */
import type { ApiError, CustomerSummary, Overview, RunSummary } from '../../company/gateway/api-types.js';

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
  overview(signal: AbortSignal): Promise<Overview>;
  runs(signal: AbortSignal): Promise<RunSummary[]>;
  customers(signal: AbortSignal): Promise<CustomerSummary[]>;
  /** An open event stream. @throws ApiFailure */
  stream(path: string, init: RequestInit): Promise<ReadableStream<Uint8Array>>;
}

/** @param onRefused called when the server does not accept the token */
export function createApi(token: string, onRefused: () => void): Api {
  async function request(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set('authorization', `Bearer ${token}`);
    const response = await fetch(path, { ...init, headers, cache: 'no-store' }).catch((error: unknown) => {
      if (init.signal?.aborted === true) throw error;
      throw new ApiFailure(0, 'offline', error instanceof Error ? error.message : String(error));
    });
    if (response.ok) return response;
    if (response.status === 401) onRefused();
    throw await failureOf(response);
  }
  async function getJson<T>(path: string, signal: AbortSignal): Promise<T> {
    const response = await request(path, { signal });
    return (await response.json()) as T;
  }
  return {
    overview: (signal) => getJson<Overview>('/api/overview', signal),
    runs: async (signal) => (await getJson<{ runs: RunSummary[] }>('/api/runs', signal)).runs,
    customers: async (signal) => (await getJson<{ customers: CustomerSummary[] }>('/api/customers', signal)).customers,
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
