/** A customer's request as an engine elsewhere gets it, and what it can use at most. */
import { MoatError } from '../../../base/errors.js';
import type { ChatTurn, Tokenizer } from '../../../lab/tokenizer/tokenizer.js';
import { ApiProblem } from '../api-problem.js';
import type { ChatBody, TextBody } from '../completion-request.js';
import type { UpstreamModel, UpstreamTarget } from './upstream-file.js';

export interface UpstreamRequest {
  readonly form: 'chat' | 'text';
  readonly route: '/chat/completions' | '/completions';
  /** JSON of everything that is the same for all targets, without its opening brace. */
  readonly fields: string;
  /** UTF-8 bytes of it. */
  readonly sizeBytes: number;
  /** Their names, also as `completions.logprobs`: what a target must not lack. */
  readonly uses: ReadonlySet<string>;
  /** Of each answer. */
  readonly maxTokens: number;
  readonly choices: number;
  readonly inputTokens: number;
  readonly inputIsExact: boolean;
  /** Ids of the model's own vocabulary, which only some targets understand. */
  readonly hasTokenPrompt: boolean;
}

const SHARED = [
  'temperature',
  'top_p',
  'top_k',
  'min_p',
  'n',
  'stop',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'repetition_penalty',
  'logit_bias',
  'logprobs',
  'response_format',
];
const ALLOWED = {
  chat: new Set([
    ...SHARED,
    'messages',
    'top_logprobs',
    'tools',
    'tool_choice',
    'parallel_tool_calls',
    'reasoning_effort',
  ]),
  text: new Set([...SHARED, 'prompt', 'suffix']),
};

/** Said by us instead (the first five), or about the customer, whom an engine elsewhere need not know. */
const DROPPED = new Set([
  'model',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'user',
  'metadata',
  'store',
  'safety_identifier',
  'prompt_cache_key',
]);

/** What says only what is so anyway: an engine that does not know the field need not hear of it. */
const NEUTRAL: Readonly<Record<string, (value: unknown, body: ChatBody | TextBody) => boolean>> = {
  n: (value) => value === 1,
  presence_penalty: (value) => value === 0,
  frequency_penalty: (value) => value === 0,
  logprobs: (value) => value === false,
  logit_bias: (value) => isEmptyObject(value),
  tools: (value) => isEmptyObject(value),
  tool_choice: (value, body) => value === (isListed(body['tools']) ? 'auto' : 'none'),
  parallel_tool_calls: (value, body) => value === true || !isListed(body['tools']),
  response_format: (value) => typeof value === 'object' && value !== null && 'type' in value && value.type === 'text',
  suffix: (value) => value === '',
};
const isEmptyObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && Object.keys(value).length === 0;
const isListed = (tools: unknown): boolean => Array.isArray(tools) && tools.length > 0;

/** OpenAI's documented default for /v1/completions. */
const DEFAULT_TEXT_MAX_TOKENS = 16;
/** What a chat template writes around a message, and once around all (default instructions, the date, how to call tools). */
const TOKENS_A_MESSAGE = 16;
const TOKENS_A_CHAT = 256;

/** @throws ApiProblem 400 `unsupported_parameter`, `unsupported_content`, `context_length_exceeded` */
export function chatRequest(body: ChatBody, model: UpstreamModel): UpstreamRequest {
  for (const { content } of body.messages) {
    if (Array.isArray(content) && content.some((part) => part.type !== 'text')) {
      throw new ApiProblem(400, 'unsupported_content', `${model.modelId}: messages have text parts only.`, {
        param: 'messages',
      });
    }
  }
  const { fields, sizeBytes, uses } = fieldsOf(body, 'chat', model);
  const tools = body['tools'] == null ? 0 : Buffer.byteLength(JSON.stringify(body['tools']));
  return complete(model, {
    form: 'chat',
    route: '/chat/completions',
    fields,
    sizeBytes,
    uses,
    choices: body.n ?? 1,
    exact: model.tokenizer === undefined ? undefined : chatTokens(body, model.tokenizer),
    // templates may write tools once more, and with indentation
    bound: sizeBytes + tools + body.messages.length * TOKENS_A_MESSAGE + TOKENS_A_CHAT,
    asked: body.max_completion_tokens ?? body.max_tokens ?? undefined,
    fallback: model.maxOutputTokens,
    hasTokenPrompt: false,
  });
}

/** @throws ApiProblem 400 `unsupported_parameter`, `token_prompt_unsupported`, `context_length_exceeded` */
export function textRequest(body: TextBody, model: UpstreamModel): UpstreamRequest {
  const { prompt } = body;
  const hasTokenPrompt = typeof prompt !== 'string';
  if (hasTokenPrompt && !model.targets.some(({ tokens }) => tokens)) {
    throw new ApiProblem(400, 'token_prompt_unsupported', `${model.modelId}: prompt: send text, not token ids.`, {
      param: 'prompt',
    });
  }
  const { fields, sizeBytes, uses } = fieldsOf(body, 'text', model);
  const isPlain = body['suffix'] == null || body['suffix'] === '';
  const ofText =
    typeof prompt === 'string' && isPlain && model.tokenizer !== undefined
      ? model.tokenizer.promptStart.length + model.tokenizer.encode(prompt).length
      : undefined;
  return complete(model, {
    form: 'text',
    route: '/completions',
    fields,
    sizeBytes,
    uses,
    choices: body.n ?? 1,
    exact: hasTokenPrompt ? prompt.length : ofText,
    bound: sizeBytes + TOKENS_A_MESSAGE,
    asked: body.max_tokens ?? undefined,
    fallback: Math.min(DEFAULT_TEXT_MAX_TOKENS, model.maxOutputTokens),
    hasTokenPrompt,
  });
}

