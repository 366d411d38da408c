import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { ApiProblem } from './api-problem.js';

export const BODY_LIMIT_BYTES = 4 * 1024 * 1024;

/**
 * The request's JSON, checked.
 * @throws ApiProblem 413 `request_too_large`, 400 `invalid_json`, 400 `invalid_value` with the field's path as `param`
 */
export async function readJson<Schema extends z.ZodType>(
  incoming: IncomingMessage,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await readText(incoming);
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

async function readText(incoming: IncomingMessage): Promise<string> {
  if (Number(incoming.headers['content-length'] ?? 0) > BODY_LIMIT_BYTES) throw tooLarge();
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  await new Promise<void>((resolve, reject) => {
    incoming.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes > BODY_LIMIT_BYTES) reject(tooLarge());
      else chunks.push(chunk);
    });
    incoming.once('end', resolve);
    incoming.once('error', reject);
    // Every request closes, also one that has been read: an error is made only where it is one (its stack costs 20 µs).
    incoming.once('close', () => {
      if (!incoming.readableEnded) reject(new ApiProblem(400, 'incomplete_body', 'The request body ended early.'));
    });
  });
  return Buffer.concat(chunks).toString('utf8');
}

function tooLarge(): ApiProblem {
  return new ApiProblem(413, 'request_too_large', `The request body is larger than ${BODY_LIMIT_BYTES} bytes.`);
}
