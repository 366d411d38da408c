/** What the API answers, as schemas: the description is made of them, and tests hold real answers against them. */
import { z } from 'zod';

const usage = z.object({
  prompt_tokens: z.int().min(0),
  completion_tokens: z.int().min(0),
  total_tokens: z.int().min(0),
  prompt_tokens_details: z.object({ cached_tokens: z.int().min(0) }),
  completion_tokens_details: z.object({ reasoning_tokens: z.int().min(0) }),
});
const answer = { id: z.string(), created: z.int(), model: z.string() };
const choice = {
  index: z.int().min(0),
  finish_reason: z.enum(['stop', 'length', 'tool_calls', 'content_filter']),
  logprobs: z.record(z.string(), z.unknown()).nullable(),
};

const toolCall = z.object({
  id: z.string(),
  type: z.string(),
  function: z.object({ name: z.string().optional(), arguments: z.string().optional() }),
});

const outputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.never()),
  logprobs: z.array(z.never()),
});
const outputMessage = z.object({
  id: z.string(),
  type: z.literal('message'),
  role: z.literal('assistant'),
  status: z.enum(['in_progress', 'completed', 'incomplete']),
  content: z.array(outputText),
});
const response = z.object({
  id: z.string(),
  object: z.literal('response'),
  created_at: z.int(),
  status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
  model: z.string(),
  output: z.array(outputMessage),
  error: z.object({ code: z.string(), message: z.string() }).nullable(),
  incomplete_details: z.object({ reason: z.enum(['max_output_tokens', 'content_filter']) }).nullable(),
  instructions: z.string().nullable(),
  max_output_tokens: z.int().nullable(),
  metadata: z.record(z.string(), z.string()),
  store: z.literal(false),
  usage: z
    .object({
      input_tokens: z.int().min(0),
      input_tokens_details: z.object({ cached_tokens: z.int().min(0) }),
      output_tokens: z.int().min(0),
      output_tokens_details: z.object({ reasoning_tokens: z.int().min(0) }),
      total_tokens: z.int().min(0),
    })
    .nullable(),
});
const numbered = { sequence_number: z.int().min(0) };
const place = { ...numbered, item_id: z.string(), output_index: z.int(), content_index: z.int() };
const responseEvent = z.discriminatedUnion('type', [
  z.object({
    type: z.enum([
      'response.created',
      'response.in_progress',
      'response.completed',
      'response.incomplete',
      'response.failed',
    ]),
    ...numbered,
    response,
  }),
  z.object({
    type: z.enum(['response.output_item.added', 'response.output_item.done']),
    ...numbered,
    output_index: z.int(),
    item: outputMessage,
  }),
  z.object({
    type: z.enum(['response.content_part.added', 'response.content_part.done']),
    ...place,
    part: outputText,
  }),
  z.object({ type: z.literal('response.output_text.delta'), ...place, delta: z.string() }),
  z.object({ type: z.literal('response.output_text.done'), ...place, text: z.string() }),
]);

/** What answers look like, by the name they have in the document. */
export const ANSWERS = {
  ChatCompletion: z.object({
    ...answer,
    object: z.literal('chat.completion'),
    choices: z.array(
      z.object({
        ...choice,
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.string().nullable(),
          tool_calls: z.array(toolCall).optional(),
          reasoning_content: z.string().optional(),
        }),
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
        delta: z.object({
          role: z.literal('assistant').optional(),
          content: z.string().optional(),
          refusal: z.string().optional(),
          tool_calls: z.array(toolCall.partial().extend({ index: z.int().min(0) })).optional(),
          reasoning_content: z.string().optional(),
        }),
      }),
    ),
    usage: usage.nullish(),
  }),
  Response: response,
  ResponseEvent: responseEvent,
  Embeddings: z.object({
    object: z.literal('list'),
    model: z.string(),
    data: z.array(
      z.object({
        object: z.literal('embedding'),
        index: z.int().min(0),
        /** Numbers, or with `base64` their little-endian float32 bytes. */
        embedding: z.union([z.array(z.number()), z.base64()]),
      }),
    ),
    usage: z.object({ prompt_tokens: z.int().min(0), total_tokens: z.int().min(0) }),
  }),
  Moderation: z.object({
    id: z.string(),
    model: z.string(),
    results: z.array(
      z.object({
        flagged: z.boolean(),
        categories: z.record(z.string(), z.boolean()),
        category_scores: z.record(z.string(), z.number().min(0).max(1)),
        category_applied_input_types: z.record(z.string(), z.array(z.literal('text'))),
      }),
    ),
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