interface Draft extends Omit<UpstreamRequest, 'maxTokens' | 'inputTokens' | 'inputIsExact'> {
  /** Tokens of the prompt, where they are known. */
  readonly exact: number | undefined;
  /**
   * Otherwise: the bytes of everything that reaches the template. A token is at least one byte, and JSON is never shorter
   * than the texts in it, so there cannot be more.
   */
  readonly bound: number;
  readonly asked: number | undefined;
  readonly fallback: number;
}

function complete(model: UpstreamModel, { exact, bound, asked, fallback, ...draft }: Draft): UpstreamRequest {
  const { contextLength, modelId } = model;
  const room = contextLength === null ? Infinity : contextLength - (exact ?? 1);
  const maxTokens = asked ?? Math.min(fallback, room);
  if (maxTokens > room || room < 1) {
    const prompt = exact === undefined ? '' : `${exact} tokens of prompt`;
    const wish = [prompt, asked === undefined ? '' : `max_tokens ${asked}`].filter((part) => part !== '').join(' and ');
    throw new ApiProblem(
      400,
      'context_length_exceeded',
      `${modelId} has a context of ${contextLength} tokens; asked were ${wish}.`,
      { param: room < 1 ? (draft.form === 'chat' ? 'messages' : 'prompt') : 'max_tokens' },
    );
  }
  const most = contextLength === null ? bound : Math.min(bound, contextLength);
  return { ...draft, maxTokens, inputTokens: exact ?? most, inputIsExact: exact !== undefined };
}

type Fields = Pick<UpstreamRequest, 'fields' | 'sizeBytes' | 'uses'>;

function fieldsOf(body: ChatBody | TextBody, form: 'chat' | 'text', model: UpstreamModel): Fields {
  const sent: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (value == null || DROPPED.has(name) || NEUTRAL[name]?.(value, body) === true) continue;
    if (ALLOWED[form].has(name)) sent[name] = value;
    else if (value !== false) {
      throw new ApiProblem(400, 'unsupported_parameter', `${name} is not offered by this server; leave it out.`, {
        param: name,
      });
    }
  }
  const fields = JSON.stringify(sent).slice(1);
  const names = Object.keys(sent);
  const uses = new Set([...names, ...names.map((name) => `${form === 'chat' ? 'chat' : 'completions'}.${name}`)]);
  refuseWhatNobodyHas(uses, model);
  return { fields, sizeBytes: Buffer.byteLength(fields), uses };
}

/** Whether an engine knows every field of a request. */
export const knowsFields = ({ lacks }: UpstreamTarget, { uses }: Pick<UpstreamRequest, 'uses'>): boolean =>
  !lacks.some((name) => uses.has(name));

/** Said before anything is asked: an engine that ignores a field would sell something else than was asked for. */
function refuseWhatNobodyHas(uses: ReadonlySet<string>, { modelId, targets }: UpstreamModel): void {
  if (targets.some((target) => knowsFields(target, { uses }))) return;
  const name = targets[0]?.lacks.find((lacked) => uses.has(lacked))?.replace(/^(chat|completions)\./, '') ?? '';
  throw new ApiProblem(
    400,
    'unsupported_parameter',
    `${modelId}: ${name} is not offered for this model; leave it out.`,
    {
      param: name,
    },
  );
}

/** The body for one target. Always streamed, so that an answer that is cut off is charged what was sent of it. */
export function bodyFor({ fields, maxTokens }: UpstreamRequest, target: UpstreamTarget): string {
  const usage = target.usageInEveryChunk
    ? '{"include_usage":true,"continuous_usage_stats":true}'
    : '{"include_usage":true}';
  const options = target.lacks.includes('stream_options') ? '' : `"stream_options":${usage},`;
  const limit = `"${target.maxTokensField}":${maxTokens}`;
  return `{"model":${JSON.stringify(target.model)},"stream":true,${options}${limit},${fields}`;
}

/** Tokens of a plain conversation by the tokenizer's template; undefined where tools or the template make that a guess. */
function chatTokens(body: ChatBody, tokenizer: Tokenizer): number | undefined {
  if (body['tools'] != null || body['reasoning_effort'] != null) return undefined;
  const turns: ChatTurn[] = [];
  for (const { role, content, ...rest } of body.messages) {
    const speaker: string = role;
    const turnRole = speaker === 'developer' ? 'system' : speaker;
    if (turnRole !== 'system' && turnRole !== 'user' && turnRole !== 'assistant') return undefined;
    if (content == null || 'tool_calls' in rest || 'name' in rest) return undefined;
    turns.push({
      role: turnRole,
      content: typeof content === 'string' ? content : content.map(({ text }) => text).join(''),
    });
  }
  try {
    return tokenizer.renderChat(turns).length;
  } catch (error) {
    // a tokenizer without a template, or a conversation it refuses: the engine decides
    if (error instanceof MoatError) return undefined;
    throw error;
  }
}
