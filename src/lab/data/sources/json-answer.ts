/** What a service says in JSON: asked again while it is busy, and no more than a limit of it taken. */
import { isPassingStatus, pause } from './http-download.js';

export interface AskOptions {
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Before the second try; doubled for the third. Default 1000. */
  readonly retryDelayMs?: number | undefined;
  /** Default 200 MB: lists of packages with thousands of versions are large. */
  readonly maxAnswerBytes?: number | undefined;
}

const TRIES = 3;

/**
 * @returns the status of the last try, and for a good one its value; undefined for what is no JSON or more than the limit
 * @throws what `fetch` threw at the last try, or the reason of the signal
 */
export async function askJson(
  url: string,
  { fetch = globalThis.fetch, headers = {}, signal, retryDelayMs = 1000, maxAnswerBytes = 200e6 }: AskOptions,
): Promise<{ readonly status: number; readonly value: unknown }> {
  for (let tried = 1; ; tried++) {
    const isLast = tried === TRIES;
    try {
      const response = await fetch(url, { headers, signal: signal ?? null });
      if (response.ok) return { status: response.status, value: await readJson(response, maxAnswerBytes) };
      await response.body?.cancel();
      if (isLast || !isPassingStatus(response.status)) return { status: response.status, value: undefined };
    } catch (error) {
      signal?.throwIfAborted();
      if (isLast) throw error;
    }
    await pause(retryDelayMs * 2 ** (tried - 1), signal);
  }
}

async function readJson(response: Response, maxBytes: number): Promise<unknown> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) return undefined;
    chunks.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
}
