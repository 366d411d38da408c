/**
 * The API as OpenAPI 3.1 describes it: bodies from the schemas that requests are checked by, answers from schemas that tests hold
 * real answers against.
 */
import { z } from 'zod';
import { chatSchema, textSchema } from './completion-request.js';

const usage = z.object({
  prompt_tokens: z.int().min(0),
  completion_tokens: z.int().min(0),
  total_tokens: z.int().min(0),
  prompt_tokens_details: z.object({ cached_tokens: z.int().min(0) }),
});
const answer = { id: z.string(), created: z.int(), model: z.string() };
const choice = {
  index: z.int().min(0),
  finish_reason: z.enum(['stop', 'length']),
  logprobs: z.record(z.string(), z.unknown()).nullable(),
};

/** What answers look like, by the name they have in the document. */
export const ANSWERS = {
  ChatCompletion: z.object({
    ...answer,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        ...choice,
        message: z.object({ role: z.literal('assistant'), content: z.string(), refusal: z.null() }),
      }),
    ),
    usage,
  }),
  TextCompletion: z.object({
    ...answer,
    object: z.literal('text_completion'),
    choices: z.array(z.object({ ...choice, text: z.string() })),
    usage,
  }),
  ChatCompletionChunk: z.object({
    ...answer,
    object: z.literal('chat.completion.chunk'),
    choices: z.array(
      z.object({
        ...choice,
        finish_reason: choice.finish_reason.nullable(),
        delta: z.object({ role: z.literal('assistant').optional(), content: z.string().optional() }),
      }),
    ),
    usage: usage.nullish(),
  }),
  Model: z.looseObject({ id: z.string(), object: z.literal('model'), created: z.int(), owned_by: z.string() }),
  Models: z.object({ object: z.literal('list'), data: z.array(z.looseObject({ id: z.string() })) }),
  Error: z.object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      /** Stable: programs may rely on it. */
      code: z.string(),
      param: z.string().nullable(),
    }),
  }),
} as const;
const BODIES = { ChatRequest: chatSchema, TextRequest: textSchema } as const;

type SchemaName = keyof typeof ANSWERS | keyof typeof BODIES;

const ref = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });
const json = (name: SchemaName) => ({ 'application/json': { schema: ref(name) } });

/** What a route may refuse, by status. */
const REFUSALS: Readonly<Record<string, string>> = {
  400: 'The request cannot be served: `invalid_json`, `invalid_value`, `context_length_exceeded`, `unsupported_parameter`.',
  401: 'The key is missing, unknown or revoked: `invalid_api_key`.',
  402: 'The credit does not cover what the request may cost: `insufficient_credit`. Nothing was charged.',
  404: 'There is no such model, or it has no price: `model_not_found`.',
  413: 'The body is too large: `request_too_large`.',
  429: 'The server is at its limit: `queue_full`. `Retry-After` says when to come again.',
  503: 'The server is shutting down (`shutting_down`) or the answer took too long (`answer_timeout`).',
};

const refusals = (...statuses: readonly string[]) =>
  Object.fromEntries(
    statuses.map((status) => [status, { description: REFUSALS[status] ?? '', content: json('Error') }]),
  );

function completion(operationId: string, summary: string, body: SchemaName, whole: SchemaName, part: SchemaName) {
  return {
    post: {
      operationId,
      summary,
      description:
        'The most that an answer may cost is reserved, the exact cost charged: what was generated, when the client left in between too.',
      requestBody: { required: true, content: json(body) },
      responses: {
        200: {
          description: 'The answer; with `stream`, server-sent events that end with `data: [DONE]`.',
          content: { ...json(whole), 'text/event-stream': { schema: ref(part) } },
        },
        ...refusals('400', '401', '402', '404', '413', '429', '503'),
      },
    },
  };
}

/** @param version of the package */
export function openApiDocument(version: string): object {
  const schemas = Object.entries({ ...BODIES, ...ANSWERS }).map(([name, schema]) => {
    const { $schema: _, ...described } = z.toJSONSchema(schema, { io: name.endsWith('Request') ? 'input' : 'output' });
    return [name, described];
  });
  return {
    openapi: '3.1.0',
    info: { title: 'Moat', version, description: "OpenAI's API, as far as this server serves it." },
    servers: [{ url: '/' }],
    security: [{ key: [] }],
    paths: {
      '/v1/models': {
        get: {
          operationId: 'listModels',
          summary: 'What is served, with the passport of its data',
          responses: { 200: { description: 'The models.', content: json('Models') }, ...refusals('401') },
        },
      },
      '/v1/models/{model}': {
        get: {
          operationId: 'getModel',
          summary: 'One model',
          parameters: [{ name: 'model', in: 'path', required: true, schema: { type: 'string' } }],
          responses: { 200: { description: 'The model.', content: json('Model') }, ...refusals('401', '404') },
        },
      },
      '/v1/chat/completions': completion(
        'createChatCompletion',
        'Answer a conversation',
        'ChatRequest',
        'ChatCompletion',
        'ChatCompletionChunk',
      ),
      '/v1/completions': completion(
        'createCompletion',
        'Continue a text',
        'TextRequest',
        'TextCompletion',
        'TextCompletion',
      ),
    },
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(schemas) as object,
    },
  };
}
