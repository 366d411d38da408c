/**
 * Spans of requests, named as OpenTelemetry's conventions for generative AI name them
 * (https://github.com/open-telemetry/semantic-conventions-genai, `docs/gen-ai/client-inference.md`). Speaks to `@opentelemetry/api` alone: whoever
 * runs the gateway attaches an SDK, and without one every span is nothing. No prompt, no answer, no key and no customer is in one.
 */
import {
  type Attributes,
  type Context,
  type Span,
  SpanKind,
  SpanStatusCode,
  context,
  createTraceState,
  isSpanContextValid,
  trace,
} from '@opentelemetry/api';
import type { Scope } from '../billing/admission.js';
import type { Usage } from '../billing/settlement.js';

/** What a span says of a request beside its model, as the customer said it. */
export interface TracedWish {
  readonly headers: TraceHeaders;
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly isStream?: boolean | undefined;
  /** Answers to the one prompt. */
  readonly choices?: number | undefined;
}

export interface TracedAnswer {
  /** `req_…`, as in the header `x-request-id`. */
  readonly requestId: string;
  readonly finishReasons: readonly string[];
  readonly usage: Usage;
  /** From admission; undefined where no text came. */
  readonly firstTextSeconds: number | undefined;
}

export interface RequestTrace {
  /** 32 hexadecimal digits, for logs; undefined where neither an SDK nor the customer traces this request. */
  readonly traceId: string | undefined;
  /** Begins the span of a part of the request. @returns what ends it, with what was thrown where something was */
  begin(part: 'admit' | 'generate' | 'settle'): (error?: unknown) => void;
  answered(answer: TracedAnswer): void;
  /** @param code the stable one of the answer: `insufficient_credit`, `internal_error` … */
  failed(code: string): void;
  /** To be called exactly once, when the answer has ended. */
  end(): void;
}

/** The conventions know no moderation; other names are allowed. */
const OPERATIONS: Readonly<Record<Scope, string>> = {
  chat: 'chat',
  responses: 'chat',
  completions: 'text_completion',
  embeddings: 'embeddings',
  moderations: 'moderation',
};

const NOTHING_SAID: TracedWish = { headers: {} };

/**
 * Begins the span of a request, below the span that is active (an instrumented HTTP server's) or else the one that the
 * request names in `traceparent` (https://www.w3.org/TR/trace-context).
 */
export function traceRequest(scope: Scope, model: string, wish: TracedWish = NOTHING_SAID): RequestTrace {
  const active = context.active();
  const parent = trace.getSpan(active) === undefined ? withRemoteParent(active, wish.headers) : active;
  // Asked for each time: an SDK may be attached after this file was loaded.
  const tracer = trace.getTracer('moatlm');
  const operation = OPERATIONS[scope];
  const attributes = requestAttributes(operation, model, wish);
  const span = tracer.startSpan(`${operation} ${model}`, { kind: SpanKind.SERVER, attributes }, parent);
  const spanContext = span.spanContext();
  const below = trace.setSpan(parent, span);
  return {
    traceId: isSpanContextValid(spanContext) ? spanContext.traceId : undefined,
    begin(part) {
      if (!span.isRecording()) return () => undefined;
      const child = tracer.startSpan(part, { kind: SpanKind.INTERNAL }, below);
      return (error) => {
        // The name alone: a message may quote what a customer wrote.
        if (error !== undefined) markFailed(child, error instanceof Error ? error.name : 'error');
        child.end();
      };
    },
    answered: (answer) => void span.setAttributes(answerAttributes(answer)),
    failed: (code) => markFailed(span, code),
    end: () => span.end(),
  };
}

export interface TraceHeaders {
  readonly traceparent?: string | string[] | undefined;
  readonly tracestate?: string | string[] | undefined;
}

/** Version 00 of the header; later versions may append fields. All zeros is no trace. */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:-|$)/;

/** Read here and not by the SDK's propagator, so that logs have the customer's trace id without any SDK. */
function withRemoteParent(active: Context, { traceparent, tracestate }: TraceHeaders): Context {
  if (typeof traceparent !== 'string') return active;
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return active;
  const spanContext = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  if (!isSpanContextValid(spanContext)) return active;
  const traceState = typeof tracestate === 'string' ? { traceState: createTraceState(tracestate) } : {};
  return trace.setSpanContext(active, { ...spanContext, ...traceState });
}

function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function requestAttributes(operation: string, model: string, wish: TracedWish): Attributes {
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': 'moat',
    'gen_ai.request.model': model,
    'gen_ai.request.max_tokens': wish.maxTokens,
    'gen_ai.request.temperature': wish.temperature,
    'gen_ai.request.top_p': wish.topP,
    'gen_ai.request.stream': wish.isStream === true ? true : undefined,
    'gen_ai.request.choice.count': wish.choices === 1 ? undefined : wish.choices,
  };
}

function answerAttributes({ requestId, finishReasons, usage, firstTextSeconds }: TracedAnswer): Attributes {
  return {
    'gen_ai.response.id': requestId,
    'gen_ai.response.finish_reasons': [...finishReasons],
    'gen_ai.response.time_to_first_chunk': firstTextSeconds,
    'gen_ai.usage.input_tokens': usage.inputTokens,
    'gen_ai.usage.cache_read.input_tokens': usage.cachedTokens === 0 ? undefined : usage.cachedTokens,
    'gen_ai.usage.output_tokens': usage.outputTokens,
    'gen_ai.usage.reasoning.output_tokens': usage.reasoningTokens === 0 ? undefined : usage.reasoningTokens,
  };
}
