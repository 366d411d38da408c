/** A response's body as events, with bounds, and a reader that is waited for. */
import type { IncomingMessage } from 'node:http';
import { AttemptFailure } from './attempt-failure.js';
import { createEventParser } from './event-parser.js';

const MAX_EVENT_LENGTH = 1 << 20;
const MAX_ANSWER_BYTES = 64 << 20;
/** For the end of an answer whose last event came. */
const DRAIN_MS = 1_000;
/** What may wait for a slow reader before the engine is made to wait. */
const MAX_WAITING_BYTES = 64 << 10;

/**
 * The events of a response, those of each piece of it together. By hand: half of the time of a short answer went into Node's own
 * asynchronous iteration over a stream.
 */
export function readEvents(
  response: IncomingMessage,
  cut: (why: AttemptFailure) => void,
): () => Promise<string[] | undefined> {
  const next = readPieces(response, cut);
  const parser = createEventParser(MAX_EVENT_LENGTH);
  return async () => {
    for (;;) {
      const bytes = await next();
      if (bytes === undefined) return undefined;
      const events = parser.push(bytes);
      if (events.length > 0) return events;
    }
  };
}

/** The whole body as if it were one event. */
export function readWhole(
  response: IncomingMessage,
  cut: (why: AttemptFailure) => void,
): () => Promise<string[] | undefined> {
  const next = readPieces(response, cut);
  let isRead = false;
  return async () => {
    if (isRead) return undefined;
    const pieces: Buffer[] = [];
    for (let bytes = await next(); bytes !== undefined; bytes = await next()) pieces.push(bytes);
    isRead = true;
    return [Buffer.concat(pieces).toString('utf8')];
  };
}

function readPieces(response: IncomingMessage, cut: (why: AttemptFailure) => void): () => Promise<Buffer | undefined> {
  const waiting: Buffer[] = [];
  let [sizeBytes, waitingBytes] = [0, 0];
  let end: { readonly error: unknown } | undefined;
  let wake: (() => void) | undefined;
  const finish = (error?: unknown): void => {
    end ??= { error };
    wake?.();
  };
  response.on('data', (bytes: Buffer) => {
    waiting.push(bytes);
    sizeBytes += bytes.length;
    waitingBytes += bytes.length;
    if (sizeBytes > MAX_ANSWER_BYTES)
      cut(new AttemptFailure('broken', `its answer has over ${MAX_ANSWER_BYTES} bytes`));
    if (waitingBytes > MAX_WAITING_BYTES) response.pause();
    wake?.();
  });
  response.once('end', finish);
  response.on('error', finish);
  response.once('close', () => {
    if (end === undefined) finish(new AttemptFailure('unavailable', 'the connection broke'));
  });
  return async () => {
    for (;;) {
      const bytes = waiting.shift();
      if (bytes === undefined && end !== undefined) {
        if (end.error !== undefined) throw end.error;
        return undefined;
      }
      if (bytes === undefined) {
        response.resume();
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        continue;
      }
      waitingBytes -= bytes.length;
      return bytes;
    }
  };
}

/** Reads what is left of an answer, so that its connection can be used again; briefly, because nothing should be left. */
export function drain(response: IncomingMessage): void {
  if (response.complete || response.destroyed) return void response.resume();
  const timer = setTimeout(() => response.destroy(), DRAIN_MS);
  response.once('close', () => clearTimeout(timer));
  response.on('error', () => undefined);
  response.resume();
}
