/**
 * What answers requests for one model: a local engine (`local-backend.ts`) or an engine elsewhere (`upstream/`). The gateway admits,
 * reserves, settles and formats; a backend says beforehand what a request can use at most, and then answers it. Knows nothing of
 * customers and money.
 */
import type { ScoredToken } from '../../lab/generate/engine.js';
import { ApiProblem } from './api-problem.js';
import type { ChatBody, TextBody } from './completion-request.js';

export interface Backend {
  /** The name customers ask for. */
  readonly modelId: string;
  /** Tokens of prompt and answer together; null where it is not known. */
  readonly contextLength: number | null;
  /** Checks the request and says what it can use at most; nothing runs yet. @throws ApiProblem 400 */
  prepareChat(body: ChatBody): PreparedAnswer;
  /** As `prepareChat`. */
  prepareText(body: TextBody): PreparedAnswer;
  /** The bytes of a token, where answers carry `ScoredToken`s. */
  tokenBytes?(token: number): Uint8Array;
  /** How the engines elsewhere are, where they answer. */
  health?(): BackendHealth;
}

export interface BackendHealth {
  /** Whether a request would be sent anywhere now. */
  readonly isAvailable: boolean;
  readonly targets: readonly {
    readonly target: string;
    /** Of its circuit breaker: an open one rests. */
    readonly state: 'closed' | 'open' | 'half-open';
    readonly inFlight: number;
    readonly consecutiveFailures: number;
    readonly lastFailure: string | null;
    /** Milliseconds until it may be asked again. */
    readonly restsMs: number;
    /** Why it is not used at all: it is not the engine that was meant, as far as is known. */
    readonly unfit: string | null;
  }[];
}

export interface PreparedAnswer {
  /** Tokens of the prompt: exact where `inputIsExact`, else an upper bound. */
  readonly inputTokens: number;
  readonly inputIsExact: boolean;
  /** The most that all answers together can have. */
  readonly maxOutputTokens: number;
  /** Answers to the one prompt (`n`). */
  readonly choices: number;
  /**
   * Zero or more parts, then exactly one `done`. When `signal` aborts, work ends within a decode step (locally) or the upstream
   * connection is cut, and `done` with the finish reason `aborted` counts what was generated until then.
   * @param scope prompts are shared in a cache within one scope only
   * @throws ApiProblem or MoatError; `wasStarted` of `BackendFailure` says whether tokens may have been generated
   */
  run(scope: string, signal: AbortSignal): AsyncIterable<AnswerPart | AnswerDone>;
}

/** A piece of an answer. Text may be empty; the tokens count all the same. */
export interface AnswerPart {
  readonly type: 'part';
  /** Which answer it belongs to, from 0. */
  readonly choice: number;
  readonly text: string;
  /** Tokens since the previous part of the same answer. */
  readonly tokenCount: number;
  /** Of a local engine; formatted by `score-format.ts`. */
  readonly logprobs?: readonly ScoredToken[];
  /** Of an upstream, already in OpenAI's form. */
  readonly formattedLogprobs?: object;
  /** Calls of tools, as OpenAI streams them: index, id, type, function with name and pieces of its arguments. */
  readonly toolCalls?: readonly ToolCallDelta[];
  /** What a reasoning model thinks aloud (`reasoning_content`). */
  readonly reasoning?: string;
  readonly refusal?: string;
}

export interface ToolCallDelta {
  readonly index: number;
  readonly id?: string;
  readonly type?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

export type AnswerEnd = 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'aborted';

/** Token classes are disjoint in the books; here `cachedTokens` is part of `inputTokens`, `reasoningTokens` of `outputTokens`, as engines say it. */
export interface AnswerDone {
  readonly type: 'done';
  /** Of each answer. */
  readonly finishReasons: readonly AnswerEnd[];
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Milliseconds of engine time; of an upstream, the time it took. */
  readonly computeMs: number;
}

/** An answer that failed on the backend's side. What a customer may hear of it is its message. */
export class BackendFailure extends ApiProblem {
  /** Whether parts were passed on. */
  readonly wasStarted: boolean;
  /** Of the parts that were. */
  readonly outputTokens: number;

  constructor(
    code: string,
    message: string,
    options: { wasStarted: boolean; outputTokens: number; retryAfterSeconds?: number; cause?: unknown },
  ) {
    super(503, code, message, options);
    this.name = 'BackendFailure';
    this.wasStarted = options.wasStarted;
    this.outputTokens = options.outputTokens;
  }
}
