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
  /** Keep tokens at least this share as likely as the likeliest, in [0, 1]; 0 or undefined keeps all. */
  minP?: number;
  /** Divides the logits of tokens that the prompt or the answer holds (CTRL, Keskar et al. 2019); 1 changes nothing. */
  repetitionPenalty?: number;
  /** Taken from the logit of every token that the answer holds, once. From −2 to 2. */
  presencePenalty?: number;
  /** Taken from the logit of every token as often as the answer holds it. From −2 to 2. */
  frequencyPenalty?: number;
  /** Added to the logits of these tokens, from −100 (never) to 100 (always). Keys are token ids. */
  logitBias?: Readonly<Record<number, number>>;
  /** Give the log-probability of each token, with those of this many likeliest ones, up to 20. */
  logprobs?: number;
  /** Equal seeds give equal answers to equal requests. Undefined draws one. */
  seed?: number;
  /** Generation ends before the first of these; it is not part of the answer. */
  stop?: readonly string[];
  /** What form the answer has: any JSON object, or one that fits a JSON schema. Undefined is free text. */
  format?: AnswerFormat;
}

export type AnswerFormat =
  | { readonly type: 'json-object' }
  /** @see compileJsonSchema for what schemas may say */
  | { readonly type: 'json-schema'; readonly schema: unknown };

export interface GenerateRequest extends SamplingOptions {
  /** Token ids, special tokens included, as `encode` or the chat template made them. Never empty. */
  promptTokens: readonly number[];
  /** At least 1; promptTokens.length + maxTokens must not exceed the context length. */
  maxTokens: number;
  /** How many answers; drawn with seed, seed + 1 …, so that the first is the one given alone. Default 1. */
  choices?: number;
  /**
   * Instead of drawing, keep this many beginnings and give the one that is likeliest as a whole (beam search). Knows no
   * other sampling option than `stop`. 1 or undefined draws.
   */
  beams?: number;
  /** Answers of `beams` are ranked by log-probability / length^this. Default 1. */
  lengthPenalty?: number;
  /** Prompts are shared in the cache within one scope only, so that nobody can measure what others asked. */
  cacheScope?: string;
}

export type FinishReason = 'stop' | 'length' | 'aborted';

/** A token's probability given everything before it, before any sampling option changes it. */
export interface TokenLogprob {
  readonly token: number;
  /** Natural logarithm. */
  readonly logprob: number;
}

export interface ScoredToken extends TokenLogprob {
  /** The likeliest tokens at its place, in falling order. */
  readonly top: readonly TokenLogprob[];
}

/** Text may be empty while a UTF-8 character or a stop string is still incomplete; the tokens count all the same. */
export interface TextChunk {
  type: 'text';
  text: string;
  /** Which answer it belongs to, from 0. */
  choice: number;
  /** Tokens generated since the previous chunk of the same answer. */
  tokenCount: number;
  /** Those tokens, where `logprobs` were asked for. */
  logprobs?: readonly ScoredToken[];
}

export interface GenerateDone {
  type: 'done';
  /** Of each answer. */
  finishReasons: readonly FinishReason[];
  /** Of the prompt, once, however many answers it has. */
  inputTokens: number;
  /** Part of inputTokens that was served from a prefix cache. */
  cachedTokens: number;
  /** Every token of every answer, the end-of-text tokens included. */
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
   * Tokens of a text with a gap, from which a model that learned `infill` writes what stands between.
   * @throws MoatError `no-infill-tokens`
   */
  encodeInfill(before: string, after: string): number[];
  /** The bytes a token stands for; none for special tokens. @throws RangeError for an unknown id */
  tokenBytes(id: number): Uint8Array;
  /**
   * Streams the answer: zero or more `text` chunks, then exactly one `done`. When `signal` aborts, generation stops
   * within one decode step and `done` with the finish reason `aborted` carries the tokens generated until then.
   * @throws MoatError `engine-closed`, `context-overflow`, `queue-full`, `bad-sampling`; while streaming: `bad-schema`
   */
  generate(request: GenerateRequest, signal?: AbortSignal): AsyncIterable<TextChunk | GenerateDone>;
  close(): Promise<void>;
}
