/** A model behind any server with OpenAI's chat completions, asked one question at a time: limits, retries, usage. */
import { z } from 'zod';
import { MoatError, messageOf } from './errors.js';

export interface ChatApiOptions {
  /** Up to and with `/v1`, such as `http://127.0.0.1:6628/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  readonly apiKey?: string | undefined;
  /** Default: the global one. */
  readonly fetch?: typeof fetch;
  /** Default 60,000. */
  readonly timeoutMs?: number;
  /** More attempts after an answer of 429 or 5xx, or none. Default 2. */
  readonly retries?: number;
  /** Waits between attempts. Default: real time. */
  readonly sleep?: (milliseconds: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly content: string;
}

export interface ChatRequest {
  readonly messages: readonly ChatMessage[];
  readonly temperature: number;
  readonly maxTokens?: number;
}

export interface ChatAnswer {
  readonly text: string;
  /** As the server counts them; 0 where it does not say. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export type ChatApi = (request: ChatRequest) => Promise<ChatAnswer>;

const TIMEOUT_MS = 60_000;
const RETRIES = 2;
const FIRST_PAUSE_MS = 1000;
const MOST_ANSWER_BYTES = 4_000_000;

const count = z.int().min(0).catch(0);
const answerSchema = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string() }) })).min(1),
  usage: z.object({ prompt_tokens: count, completion_tokens: count }).nullish().catch(undefined),
});

/** @throws MoatError `bad-url`; what it returns throws `chat-api-failed`, naming the server */
export function createChatApi(options: ChatApiOptions): ChatApi {
  const { retries = RETRIES, sleep = pause } = options;
  const endpoint = endpointOf(options.baseUrl);
  return async (request) => {
    for (let attempt = 0; ; attempt++) {
      const answer = await ask(endpoint, options, request);
      if ('text' in answer) return answer;
      if (!answer.isTransient || attempt >= retries || options.signal?.aborted === true) {
        throw new MoatError('chat-api-failed', `${endpoint.host}: ${answer.reason}`, {
          fix: 'Check the address, the model and the key.',
        });
      }
      await sleep(FIRST_PAUSE_MS * 2 ** attempt);
    }
  };
}

/** Takes `MODEL@URL` apart. @throws MoatError `bad-url` */
export function parseModelAtUrl(text: string): { readonly model: string; readonly baseUrl: string } {
  const at = text.indexOf('@');
  const [model, baseUrl] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
  if (model !== '' && URL.canParse(baseUrl)) return { model, baseUrl };
  throw new MoatError('bad-url', `"${text}" is not a model at an address`, {
    fix: 'Write it as MODEL@http://host:port/v1.',
  });
}

function endpointOf(baseUrl: string): URL {
  if (URL.canParse(baseUrl) && /^https?:$/.test(new URL(baseUrl).protocol)) {
    return new URL(`${baseUrl.replace(/\/+$/, '')}/chat/completions`);
  }
  throw new MoatError('bad-url', `"${baseUrl}" is not the address of a model's API`, {
    fix: 'Write it as http://host:port/v1.',
  });
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

interface Failure {
  readonly reason: string;
  readonly isTransient: boolean;
}

async function ask(endpoint: URL, options: ChatApiOptions, request: ChatRequest): Promise<ChatAnswer | Failure> {
  const { model, apiKey, timeoutMs = TIMEOUT_MS, signal } = options;
  const send = options.fetch ?? fetch;
  const { messages, temperature, maxTokens } = request;
  const timeout = AbortSignal.timeout(timeoutMs);
  let response: Response;
  let body: string;
  try {
    response = await send(endpoint, {
      method: 'POST',
      redirect: 'error',
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
      headers: {
        'content-type': 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
      },
      body: JSON.stringify({
        model,
        temperature,
        ...(maxTokens === undefined ? {} : { max_tokens: maxTokens }),
        messages,
      }),
    });
    body = await readLimited(response);
  } catch (error) {
    return { reason: `no answer (${messageOf(error)})`, isTransient: true };
  }
  if (!response.ok) {
    const isTransient = response.status === 429 || response.status >= 500;
    return { reason: `answered with status ${response.status}`, isTransient };
  }
  try {
    const { choices, usage } = answerSchema.parse(JSON.parse(body));
    return {
      text: (choices[0]?.message.content ?? '').trim(),
      inputTokens: usage?.prompt_tokens ?? 0,
      outputTokens: usage?.completion_tokens ?? 0,
    };
  } catch {
    return { reason: 'the answer is not a chat completion', isTransient: false };
  }
}

async function readLimited(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > MOST_ANSWER_BYTES) throw new Error(`more than ${MOST_ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
