/**
 * The API as OpenAPI 3.1 describes it: bodies from the schemas that requests are checked by, answers from schemas that tests hold
 * real answers against.
 */
import { z } from 'zod';
import { chatSchema, textListSchema } from './completion-request.js';
import { ANSWERS } from './openapi-answers.js';
import { responsesSchema } from './responses/responses-request.js';
import { embeddingSchema } from './routes/embeddings.js';
import { moderationSchema } from './routes/moderations.js';

const BODIES = {
  ChatRequest: chatSchema,
  TextRequest: textListSchema,
  ResponsesRequest: responsesSchema,
  EmbeddingRequest: embeddingSchema,
  ModerationRequest: moderationSchema,
} as const;

type SchemaName = keyof typeof ANSWERS | keyof typeof BODIES;

const ref = (name: SchemaName) => ({ $ref: `#/components/schemas/${name}` });
const json = (name: SchemaName) => ({ 'application/json': { schema: ref(name) } });

/** What a route may refuse, by status. */
const REFUSALS: Readonly<Record<string, string>> = {
  400: 'The request cannot be served: `invalid_json`, `invalid_value`, `context_length_exceeded`, `unsupported_parameter`, `idempotency_mismatch`.',
  401: 'The key is missing, unknown or revoked: `invalid_api_key`.',
  402: 'The credit does not cover what the request may cost: `insufficient_credit`. Nothing was charged.',
  403: 'The key does not allow it (`key_not_allowed`) or the account is suspended (`account_suspended`).',
  404: 'There is no such model, or it has no price: `model_not_found`.',
  409: 'The first request with this `Idempotency-Key` is being answered (`idempotency_in_progress`), or its answer was too large to keep (`idempotency_not_kept`).',
  413: 'The body is too large: `request_too_large`.',
  429: 'The server is at its limit (`queue_full`), or the key at its own (`rate_limit_exceeded`, `budget_exceeded`). `Retry-After` says when to come again.',
  503: 'The server is shutting down (`shutting_down`) or the answer took too long (`answer_timeout`).',
};

const refusals = (...statuses: readonly string[]) =>
  Object.fromEntries(
    statuses.map((status) => [status, { description: REFUSALS[status] ?? '', content: json('Error') }]),
  );

const SERVED = ['400', '401', '402', '403', '404', '409', '413', '429', '503'];

/** A repeat with the same key gets the first answer's bytes for a day, and is not charged. */
const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'A repeat with the same key and body within a day gets the first answer again, byte for byte and free of charge. With a key an answer is finished also when the client leaves.',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

interface Sold {
  readonly operationId: string;
  readonly summary: string;
  readonly body: SchemaName;
  readonly whole: SchemaName;
  /** Of a stream, and how that ends. */
  readonly part?: { readonly schema: SchemaName; readonly end: string };
}

function sold({ operationId, summary, body, whole, part }: Sold) {
  return {
    post: {
      operationId,
      summary,
      description:
        'The most that an answer may cost is reserved, the exact cost charged: what was done, when the client left in between too.',
      parameters: [IDEMPOTENCY_KEY],
      requestBody: { required: true, content: json(body) },
      responses: {
        200: {
          description:
            part === undefined
              ? 'The answer.'
              : `The answer; with \`stream\`, server-sent events that end with ${part.end}.`,
          content: {
            ...json(whole),
            ...(part === undefined ? {} : { 'text/event-stream': { schema: ref(part.schema) } }),
          },
        },
        ...refusals(...SERVED),
      },
    },
  };
}

const DONE = '`data: [DONE]`';
const SOLD = {
  '/v1/chat/completions': sold({
    operationId: 'createChatCompletion',
    summary: 'Answer a conversation',
    body: 'ChatRequest',
    whole: 'ChatCompletion',
    part: { schema: 'ChatCompletionChunk', end: DONE },
  }),
  '/v1/completions': sold({
    operationId: 'createCompletion',
    summary: 'Continue a text, or several',
    body: 'TextRequest',
    whole: 'TextCompletion',
    part: { schema: 'TextCompletion', end: DONE },
  }),
  '/v1/responses': sold({
    operationId: 'createResponse',
    summary: 'Answer a conversation, in the form of responses; nothing is stored',
    body: 'ResponsesRequest',
    whole: 'Response',
    part: { schema: 'ResponseEvent', end: '`response.completed`, `response.incomplete` or `response.failed`' },
  }),
  '/v1/embeddings': sold({
    operationId: 'createEmbedding',
    summary: 'Texts as vectors',
    body: 'EmbeddingRequest',
    whole: 'Embeddings',
  }),
  '/v1/moderations': sold({
    operationId: 'createModeration',
    summary: 'What a classifier says of texts',
    body: 'ModerationRequest',
    whole: 'Moderation',
  }),
};

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
      ...SOLD,
    },
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: Object.fromEntries(schemas) as object,
    },
  };
}
