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

export interface TracedRequest {
  readonly operation: 'chat' | 'text_completion' | 'embeddings';
  readonly model: string;
  /** Who makes the answer. Default `moat`: an engine of our own. */
  readonly provider?: string;
  readonly maxTokens?: number | undefined;
  readonly temperature?: number | undefined;
  readonly topP?: number | undefined;
  readonly isStream?: boolean;
  /** Answers to the one prompt. */
  readonly choices?: number;
}

export interface TracedAnswer {
  /** As the customer gets it. */
  readonly responseId: string;
  readonly finishReasons: readonly string[];
  /** `cachedTokens` of them came from a cache. */
  readonly inputTokens: number;
  readonly cachedTokens: number;
  /** `reasoningTokens` of them were thought, not said. */
  readonly outputTokens: number;
  readonly reasoningTokens?: number;
  /** From the beginning of the request; of streams. */
  readonly firstTextSeconds?: number | undefined;
}

export interface RequestTrace {
  /** 32 hexadecimal digits, for logs; undefined where neither an SDK nor the customer traces this request. */
  readonly traceId: string | undefined;
  /** Runs a part of the request in a span below it; what `part` throws is the span's error too. */
  step<Out>(name: 'admit' | 'generate' | 'settle', part: () => Promise<Out>): Promise<Out>;
  answered(answer: TracedAnswer): void;
  /** @param code the stable one of the answer: `insufficient_credit`, `internal_error` … */
  failed(code: string): void;
  /** To be called exactly once, when the answer has ended. */
  end(): void;
}

/**
 * Begins the span of a request, below the span that is active (an instrumented HTTP server's) or else the one that the
 * request names in `traceparent` (https://www.w3.org/TR/trace-context).
 */
export function traceRequest(headers: TraceHeaders, request: TracedRequest): RequestTrace {
  const active = context.active();
  const parent = trace.getSpan(active) === undefined ? withRemoteParent(active, headers) : active;
  // Asked for each time: an SDK may be attached after this file was loaded.
  const tracer = trace.getTracer('moatlm');
  const name = `${request.operation} ${request.model}`;
  const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes: requestAttributes(request) }, parent);
  const spanContext = span.spanContext();
  const below = trace.setSpan(parent, span);
  return {
    traceId: isSpanContextValid(spanContext) ? spanContext.traceId : undefined,
    step(stepName, part) {
      if (!span.isRecording()) return part();
      const child = tracer.startSpan(stepName, { kind: SpanKind.INTERNAL }, below);
      return context.with(trace.setSpan(below, child), () => endAfter(child, part));
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

async function endAfter<Out>(span: Span, part: () => Promise<Out>): Promise<Out> {
  try {
    return await part();
  } catch (error) {
    // The name alone: a message may quote what a customer wrote.
    markFailed(span, error instanceof Error ? error.name : 'error');
    throw error;
  } finally {
    span.end();
  }
}

function markFailed(span: Span, type: string): void {
  span.setAttribute('error.type', type);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

function requestAttributes(request: TracedRequest): Attributes {
  const { operation, model, provider = 'moat', maxTokens, temperature, topP, isStream, choices = 1 } = request;
  return {
    'gen_ai.operation.name': operation,
    'gen_ai.provider.name': provider,
    'gen_ai.request.model': model,
    'gen_ai.request.max_tokens': maxTokens,
    'gen_ai.request.temperature': temperature,
    'gen_ai.request.top_p': topP,
    'gen_ai.request.stream': isStream === true ? true : undefined,
    'gen_ai.request.choice.count': choices === 1 ? undefined : choices,
  };
}

function answerAttributes(answer: TracedAnswer): Attributes {
  const { reasoningTokens = 0 } = answer;
  return {
    'gen_ai.response.id': answer.responseId,
    'gen_ai.response.finish_reasons': [...answer.finishReasons],
    'gen_ai.response.time_to_first_chunk': answer.firstTextSeconds,
    'gen_ai.usage.input_tokens': answer.inputTokens,
    'gen_ai.usage.cache_read.input_tokens': answer.cachedTokens === 0 ? undefined : answer.cachedTokens,
    'gen_ai.usage.output_tokens': answer.outputTokens,
    'gen_ai.usage.reasoning.output_tokens': reasoningTokens === 0 ? undefined : reasoningTokens,
  };
}
