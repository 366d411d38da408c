/** Where an answer is written, and how long somebody wants it. */
import type { CompletionContext } from './serve-completion.js';

/** What serving needs of a `ServerResponse`. */
export interface AnswerTarget extends NodeJS.EventEmitter {
  readonly destroyed: boolean;
  readonly headersSent: boolean;
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  /** @returns whether more may come at once; else wait for `drain` */
  write(text: string): boolean;
  end(text: string): unknown;
}

/** A whole body. Its length is said, so that head and body leave in one write. */
export function endWithJson(target: AnswerTarget, headers: Readonly<Record<string, string>>, body: object): void {
  const text = JSON.stringify(body);
  target.writeHead(200, {
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    ...headers,
  });
  target.end(text);
}

/** Works with a signal that ends when the reader leaves, the answer takes too long or the server gives up waiting. */
export async function whileWanted<Result>(
  { shutdown, maxAnswerMs }: Pick<CompletionContext, 'shutdown' | 'maxAnswerMs'>,
  target: AnswerTarget,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const leaving = new AbortController();
  const gone = (): void => leaving.abort();
  target.once('close', gone);
  // The connection may have closed while the database was admitting.
  if (target.destroyed) leaving.abort();
  const late = setTimeout(gone, maxAnswerMs);
  shutdown.addEventListener('abort', gone);
  try {
    return await work(leaving.signal);
  } finally {
    clearTimeout(late);
    shutdown.removeEventListener('abort', gone);
    target.off('close', gone);
  }
}
