import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { z } from 'zod';
import type { Payer, Scope } from '../../billing/admission.js';
import { type AnswerHead, streamFormat, wholeAnswer } from '../completion-format.js';
import { MAX_CHOICES } from '../../../lab/generate/check-request.js';
import { type ChatBody, chatSchema, type TextListBody, textListSchema } from '../completion-request.js';
import { preparePrompts, promptsOf } from '../prompt-list.js';
import type { Backend, PreparedAnswer } from '../backend.js';
import { type AnswerFormat, type Serving, serveCompletion } from '../serve-completion.js';
import type { TraceHeaders, TracedWish } from '../tracing.js';
import { type Exchange, type SellingContext, answer, findModel, payerOf, traceHeadersOf } from './requests.js';

type Env = { Bindings: HttpBindings };

export function addCompletionRoutes(app: Hono<Env>, context: SellingContext): void {
  app.post('/v1/chat/completions', (c) =>
    complete(context, c.env, payerOf(c.env.incoming), chatSchema, (body) =>
      servingOf(context, body, traceHeadersOf(c.env.incoming)),
    ),
  );
  app.post('/v1/completions', (c) =>
    complete(context, c.env, payerOf(c.env.incoming), textListSchema, (body) =>
      servingOf(context, body, traceHeadersOf(c.env.incoming)),
    ),
  );
}

/** The studio's own questions: the same door, under the project's internal customer, always streamed. */
export async function answerPlayground(context: SellingContext, exchange: Exchange): Promise<Response> {
  return complete(context, exchange, 'internal', z.union([chatSchema, textListSchema]), (body) =>
    servingOf(
      context,
      { ...body, stream: true, stream_options: { include_usage: true } },
      traceHeadersOf(exchange.incoming),
    ),
  );
}

type Asked = Omit<Serving, 'payer'>;

async function complete<Body extends ChatBody | TextListBody>(
  context: SellingContext,
  exchange: Exchange,
  payer: Payer,
  schema: z.ZodType<Body>,
  read: (body: Body) => Asked,
): Promise<Response> {
  return answer(context, exchange, payer, schema, read, (asked, target, requestId) =>
    serveCompletion(context, { ...asked, payer, requestId }, target),
  );
}

/** @throws ApiProblem 400, 404 */
function servingOf(context: SellingContext, body: ChatBody | TextListBody, headers: TraceHeaders): Asked {
  const backend = findModel(context.backends, body.model);
  const chat = isChat(body);
  const [form, scope]: [AnswerHead['form'], Scope] = chat ? ['chat', 'chat'] : ['text', 'completions'];
  const prepared = chat ? backend.prepareChat(body) : prepareTexts(backend, body);
  const promptText = (): string => promptTextOf(body);
  return { backend, prepared, form, scope, format: formatOf(body), traced: tracedOf(body, headers), promptText };
}

/** Who said what; a prompt of tokens is not text. */
function promptTextOf(body: ChatBody | TextListBody): string {
  if (!isChat(body)) {
    const prompts = typeof body.prompt === 'string' ? [body.prompt] : body.prompt;
    return prompts.map((prompt) => (typeof prompt === 'string' ? prompt : '(tokens)')).join('\n');
  }
  const textOf = (content: ChatBody['messages'][number]['content']): string =>
    typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('');
  return body.messages.map(({ role, content }) => `${role}: ${textOf(content)}`).join('\n');
}

function tracedOf(body: ChatBody | TextListBody, headers: TraceHeaders): TracedWish {
  const chatMost = isChat(body) ? body.max_completion_tokens : undefined;
  return {
    headers,
    maxTokens: chatMost ?? body.max_tokens ?? undefined,
    temperature: body.temperature ?? undefined,
    topP: body.top_p ?? undefined,
    isStream: body.stream ?? undefined,
    choices: body.n ?? undefined,
  };
}

function prepareTexts(backend: Backend, body: TextListBody): PreparedAnswer {
  const bounds = { choices: body.n ?? 1, maxChoices: MAX_CHOICES };
  return preparePrompts(promptsOf(body.prompt), bounds, (prompt) => backend.prepareText({ ...body, prompt }));
}

function formatOf(body: ChatBody | TextListBody): AnswerFormat {
  if (body.stream !== true) return { kind: 'whole', make: wholeAnswer };
  const includeUsage = body.stream_options?.include_usage ?? false;
  return { kind: 'stream', includeUsage, make: (head) => streamFormat(head, includeUsage) };
}

const isChat = (body: ChatBody | TextListBody): body is ChatBody => 'messages' in body;
