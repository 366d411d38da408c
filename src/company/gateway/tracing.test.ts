import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterEach, describe, expect, it } from 'vitest';
import { traceRequest } from './tracing.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const TRACEPARENT = `00-${TRACE}-00f067aa0ba902b7-01`;

function attachSdk(): { spans(): ReadableSpan[]; named(name: string): ReadableSpan } {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  return {
    spans: () => exporter.getFinishedSpans(),
    named(name) {
      const found = exporter.getFinishedSpans().find((span) => span.name === name);
      if (found === undefined) throw new Error(`no span ${name}`);
      return found;
    },
  };
}

afterEach(() => trace.disable());

describe('spans of a request', () => {
  it('has what was asked and what came, under the names of the conventions', () => {
    const sdk = attachSdk();
    const headers = { traceparent: TRACEPARENT, tracestate: 'vendor=1' };
    const wish = { headers, maxTokens: 8, temperature: 0.5, topP: 0.9, isStream: true, choices: 2 };
    const request = traceRequest('chat', 'poems', wish);
    for (const part of ['admit', 'generate', 'settle'] as const) request.begin(part)();
    request.answered({
      requestId: 'req_1',
      finishReasons: ['stop', 'length'],
      usage: {
        inputTokens: 12,
        cachedTokens: 4,
        outputTokens: 6,
        reasoningTokens: 0,
        computeMs: 1,
        status: 'finished',
      },
      firstTextSeconds: 0.25,
    });
    request.end();
    const span = sdk.named('chat poems');
    expect(span.kind).toBe(SpanKind.SERVER);
    expect(span.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'moat',
      'gen_ai.request.model': 'poems',
      'gen_ai.request.max_tokens': 8,
      'gen_ai.request.temperature': 0.5,
      'gen_ai.request.top_p': 0.9,
      'gen_ai.request.stream': true,
      'gen_ai.request.choice.count': 2,
      'gen_ai.response.id': 'req_1',
      'gen_ai.response.finish_reasons': ['stop', 'length'],
      'gen_ai.response.time_to_first_chunk': 0.25,
      'gen_ai.usage.input_tokens': 12,
      'gen_ai.usage.cache_read.input_tokens': 4,
      'gen_ai.usage.output_tokens': 6,
    });
    expect(span.parentSpanContext).toMatchObject({ traceId: TRACE, spanId: '00f067aa0ba902b7', isRemote: true });
    expect(span.spanContext().traceState?.get('vendor')).toBe('1');
    expect(request.traceId).toBe(TRACE);
    expect(sdk.spans().map(({ name }) => name)).toEqual(['admit', 'generate', 'settle', 'chat poems']);
    for (const name of ['admit', 'generate', 'settle'])
      expect(sdk.named(name).parentSpanContext?.spanId).toBe(span.spanContext().spanId);
  });

  it('says what failed by its code, and never quotes a message', () => {
    const sdk = attachSdk();
    const request = traceRequest('completions', 'poems');
    request.begin('generate')(new TypeError('the customer wrote: my diary'));
    request.failed('internal_error');
    request.end();
    const [generate, whole] = [sdk.named('generate'), sdk.named('text_completion poems')];
    expect(generate.attributes['error.type']).toBe('TypeError');
    expect(whole.attributes['error.type']).toBe('internal_error');
    expect(whole.status.code).toBe(SpanStatusCode.ERROR);
    const told = sdk.spans().map(({ attributes, events, status }) => ({ attributes, events, status }));
    expect(JSON.stringify(told)).not.toContain('diary');
  });

  it.each([
    ['zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['a forbidden version', `ff-${TRACE}-00f067aa0ba902b7-01`],
    ['too short', '00-4bf9-00f0-01'],
    ['anything', 'x'.repeat(5000)],
  ])('starts a trace of its own where traceparent is %s', (_, traceparent) => {
    attachSdk();
    const { traceId } = traceRequest('chat', 'poems', { headers: { traceparent } });
    expect(traceId).toMatch(/^[0-9a-f]{32}$/);
    expect(traceId).not.toBe(TRACE);
  });
});

describe('without an SDK', () => {
  it('does nothing, and knows the trace that the customer named', () => {
    const request = traceRequest('chat', 'poems', { headers: { traceparent: TRACEPARENT } });
    expect(request.traceId).toBe(TRACE);
    request.begin('settle')();
    request.end();
    expect(traceRequest('chat', 'poems').traceId).toBeUndefined();
  });
});
