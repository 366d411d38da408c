import type { IncomingHttpHeaders } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { z } from 'zod';
import type { Payer, Scope } from '../../billing/admission.js';
import { type AnswerHead, streamFormat, wholeAnswer } from '../completion-format.js';
import { type ChatBody, chatSchema, type TextBody, textSchema } from '../completion-request.js';
import { type AnswerFormat, type Serving, serveCompletion } from '../serve-completion.js';
import type { TracedWish } from '../tracing.js';
import { type Exchange, type SellingContext, answer, findBackend, payerOf } from './requests.js';

type Env = { Bindings: HttpBindings };

export function addCompletionRoutes(app: Hono<Env>, context: SellingContext): void {
  app.post('/v1/chat/completions', (c) =>
    complete(context, c.env, payerOf(c.env.incoming), chatSchema, (body) =>
      servingOf(context, body, c.env.incoming.headers),
    ),
  );
  app.post('/v1/completions', (c) =>
    complete(context, c.env, payerOf(c.env.incoming), textSchema, (body) =>
      servingOf(context, body, c.env.incoming.headers),
    ),
  );
}

/** The studio's own questions: the same door, under the project's internal customer, always streamed. */
export async function answerPlayground(context: SellingContext, exchange: Exchange): Promise<Response> {
  return complete(context, exchange, 'internal', z.union([chatSchema, textSchema]), (body) =>
    servingOf(context, { ...body, stream: true, stream_options: { include_usage: true } }, exchange.incoming.headers),
  );
}

type Asked = Omit<Serving, 'payer'>;

async function complete<Body extends ChatBody | TextBody>(
  context: SellingContext,
  exchange: Exchange,
  payer: Payer,
  schema: z.ZodType<Body>,
  read: (body: Body) => Asked,
): Promise<Response> {
  return answer(context, exchange, payer, schema, read, (asked, outgoing) =>
    serveCompletion(context, { ...asked, payer }, outgoing),
  );
}

/** @throws ApiProblem 400, 404 */
function servingOf(context: SellingContext, body: ChatBody | TextBody, headers: IncomingHttpHeaders): Asked {
  const backend = findBackend(context, body.model);
  const chat = isChat(body);
  const [form, scope]: [AnswerHead['form'], Scope] = chat ? ['chat', 'chat'] : ['text', 'completions'];
  const prepared = chat ? backend.prepareChat(body) : backend.prepareText(body);
  return { backend, prepared, form, scope, format: formatOf(body), traced: tracedOf(body, headers) };
}

function tracedOf(body: ChatBody | TextBody, headers: IncomingHttpHeaders): TracedWish {
  const chatMost = isChat(body) ? body.max_completion_tokens : undefined;
  return {
    headers: { traceparent: headers['traceparent'], tracestate: headers['tracestate'] },
    maxTokens: chatMost ?? body.max_tokens ?? undefined,
    temperature: body.temperature ?? undefined,
    topP: body.top_p ?? undefined,
    isStream: body.stream ?? undefined,
    choices: body.n ?? undefined,
  };
}

function formatOf(body: ChatBody | TextBody): AnswerFormat {
  if (body.stream !== true) return { kind: 'whole', make: wholeAnswer };
  const includeUsage = body.stream_options?.include_usage ?? false;
  return { kind: 'stream', includeUsage, make: (head) => streamFormat(head, includeUsage) };
}

const isChat = (body: ChatBody | TextBody): body is ChatBody => 'messages' in body;
