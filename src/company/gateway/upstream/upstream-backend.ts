/** A model that engines elsewhere answer for. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../../base/clock.js';
import type { Rng } from '../../../base/rng.js';
import type { Backend, PreparedAnswer } from '../backend.js';
import type { Resolve } from './address-guard.js';
import { createInputEstimate } from './final-counts.js';
import { createRetryBudget } from './retry-budget.js';
import type { Serving, UpstreamProblem } from './ask-targets.js';
import { runRequest } from './run-request.js';
import { type TargetHealth, createTargetPool } from './target-pool.js';
import type { UpstreamModel } from './upstream-file.js';
import { type UpstreamRequest, chatRequest, textRequest } from './upstream-request.js';

export interface UpstreamBackend extends Backend, Upstream {
  health(): UpstreamHealth;
}

/** Engines elsewhere, whatever they are asked for. */
export interface Upstream {
  health(): UpstreamHealth;
  /** Asks its targets who they are: those whose engine is named are used only once they proved right. Never throws. */
  checkIdentities(): Promise<void>;
  /** Ends idle connections and probes; requests under way fail. */
  close(): void;
}

export interface UpstreamHealth {
  readonly model: string;
  /** Whether a request would be sent anywhere now. */
  readonly isAvailable: boolean;
  readonly targets: readonly TargetHealth[];
}

export interface UpstreamSettings {
  readonly model: UpstreamModel;
  readonly clock: Clock;
  /** Draws targets and pauses. */
  readonly rng: Rng;
  readonly onProblem: (problem: UpstreamProblem) => void;
  /** How often targets that failed too often are looked at, in milliseconds; 0 never. Default 10,000. */
  readonly probeIntervalMs?: number;
  /** Ends early, without an error, when the signal aborts. Default a timer. */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Of names. Default the system's. */
  readonly resolve?: Resolve;
}

export function createUpstreamBackend(settings: UpstreamSettings): UpstreamBackend {
  const { model } = settings;
  const { modelId } = model;
  const serving = openServing(settings);
  const prepared = (request: UpstreamRequest): PreparedAnswer => ({
    inputTokens: request.inputTokens,
    inputIsExact: request.inputIsExact,
    maxOutputTokens: request.maxTokens * request.choices,
    choices: request.choices,
    run: (_scope, signal) => runRequest(serving, request, signal),
  });
  return {
    modelId,
    contextLength: model.contextLength,
    prepareChat: (body) => prepared(chatRequest(body, model)),
    prepareText: (body) => prepared(textRequest(body, model)),
    ...upstreamOf(serving),
  };
}

/** What all requests to the model share, with probes of its targets. */
export function openServing(settings: UpstreamSettings): Serving {
  const { model, clock, rng, onProblem, probeIntervalMs = 10_000, pause = timerPause, resolve } = settings;
  const report: Serving['report'] = (kind, target, message) =>
    onProblem({ kind, model: model.modelId, target, message });
  const onOpened = (label: string): void => report('target-opened', label, 'it failed too often and rests');
  const onUnfit = (label: string, problem: string): void => report('target-unfit', label, `not used: ${problem}`);
  const pool = createTargetPool(model, { clock, rng, probeIntervalMs, resolve, onOpened, onUnfit });
  return { model, clock, rng, pool, budget: createRetryBudget(clock), estimate: createInputEstimate(), pause, report };
}

export const upstreamOf = ({ model: { modelId }, pool }: Serving): Upstream => ({
  health: () => ({ model: modelId, isAvailable: pool.rest().waitMs === 0, targets: pool.health() }),
  checkIdentities: () => pool.checkIdentities(),
  close: () => pool.close(),
});

const timerPause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).then(
    () => undefined,
    () => undefined,
  );
