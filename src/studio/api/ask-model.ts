/** One streamed answer from `/api/playground`, in the form of OpenAI's chunks (chat and completion alike). */
import type { ApiError } from '../../company/gateway/api-types.js';
import { type Api, ApiFailure } from './client.js';
import type { Question } from './asked.js';
import { readMessages } from './server-sent-events.js';

export interface AnswerUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

export interface AnswerEnd {
  readonly usage: AnswerUsage | null;
  /** OpenAI's finish reason; null when the stream broke off. */
  readonly finishReason: string | null;
}

/** A token that was drawn, and what else could have been. */
export interface DrawnToken {
  readonly text: string;
  /** 0 to 1. */
  readonly probability: number;
  /** The likeliest ones, itself among them. */
  readonly likeliest: readonly { readonly text: string; readonly probability: number }[];
  /** Of its text in UTF-8, where they are told: a token can be a part of a character. */
  readonly bytes: readonly number[] | null;
}

/** A piece of an answer; `tokens` where they were asked for and the model's engine tells. */
export interface AnswerPiece {
  readonly text: string;
  readonly tokens: readonly DrawnToken[];
}

interface ChatLogprob {
  token: string;
  logprob: number;
  bytes?: number[] | null;
  top_logprobs?: { token: string; logprob: number }[];
}

interface Choice {
  delta?: { content?: string | null };
  text?: string;
  finish_reason?: string | null;
  logprobs?: {
    /** Of a chat. */
    content?: ChatLogprob[] | null;
    /** Of a completion: columns. */
    tokens?: string[];
    token_logprobs?: (number | null)[];
    top_logprobs?: (Record<string, number> | null)[] | null;
  } | null;
}

interface Chunk {
  choices?: Choice[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: ApiError['error'];
}

/** @throws ApiFailure when the server refuses or fails; an AbortError when `signal` aborts */
export async function askModel(
  api: Api,
  question: Question,
  onPiece: (piece: AnswerPiece) => void,
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
    const piece = { text: choice?.delta?.content ?? choice?.text ?? '', tokens: drawnTokens(choice?.logprobs) };
    if (piece.text !== '' || piece.tokens.length > 0) onPiece(piece);
    finishReason = choice?.finish_reason ?? finishReason;
    if (chunk.usage) usage = { inputTokens: chunk.usage.prompt_tokens, outputTokens: chunk.usage.completion_tokens };
  }
  return { usage, finishReason };
}

function drawnTokens(logprobs: Choice['logprobs']): DrawnToken[] {
  const ofChat = (logprobs?.content ?? []).map(({ token, logprob, bytes = null, top_logprobs: top = [] }) => ({
    text: token,
    bytes,
    probability: Math.exp(logprob),
    likeliest: top.map((other) => ({ text: other.token, probability: Math.exp(other.logprob) })),
  }));
  const ofText = (logprobs?.tokens ?? []).map((text, index) => ({
    text,
    bytes: null,
    probability: Math.exp(logprobs?.token_logprobs?.[index] ?? 0),
    likeliest: Object.entries(logprobs?.top_logprobs?.[index] ?? {}).map(([other, logprob]) => ({
      text: other,
      probability: Math.exp(logprob),
    })),
  }));
  return [...ofChat, ...ofText];
}
