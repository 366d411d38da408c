/** Files from the web, straight to disk: limited in size, taken up again after a cut connection, checked where a hash is known. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { MoatError, messageOf, systemCode } from '../../../base/errors.js';
import { formatBytes } from '../../../base/units.js';

export interface DownloadOptions {
  readonly fetch?: typeof globalThis.fetch | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default `MAX_SOURCE_BYTES`. */
  readonly maxBytes?: number | undefined;
  /** Between tries; the second wait is twice as long. Default 1000. */
  readonly retryDelayMs?: number | undefined;
  readonly onProgress?: ((bytes: number, totalBytes: number | undefined) => void) | undefined;
}

export interface Downloaded {
  readonly sizeBytes: number;
  /** Of the answer: names the version that was fetched. */
  readonly etag: string | undefined;
  readonly contentType: string | undefined;
}

/** What one source may bring here. */
export const MAX_SOURCE_BYTES = 20e9;
const TRIES = 4;

/** Worth another try: the server is busy, or the way to it was cut. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429, 500, 502, 503, 504]);

export function isPassingStatus(status: number): boolean {
  return PASSING.has(status);
}

/**
 * Writes a new file; nothing is left of it when this fails.
 * @throws MoatError `source-unreachable`, `source-refused` (with the status), `source-too-large`
 */
export async function download(url: string, file: string, options: DownloadOptions = {}): Promise<Downloaded> {
  const { retryDelayMs = 1000, signal } = options;
  const handle = await open(file, 'wx', 0o600);
  const state: DownloadState = { position: 0, etag: undefined, resumableEtag: undefined, contentType: undefined };
  try {
    for (let tried = 1; ; tried++) {
      try {
        await attempt(url, handle, state, options);
        return { sizeBytes: state.position, etag: state.etag, contentType: state.contentType };
      } catch (error) {
        signal?.throwIfAborted();
        if (!(error instanceof PassingFailure)) throw error;
        if (tried === TRIES) throw unreachable(url, error.cause ?? error);
        await pause(retryDelayMs * 2 ** (tried - 1), signal);
      }
    }
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  } finally {
    await handle.close();
  }
}

interface DownloadState {
  position: number;
  etag: string | undefined;
  resumableEtag: string | undefined;
  contentType: string | undefined;
}

class PassingFailure extends Error {}

async function attempt(
  url: string,
  handle: FileHandle,
  state: DownloadState,
  { fetch = globalThis.fetch, headers = {}, signal, maxBytes = MAX_SOURCE_BYTES, onProgress }: DownloadOptions,
): Promise<void> {
  // taken up only where the answer says that it is still the same file
  const { resumableEtag } = state;
  state.resumableEtag = undefined;
  const isResumed = state.position > 0 && resumableEtag !== undefined;
  const range = isResumed ? { range: `bytes=${state.position}-`, 'if-range': resumableEtag } : {};
  // positions are those of the file itself, which they are not in what was compressed on the way
  const request = { headers: { ...headers, 'accept-encoding': 'identity', ...range }, signal: signal ?? null };
  const response = await orPassing(fetch(url, request));
  if (!response.ok) {
    await response.body?.cancel();
    if (isPassingStatus(response.status)) throw new PassingFailure(`status ${response.status}`);
    throw refused(url, response);
  }
  const isEncoded = (response.headers.get('content-encoding') ?? 'identity') !== 'identity';
  if (response.status !== 206) {
    state.position = 0;
    await handle.truncate(0);
  } else if (isEncoded || !response.headers.get('content-range')?.startsWith(`bytes ${state.position}-`)) {
    await response.body?.cancel();
    throw new PassingFailure('the answer is another part than was asked for');
  }
  const lengthBytes = Number(response.headers.get('content-length') ?? Number.NaN);
  const totalBytes = Number.isFinite(lengthBytes) && !isEncoded ? state.position + lengthBytes : undefined;
  if ((totalBytes ?? 0) > maxBytes) throw tooLarge(url, maxBytes);
  state.etag = response.headers.get('etag') ?? undefined;
  // a weak one does not say that the bytes are equal (RFC 9110, 13.1.5)
  state.resumableEtag = isEncoded || state.etag?.startsWith('W/') === true ? undefined : state.etag;
  state.contentType = response.headers.get('content-type') ?? undefined;
  const body = response.body?.[Symbol.asyncIterator]();
  for (;;) {
    const next = body === undefined ? undefined : await orPassing(body.next());
    if (next === undefined || next.done === true) break;
    await writeAll(handle, next.value, state.position);
    state.position += next.value.byteLength;
    if (state.position > maxBytes) throw tooLarge(url, maxBytes);
    onProgress?.(state.position, totalBytes);
  }
  if (totalBytes !== undefined && state.position < totalBytes) throw new PassingFailure('the answer was cut off');
}

/** A full disk may take a part and say so only in the count. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.byteLength;) {
    done += (await handle.write(bytes, done, bytes.byteLength - done, position + done)).bytesWritten;
  }
}

async function orPassing<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (error) {
    throw new PassingFailure(messageOf(error), { cause: error });
  }
}

/** Without what a URL may hold of secrets. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname}`;
}

function unreachable(url: string, cause: unknown): MoatError {
  const inner = cause instanceof Error ? (cause.cause ?? cause) : cause;
  const why = systemCode(inner) ?? messageOf(inner);
  return new MoatError('source-unreachable', `${shownUrl(url)}: cannot be fetched (${why})`, {
    fix: 'Check the address and the network, and try again.',
    cause,
  });
}

function refused(url: string, { status, statusText }: Response): MoatError {
  const fix =
    status === 401 || status === 403
      ? 'It needs a permission: check the token, or ask its owner.'
      : 'Check the address in a browser.';
  return new MoatError('source-refused', `${shownUrl(url)}: ${status} ${statusText}`.trimEnd(), { fix });
}

function tooLarge(url: string, maxBytes: number): MoatError {
  return new MoatError('source-too-large', `${shownUrl(url)}: more than ${formatBytes(maxBytes)}`, {
    fix: 'Fetch it yourself and give the file.',
  });
}

/** @throws the reason of the signal */
export function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, milliseconds);
    function done(): void {
      signal?.removeEventListener('abort', cancel);
      resolve();
    }
    function cancel(): void {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    }
    signal?.addEventListener('abort', cancel, { once: true });
  });
}
