import type { HttpBindings } from '@hono/node-server';
import type { Hono } from 'hono';
import { z } from 'zod';
import type { Payer } from '../../billing/admission.js';
import { streamFormat, wholeAnswer } from '../completion-format.js';
import { MAX_CHOICES } from '../../../lab/generate/check-request.js';
import { type ChatBody, chatSchema, type TextListBody, textListSchema } from '../completion-request.js';
import { preparePrompts, promptsOf } from '../prompt-list.js';
import type { Backend, PreparedAnswer } from '../backend.js';
import { type AnswerFormat, type Serving, serveCompletion } from '../serve-completion.js';
import type { TraceHeaders, TracedWish } from '../tracing.js';
import { type Exchange, type SellingContext, answer, findModel, payerOf, traceHeadersOf } from './requests.js';

type Env = { Bindings: HttpBindings };

/** What a body is was settled by the route it came to, not by the fields that happen to be in it. */
type Question =
  { readonly form: 'chat'; readonly body: ChatBody } | { readonly form: 'text'; readonly body: TextListBody };

const chatQuestion = chatSchema.transform((body): Question => ({ form: 'chat', body }));
const textQuestion = textListSchema.transform((body): Question => ({ form: 'text', body }));

export function addCompletionRoutes(app: Hono<Env>, context: SellingContext): void {
  const routes = { '/v1/chat/completions': chatQuestion, '/v1/completions': textQuestion } as const;
  for (const [route, schema] of Object.entries(routes)) {
    app.post(route, (c) =>
      complete(context, c.env, payerOf(c.env.incoming), schema, (question) =>
        servingOf(context, question, traceHeadersOf(c.env.incoming)),
      ),
    );
  }
}

/** The studio's own questions: the same door, under the project's internal customer, always streamed. */
export async function answerPlayground(context: SellingContext, exchange: Exchange): Promise<Response> {
  const schema = z.union([chatQuestion, textQuestion]);
  return complete(context, exchange, 'internal', schema, (question) => {
    const streamed = { stream: true, stream_options: { include_usage: true } };
    const asked: Question =
      question.form === 'chat'
        ? { form: 'chat', body: { ...question.body, ...streamed } }
        : { form: 'text', body: { ...question.body, ...streamed } };
    return servingOf(context, asked, traceHeadersOf(exchange.incoming));
  });
}

type Asked = Omit<Serving, 'payer'>;

async function complete(
  context: SellingContext,
  exchange: Exchange,
  payer: Payer,
  schema: z.ZodType<Question>,
  read: (question: Question) => Asked,
): Promise<Response> {
  return answer(context, exchange, payer, schema, read, (asked, target, requestId) =>
    serveCompletion(context, { ...asked, payer, requestId }, target),
  );
}

/** @throws ApiProblem 400, 404 */
function servingOf(context: SellingContext, question: Question, headers: TraceHeaders): Asked {
  const { form, body } = question;
  const backend = findModel(context.backends, body.model);
  const prepared = question.form === 'chat' ? backend.prepareChat(question.body) : prepareTexts(backend, question.body);
  return {
    backend,
    prepared,
    form,
    scope: form === 'chat' ? 'chat' : 'completions',
    format: formatOf(body),
    traced: tracedOf(question, headers),
    promptText: () => promptTextOf(question),
  };
}

/** Who said what; a prompt of tokens is not text. */
function promptTextOf({ form, body }: Question): string {
  if (form === 'text') {
    const prompts = typeof body.prompt === 'string' ? [body.prompt] : body.prompt;
    return prompts.map((prompt) => (typeof prompt === 'string' ? prompt : '(tokens)')).join('\n');
  }
  const textOf = (content: ChatBody['messages'][number]['content']): string =>
    typeof content === 'string' ? content : (content ?? []).map(({ text }) => text).join('');
  return body.messages.map(({ role, content }) => `${role}: ${textOf(content)}`).join('\n');
}

function tracedOf({ form, body }: Question, headers: TraceHeaders): TracedWish {
  const chatMost = form === 'chat' ? body.max_completion_tokens : undefined;
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
