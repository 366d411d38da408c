/** What every route of `/v1` shares: who asks, room for the request, and its JSON. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { z } from 'zod';
import type { Payer } from '../../billing/admission.js';
import { hashOfKey, looksLikeKey } from '../../billing/api-key.js';
import { ApiProblem, busy, draining, invalidKey } from '../api-problem.js';
import { type OnceContext, type Serve, answerOnce } from '../answer-once.js';
import { askBooks } from '../ask-books.js';
import type { Backend } from '../backend.js';
import type { EmbeddingBackend } from '../embedding-backend.js';
import type { ModerationModel } from '../moderation.js';
import { readJson } from '../request-body.js';
import type { CompletionContext } from '../serve-completion.js';
import type { TraceHeaders } from '../tracing.js';

/** What the routes that sell need; made once by `startGateway`. */
export interface SellingContext extends CompletionContext, OnceContext {
  readonly backends: ReadonlyMap<string, Backend>;
  readonly embedders: ReadonlyMap<string, EmbeddingBackend>;
  readonly moderators: ReadonlyMap<string, ModerationModel>;
  readonly maxConcurrent: number;
  /** How long the body of a request may take. */
  readonly maxBodyMs: number;
  /** Requests being answered right now. */
  readonly inFlight: Set<Promise<void>>;
  isDraining(): boolean;
}

export interface Exchange {
  readonly incoming: IncomingMessage;
  readonly outgoing: ServerResponse;
}

export function bearerOf(incoming: IncomingMessage): string {
  return /^Bearer +(\S+)$/i.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
}

/** Of a trace that began elsewhere. */
export function traceHeadersOf({ headers }: IncomingMessage): TraceHeaders {
  return { traceparent: headers['traceparent'], tracestate: headers['tracestate'] };
}

/** @throws ApiProblem 401 */
export function payerOf(incoming: IncomingMessage): { readonly keyHash: string } {
  const key = bearerOf(incoming);
  if (!looksLikeKey(key)) throw invalidKey();
  return { keyHash: hashOfKey(key) };
}

/** @param models those of the route @throws ApiProblem 404 `model_not_found` */
export function findModel<Model>(models: ReadonlyMap<string, Model>, name: string): Model {
  const model = models.get(name);
  if (model !== undefined) return model;
  const offered = [...models.keys()].join(', ');
  throw new ApiProblem(
    404,
    'model_not_found',
    `The model ${JSON.stringify(name)} does not exist here. Offered: ${offered || 'none'}.`,
    { param: 'model' },
  );
}

/**
 * Reads and checks a request, then serves it, within the number of requests that are served at once. Of a stranger not even the
 * body is read: he learns that he is one, and nothing about models or fields.
 * @param serve writes the answer itself; with an `Idempotency-Key` it is called once for all repeats
 */
export async function answer<Schema extends z.ZodType, Prepared>(
  context: SellingContext,
  { incoming, outgoing }: Exchange,
  payer: Payer,
  schema: Schema,
  prepare: (body: z.output<Schema>) => Prepared | Promise<Prepared>,
  serve: (prepared: Prepared, ...given: Parameters<Serve>) => ReturnType<Serve>,
): Promise<Response> {
  // Before its body is waited for: what a stranger sends takes nobody's place.
  if (payer !== 'internal' && !(await askBooks(context.keyLimits.knows(payer.keyHash)))) throw invalidKey();
  if (context.isDraining()) throw draining();
  if (context.inFlight.size >= context.maxConcurrent) throw busy();
  const work = async (): Promise<void> => {
    const body = await readJson(incoming, schema, context.maxBodyMs);
    const prepared = await prepare(body);
    await answerOnce(context, { incoming, outgoing }, { payer, body }, (...given) => serve(prepared, ...given));
  };
  const serving = work();
  const tracked = serving.catch(() => undefined);
  context.inFlight.add(tracked);
  try {
    await serving;
  } finally {
    context.inFlight.delete(tracked);
  }
  return RESPONSE_ALREADY_SENT;
}
