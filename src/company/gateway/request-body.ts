import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { ApiProblem } from './api-problem.js';

export const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
/** A body that trickles holds one of the places for requests. */
export const BODY_LIMIT_MS = 30_000;

/**
 * The request's JSON, checked.
 * @param limitMs how long the whole body may take
 * @throws ApiProblem 408 `body_too_slow`, ApiProblem 413 `request_too_large`, 400 `invalid_json`, 400 `invalid_value` with the field's path as `param`
 */
export async function readJson<Schema extends z.ZodType>(
  incoming: IncomingMessage,
  schema: Schema,
  limitMs: number = BODY_LIMIT_MS,
): Promise<z.output<Schema>> {
  return parseJson(await readText(incoming, limitMs), schema);
}

/** @throws ApiProblem 400 `invalid_json`, 400 `invalid_value` with the field's path as `param` */
export function parseJson<Schema extends z.ZodType>(text: string, schema: Schema): z.output<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ApiProblem(400, 'invalid_json', 'The request body is not valid JSON.', { cause: error });
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const param = issue === undefined || issue.path.length === 0 ? null : issue.path.join('.');
  throw new ApiProblem(400, 'invalid_value', `${param ?? 'body'}: ${issue?.message ?? 'not valid'}.`, { param });
}

/** The request's body as it came. @throws ApiProblem 408 `body_too_slow`, 413 `request_too_large` */
export async function readText(incoming: IncomingMessage, limitMs: number = BODY_LIMIT_MS): Promise<string> {
  if (Number(incoming.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
  // Whoever left while his key was looked up sends no further event.
  if (incoming.destroyed) throw endedEarly();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  let late: NodeJS.Timeout | undefined;
  await new Promise<void>((resolve, reject) => {
    late = setTimeout(() => reject(tooSlow(limitMs)), limitMs);
    incoming.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > BODY_LIMIT_BYTES) reject(tooLarge());
      else chunks.push(chunk);
    });
    incoming.once('end', resolve);
    incoming.once('error', () => reject(endedEarly()));
    // Every request closes, also one that has been read: an error is made only where it is one (its stack costs 20 µs).
    incoming.once('close', () => {
      if (!incoming.readableEnded) reject(endedEarly());
    });
  }).finally(() => clearTimeout(late));
  return Buffer.concat(chunks).toString('utf8');
}

const tooSlow = (limitMs: number): ApiProblem =>
  new ApiProblem(408, 'body_too_slow', `The request body did not come within ${limitMs / 1000} s.`);

const endedEarly = (): ApiProblem => new ApiProblem(400, 'incomplete_body', 'The request body ended early.');

function tooLarge(): ApiProblem {
  return new ApiProblem(413, 'request_too_large', `The request body is larger than ${BODY_LIMIT_BYTES} bytes.`);
}
