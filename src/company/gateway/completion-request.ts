import { z } from 'zod';
import { MAX_CHOICES } from '../../lab/generate/check-request.js';
import type { AnswerFormat, ChatMessage, SamplingOptions, TextEngine } from '../../lab/generate/engine.js';
import { MAX_LOGPROBS } from '../../lab/generate/sampler-settings.js';
import { ApiProblem } from './api-problem.js';

/** Parameters that a local engine does not know and that would change the answer: asked for and not done would be a lie. */
const UNSUPPORTED = [
  'tools',
  'tool_choice',
  'functions',
  'best_of',
  'use_beam_search',
  'min_tokens',
  'ignore_eos',
  'echo',
  'suffix',
  'audio',
] as const;

const shared = {
  model: z.string().min(1).max(200),
  max_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z.int().min(0).nullish(),
  seed: z.int().nullish(),
  stop: z.union([z.string().min(1).max(1000), z.array(z.string().min(1).max(1000)).min(1).max(4)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(MAX_CHOICES, `at most ${MAX_CHOICES} answers to one prompt are offered`).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z.record(z.string().regex(/^\d{1,9}$/, 'keys are token ids'), z.number().min(-100).max(100)).nullish(),
  // vLLM's, which are in wide use
  min_p: z.number().min(0).max(1).nullish(),
  repetition_penalty: z.number().gt(0).max(2).nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.looseObject({ type: z.literal('text') }),
      z.looseObject({ type: z.literal('json_object') }),
      z.looseObject({
        type: z.literal('json_schema'),
        json_schema: z.looseObject({ schema: z.record(z.string(), z.unknown()) }),
      }),
    ])
    .nullish(),
};

const textParts = z.array(z.looseObject({ type: z.literal('text', 'only text parts are offered'), text: z.string() }));
const toolCalls = z
  .array(
    z.looseObject({
      id: z.string(),
      type: z.literal('function'),
      function: z.looseObject({ name: z.string(), arguments: z.string() }),
    }),
  )
  .max(128);
const content = z.union([z.string(), textParts]);
const message = z.discriminatedUnion('role', [
  z.looseObject({ role: z.enum(['system', 'developer', 'user']), content }),
  z.looseObject({ role: z.literal('assistant'), content: content.nullish(), tool_calls: toolCalls.nullish() }),
  z.looseObject({ role: z.literal('tool'), content, tool_call_id: z.string() }),
]);
const tools = z
  .array(z.looseObject({ type: z.literal('function'), function: z.looseObject({ name: z.string().min(1).max(200) }) }))
  .max(128);

export const chatSchema = z.looseObject({
  ...shared,
  messages: z.array(message).min(1).max(10_000),
  max_completion_tokens: z.int().min(1).nullish(),
  logprobs: z.boolean().nullish(),
  tools: tools.nullish(),
  tool_choice: z.union([z.enum(['none', 'auto', 'required']), z.looseObject({ type: z.string() })]).nullish(),
  parallel_tool_calls: z.boolean().nullish(),
  top_logprobs: z.int().min(0).max(MAX_LOGPROBS).nullish(),
});

export const textSchema = z.looseObject({
  ...shared,
  prompt: z.union([z.string(), z.array(z.int().min(0)).min(1)]),
  logprobs: z.int().min(0).max(MAX_LOGPROBS).nullish(),
  // nothing in them would be checked here, and whoever reads the body takes it for a conversation by them
  messages: z.never('messages belong to /v1/chat/completions').optional(),
});

/** As customers send it: one prompt or several, each a text or tokens. */
export const textListSchema = textSchema.extend({
  prompt: z.union([
    ...textSchema.shape.prompt.options,
    z.array(z.string()).min(1),
    z.array(z.array(z.int().min(0)).min(1)).min(1),
  ]),
});

export type ChatBody = z.output<typeof chatSchema>;
export type TextBody = z.output<typeof textSchema>;
export type TextListBody = z.output<typeof textListSchema>;

/** What the customer wants, in the engine's terms. */
export interface CompletionRequest {
  readonly promptTokens: readonly number[];
  /** Of each answer. */
  readonly maxTokens: number;
  readonly choices: number;
  readonly sampling: SamplingOptions;
}

/** OpenAI's documented default for /v1/completions; a chat may fill what is left of the context. */
const DEFAULT_TEXT_MAX_TOKENS = 16;

/** @throws ApiProblem 400 `context_length_exceeded`, `unsupported_parameter`, `invalid_value` */
export function readChat(body: ChatBody, engine: TextEngine): CompletionRequest {
  const messages = body.messages.map(plainMessage);
  if (body.top_logprobs != null && body.logprobs !== true)
    throw new ApiProblem(400, 'invalid_value', 'top_logprobs: it needs logprobs to be true.', {
      param: 'top_logprobs',
    });
  return complete({
    form: 'chat',
    body,
    engine,
    promptTokens: engine.encodeChat(messages),
    asked: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    logprobs: body.logprobs === true ? (body.top_logprobs ?? 0) : undefined,
  });
}

