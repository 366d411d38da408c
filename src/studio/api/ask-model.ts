/** One streamed answer from `/api/playground`, in the form of OpenAI's chunks (chat and completion alike). */
import type { ApiError } from '../../company/gateway/api-types.js';
import { type Api, ApiFailure } from './client.js';
import { readMessages } from './server-sent-events.js';

export interface ChatMessage {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

export interface Question {
  readonly model: string;
  readonly messages?: readonly ChatMessage[];
  readonly prompt?: string;
  readonly max_tokens: number;
  readonly temperature: number;
  readonly top_p: number;
  readonly seed?: number;
}

export interface AnswerUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface AnswerEnd {
  readonly usage: AnswerUsage | null;
  /** OpenAI's finish reason; null when the stream broke off. */
  readonly finishReason: string | null;
}

interface Chunk {
  choices?: { delta?: { content?: string | null }; text?: string; finish_reason?: string | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: ApiError['error'];
}

/** @throws ApiFailure when the server refuses or fails; an AbortError when `signal` aborts */
export async function askModel(
  api: Api,
  question: Question,
  onText: (text: string) => void,
  signal: AbortSignal,
): Promise<AnswerEnd> {
  const stream = await api.stream('/api/playground', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(question),
    signal,
  });
  let usage: AnswerUsage | null = null;
  let finishReason: string | null = null;
  for await (const { data } of readMessages(stream)) {
    if (data === '[DONE]') break;
    const chunk = JSON.parse(data) as Chunk;
    if (chunk.error !== undefined) throw new ApiFailure(500, chunk.error.code, chunk.error.message);
    const choice = chunk.choices?.[0];
    const text = choice?.delta?.content ?? choice?.text ?? '';
    if (text !== '') onText(text);
    finishReason = choice?.finish_reason ?? finishReason;
    if (chunk.usage) usage = { inputTokens: chunk.usage.prompt_tokens, outputTokens: chunk.usage.completion_tokens };
  }
  return { usage, finishReason };
}
