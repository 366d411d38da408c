/** `POST /v1/responses`, text only: the body, and the chat that it asks for. */
import { z } from 'zod';
import { ApiProblem } from '../api-problem.js';
import { type ChatBody, chatSchema } from '../completion-request.js';

const textPart = z.looseObject({
  type: z.enum(['input_text', 'output_text'], 'only text is offered here'),
  text: z.string(),
});

const inputMessage = z.looseObject({
  type: z.literal('message', 'only messages are offered here').optional(),
  role: z.enum(['user', 'assistant', 'system', 'developer']),
  content: z.union([z.string(), z.array(textPart)]),
});

const textFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({ type: z.literal('json_schema'), name: z.string(), schema: z.record(z.string(), z.unknown()) }),
]);

export const responsesSchema = z.looseObject({
  model: z.string().min(1).max(200),
  input: z.union([z.string(), z.array(inputMessage).min(1).max(10_000)]),
  instructions: z.string().nullish(),
  max_output_tokens: z.int().min(1).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  text: z.looseObject({ format: textFormat.nullish() }).nullish(),
  stream: z.boolean().nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});
export type ResponsesBody = z.output<typeof responsesSchema>;

/** Would change the answer, or promise to keep it: asked for and not done would be a lie. Values that ask for nothing are taken. */
const UNSUPPORTED: Readonly<Record<string, readonly unknown[]>> = {
  store: [false],
  background: [false],
  tools: [],
  tool_choice: ['none', 'auto'],
  parallel_tool_calls: [true, false],
  previous_response_id: [],
  conversation: [],
  prompt: [],
  include: [],
  reasoning: [],
  max_tool_calls: [],
  top_logprobs: [0],
  truncation: ['disabled'],
};

/**
 * The same request as a chat.
 * @throws ApiProblem 400 `unsupported_parameter`, `invalid_value`
 */
export function chatOf(body: ResponsesBody): ChatBody {
  for (const [name, harmless] of Object.entries(UNSUPPORTED)) {
    const value = body[name];
    if (value === undefined || value === null || harmless.includes(value) || isEmpty(value)) continue;
    throw new ApiProblem(400, 'unsupported_parameter', `${name} is not offered by this server; leave it out.`, {
      param: name,
    });
  }
  const asked = typeof body.input === 'string' ? [{ role: 'user' as const, content: body.input }] : body.input;
  const messages = asked.map(({ role, content }) => ({
    role,
    content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
  }));
  const instructions = body.instructions == null ? [] : [{ role: 'system' as const, content: body.instructions }];
  const chat = {
    model: body.model,
    messages: [...instructions, ...messages],
    max_completion_tokens: body.max_output_tokens,
    temperature: body.temperature,
    top_p: body.top_p,
    stream: body.stream,
    response_format: formatOf(body),
  };
  return chatSchema.parse(chat);
}

function formatOf({ text }: ResponsesBody): unknown {
  const format = text?.format;
  if (format?.type !== 'json_schema') return format;
  const { type, ...json_schema } = format;
  return { type, json_schema };
}

const isEmpty = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
