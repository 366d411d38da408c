import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { responsesStream, wholeResponse } from '../responses/responses-format.js';
import { type ResponsesBody, chatOf, responsesSchema } from '../responses/responses-request.js';
import { type AnswerFormat, type Serving, serveCompletion } from '../serve-completion.js';
import type { TraceHeaders } from '../tracing.js';
import { type SellingContext, answer, findModel, payerOf, traceHeadersOf } from './requests.js';

export function addResponseRoutes(app: Hono<{ Bindings: HttpBindings }>, context: SellingContext): void {
  app.post('/v1/responses', (c) => {
    const payer = payerOf(c.env.incoming);
    const headers = traceHeadersOf(c.env.incoming);
    const read = (body: ResponsesBody): Omit<Serving, 'payer'> => servingOf(context, body, headers);
    return answer(context, c.env, payer, responsesSchema, read, (asked, target, requestId) =>
      serveCompletion(context, { ...asked, payer, requestId }, target),
    );
  });
}

/** @throws ApiProblem 400, 404 */
function servingOf({ backends }: SellingContext, body: ResponsesBody, headers: TraceHeaders): Omit<Serving, 'payer'> {
  const backend = findModel(backends, body.model);
  const prepared = backend.prepareChat(chatOf(body));
  const traced = {
    headers,
    maxTokens: body.max_output_tokens ?? undefined,
    temperature: body.temperature ?? undefined,
    topP: body.top_p ?? undefined,
    isStream: body.stream ?? undefined,
  };
  return { backend, prepared, form: 'chat', scope: 'responses', format: formatOf(body), traced };
}

function formatOf(body: ResponsesBody): AnswerFormat {
  return body.stream === true
    ? { kind: 'stream', includeUsage: true, make: (head) => responsesStream({ ...head, body }) }
    : { kind: 'whole', make: (head) => wholeResponse({ ...head, body }) };
}
