import { z } from 'zod';
import type { ChatMessage, SamplingOptions, TextEngine } from '../../lab/generate/engine.js';
import { ApiProblem } from './api-problem.js';

/** Parameters of OpenAI's that would change the answer: asked for and not done would be a lie, so they are refused. */
const UNSUPPORTED = [
  'tools',
  'functions',
  'logprobs',
  'top_logprobs',
  'response_format',
  'logit_bias',
  'presence_penalty',
  'frequency_penalty',
  'best_of',
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
  n: z.literal(1, 'only n = 1 is offered').nullish(),
};

const textParts = z.array(z.looseObject({ type: z.literal('text', 'only text parts are offered'), text: z.string() }));
const message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z.union([z.string(), textParts]),
});

export const chatSchema = z.looseObject({
  ...shared,
  messages: z.array(message).min(1).max(10_000),
  max_completion_tokens: z.int().min(1).nullish(),
});

export const textSchema = z.looseObject({
  ...shared,
  prompt: z.union([z.string(), z.array(z.int().min(0)).min(1)]),
});

export type ChatBody = z.output<typeof chatSchema>;
export type TextBody = z.output<typeof textSchema>;

/** What the customer wants, in the engine's terms. */
export interface CompletionRequest {
  readonly form: 'chat' | 'text';
  readonly promptTokens: readonly number[];
  readonly maxTokens: number;
  readonly sampling: SamplingOptions;
  readonly stream: boolean;
  readonly includeUsage: boolean;
}

/** OpenAI's documented default for /v1/completions; a chat may fill what is left of the context. */
const DEFAULT_TEXT_MAX_TOKENS = 16;

/** @throws ApiProblem 400 `context_length_exceeded`, `unsupported_parameter`, `invalid_value` */
export function readChat(body: ChatBody, engine: TextEngine): CompletionRequest {
  const messages = body.messages.map((message): ChatMessage => ({
    role: message.role === 'developer' ? 'system' : message.role,
    content: typeof message.content === 'string' ? message.content : message.content.map((part) => part.text).join(''),
  }));
  return complete(
    'chat',
    body,
    engine,
    engine.encodeChat(messages),
    body.max_completion_tokens ?? body.max_tokens ?? undefined,
  );
}

/** @throws ApiProblem 400 `context_length_exceeded`, `unsupported_parameter`, `invalid_value` */
export function readTextCompletion(body: TextBody, engine: TextEngine): CompletionRequest {
  const promptTokens = typeof body.prompt === 'string' ? engine.encode(body.prompt) : body.prompt;
  if (promptTokens.length === 0)
    throw new ApiProblem(400, 'invalid_value', 'prompt: it is empty.', { param: 'prompt' });
  return complete('text', body, engine, promptTokens, body.max_tokens ?? undefined);
}

function complete(
  form: CompletionRequest['form'],
  body: ChatBody | TextBody,
  engine: TextEngine,
  promptTokens: readonly number[],
  asked: number | undefined,
): CompletionRequest {
  refuseUnsupported(body);
  const room = engine.contextLength - promptTokens.length;
  const fallback = form === 'text' ? Math.min(DEFAULT_TEXT_MAX_TOKENS, room) : room;
  const maxTokens = asked ?? fallback;
  if (room < 1 || maxTokens > room) throw tooLong(engine, promptTokens.length, asked, room);
  const stop = body.stop ?? undefined;
  return {
    form,
    promptTokens,
    maxTokens,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    sampling: {
      ...(body.temperature == null ? {} : { temperature: body.temperature }),
      ...(body.top_p == null ? {} : { topP: body.top_p }),
      ...(body.top_k == null ? {} : { topK: body.top_k }),
      ...(body.seed == null ? {} : { seed: body.seed }),
      ...(stop === undefined ? {} : { stop: typeof stop === 'string' ? [stop] : stop }),
    },
  };
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

const plainFormat = z.object({ type: z.literal('text') });
function asksForSomething(name: string, value: unknown): boolean {
  if (value === undefined || value === null || value === false || value === 0 || value === '') return false;
  if (name === 'best_of') return value !== 1;
  if (name === 'response_format') return !plainFormat.safeParse(value).success;
  return !(typeof value === 'object' && Object.keys(value).length === 0);
}
