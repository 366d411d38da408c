/** What a gateway has done and is doing, as Prometheus reads it. No customer, no key and no text is in it. */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import type { RequestObserver } from './metered.js';

export interface GatewayMetrics extends RequestObserver {
  readonly contentType: string;
  /** In Prometheus' text format. */
  text(): Promise<string>;
}

const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300];

/** @param inFlight asked whenever somebody reads: answers being made */
export function createMetrics(inFlight: () => number): GatewayMetrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'moat_requests_total',
    help: 'Requests that were admitted, by how they ended.',
    labelNames: ['model', 'kind', 'status'],
    registers,
  });
  const tokens = new Counter({
    name: 'moat_tokens_total',
    help: 'Tokens of admitted requests in disjoint classes: input is without those that a cache had, output without those of reasoning.',
    labelNames: ['model', 'class'],
    registers,
  });
  const compute = new Counter({
    name: 'moat_engine_seconds_total',
    help: 'Seconds that engines worked on answers.',
    labelNames: ['model'],
    registers,
  });
  const duration = new Histogram({
    name: 'moat_request_duration_seconds',
    help: 'From admission until the books are on disk.',
    labelNames: ['model'],
    buckets: SECONDS,
    registers,
  });
  const firstText = new Histogram({
    name: 'moat_time_to_first_text_seconds',
    help: 'From admission until the first text of an answer.',
    labelNames: ['model'],
    buckets: SECONDS,
    registers,
  });
  const refusals = new Counter({
    name: 'moat_refusals_total',
    help: 'Requests that were answered with an error, by its code.',
    labelNames: ['code'],
    registers,
  });
  const open: Gauge = new Gauge({
    name: 'moat_requests_in_flight',
    help: 'Answers being made now.',
    registers,
    collect: () => open.set(inFlight()),
  });
  return {
    answered({ model, kind, usage, seconds, firstTextSeconds }) {
      requests.inc({ model, kind, status: usage.status });
      tokens.inc({ model, class: 'input' }, usage.inputTokens - usage.cachedTokens);
      tokens.inc({ model, class: 'cached_input' }, usage.cachedTokens);
      tokens.inc({ model, class: 'output' }, usage.outputTokens - usage.reasoningTokens);
      tokens.inc({ model, class: 'reasoning' }, usage.reasoningTokens);
      compute.inc({ model }, usage.computeMs / 1000);
      duration.observe({ model }, seconds);
      if (firstTextSeconds !== undefined) firstText.observe({ model }, firstTextSeconds);
    },
    refused: ({ code }) => refusals.inc({ code }),
    contentType: registry.contentType,
    text: () => registry.metrics(),
  };
}
