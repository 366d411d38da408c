/**
 * What generation offers to everybody above it: one text in, a stream of text and token counts out. It knows nothing
 * about HTTP, customers or money; the gateway knows nothing about graphs, caches or worker threads.
 */
export interface SamplingOptions {
  /** 0 is greedy. Default 1. */
  temperature?: number;
  /** Keep the k most likely tokens; 0 or undefined keeps all. */
  topK?: number;
  /** Keep the smallest set of tokens with at least this probability, in (0, 1]. */
  topP?: number;
  /** Equal seeds give equal answers to equal requests. Undefined draws one. */
  seed?: number;
  /** Generation ends before the first of these; it is not part of the answer. */
  stop?: readonly string[];
}

export interface GenerateRequest extends SamplingOptions {
  /** Token ids, special tokens included, as `encode` or the chat template made them. Never empty. */
  promptTokens: readonly number[];
  /** At least 1; promptTokens.length + maxTokens must not exceed the context length. */
  maxTokens: number;
}

export type FinishReason = 'stop' | 'length' | 'aborted';

/** Text may be empty while a UTF-8 character or a stop string is still incomplete; the tokens count all the same. */
export interface TextChunk {
  type: 'text';
  text: string;
  /** Tokens generated since the previous chunk. */
  tokenCount: number;
}

export interface GenerateDone {
  type: 'done';
  finishReason: FinishReason;
  inputTokens: number;
  /** Part of inputTokens that was served from a prefix cache. */
  cachedTokens: number;
  /** Every token the model produced for this request, the end-of-text token included. */
  outputTokens: number;
  /** Milliseconds of engine time this request used; shared steps are divided among their requests. */
  computeMs: number;
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

export interface TextEngine {
  /** The name customers ask for. */
  readonly modelId: string;
  /** Tokens of prompt and answer together. */
  readonly contextLength: number;
  /** Tokens of a plain prompt. Cheap; runs on the calling thread. */
  encode(text: string): number[];
  /** Tokens of a conversation, rendered by the model's own chat template. Cheap; runs on the calling thread. */
  encodeChat(messages: readonly ChatMessage[]): number[];
  /**
   * Streams the answer: zero or more `text` chunks, then exactly one `done`. When `signal` aborts, generation stops
   * within one decode step and `done` with `finishReason: 'aborted'` carries the tokens generated until then.
   * @throws MoatError `engine-closed`, `context-overflow`, `queue-full`
   */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<TextChunk | GenerateDone>;
  close(): Promise<void>;
}