/** @throws ApiProblem 400 `unsupported_parameter` for what belongs to tools */
function plainMessage(message: ChatBody['messages'][number], index: number): ChatMessage {
  const { role, content } = message;
  if (role === 'tool' || (message.role === 'assistant' && (message.tool_calls ?? []).length > 0)) {
    throw new ApiProblem(400, 'unsupported_parameter', 'This model calls no tools; leave messages about tools out.', {
      param: `messages.${index}`,
    });
  }
  return {
    role: role === 'developer' ? 'system' : role,
    content: typeof content === 'string' ? content : (content ?? []).map((part) => part.text).join(''),
  };
}

/** @throws ApiProblem 400 `context_length_exceeded`, `unsupported_parameter`, `invalid_value` */
export function readTextCompletion(body: TextBody, engine: TextEngine): CompletionRequest {
  const promptTokens = typeof body.prompt === 'string' ? engine.encode(body.prompt) : body.prompt;
  if (promptTokens.length === 0)
    throw new ApiProblem(400, 'invalid_value', 'prompt: it is empty.', { param: 'prompt' });
  const [asked, logprobs] = [body.max_tokens ?? undefined, body.logprobs ?? undefined];
  return complete({ form: 'text', body, engine, promptTokens, asked, logprobs });
}

interface Wish {
  readonly form: 'chat' | 'text';
  readonly body: ChatBody | TextBody;
  readonly engine: TextEngine;
  readonly promptTokens: readonly number[];
  /** Tokens to generate, where the body says so. */
  readonly asked: number | undefined;
  readonly logprobs: number | undefined;
}

function complete({ form, body, engine, promptTokens, asked, logprobs }: Wish): CompletionRequest {
  refuseUnsupported(body);
  const room = engine.contextLength - promptTokens.length;
  const fallback = form === 'text' ? Math.min(DEFAULT_TEXT_MAX_TOKENS, room) : room;
  const maxTokens = asked ?? fallback;
  if (room < 1 || maxTokens > room) throw tooLong(engine, promptTokens.length, asked, room);
  return {
    promptTokens,
    maxTokens,
    choices: body.n ?? 1,
    sampling: samplingOf(body, logprobs),
  };
}

function samplingOf(body: ChatBody | TextBody, logprobs: number | undefined): SamplingOptions {
  const { stop } = body;
  const wanted: { [Name in keyof SamplingOptions]: SamplingOptions[Name] | null | undefined } = {
    temperature: body.temperature,
    topP: body.top_p,
    topK: body.top_k,
    minP: body.min_p,
    repetitionPenalty: body.repetition_penalty,
    presencePenalty: body.presence_penalty,
    frequencyPenalty: body.frequency_penalty,
    logitBias: body.logit_bias,
    seed: body.seed,
    stop: typeof stop === 'string' ? [stop] : stop,
    format: formatOf(body.response_format),
    logprobs,
  };
  return Object.fromEntries(Object.entries(wanted).filter(([, value]) => value != null));
}

function formatOf(asked: ChatBody['response_format']): AnswerFormat | undefined {
  if (asked?.type === 'json_object') return { type: 'json-object' };
  return asked?.type === 'json_schema' ? { type: 'json-schema', schema: asked.json_schema.schema } : undefined;
}

function tooLong(engine: TextEngine, promptTokens: number, asked: number | undefined, room: number): ApiProblem {
  const wish =
    asked === undefined
      ? `${promptTokens} tokens of prompt`
      : `${promptTokens} tokens of prompt and max_tokens ${asked}`;
  const fits = room < 1 ? 'the prompt leaves no room for an answer' : `at most max_tokens ${room} fits this prompt`;
  return new ApiProblem(
    400,
    'context_length_exceeded',
    `${engine.modelId} has a context of ${engine.contextLength} tokens; asked were ${wish}; ${fits}.`,
    {
      param: room < 1 ? 'messages' : 'max_tokens',
    },
  );
}

function refuseUnsupported(body: ChatBody | TextBody): void {
  for (const name of UNSUPPORTED) {
    if (!asksForSomething(name, body[name])) continue;
    throw new ApiProblem(400, 'unsupported_parameter', `${name} is not offered by this server; leave it out.`, {
      param: name,
    });
  }
}

function asksForSomething(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false;
  if (name === 'best_of') return value !== 1;
  return !(typeof value === 'object' && Object.keys(value).length === 0);
}
