/**
 * The JSON of `/api`, shared by the gateway and the studio (and nothing else is). Money travels as decimal strings of
 * micro-units (`"1500000"` is 1.50), because JSON numbers cannot hold it exactly. Times are ISO 8601 in UTC.
 */
export type MicrosString = string;

/** What the run event stream carries. */
export type { RunEvent } from '../../base/run-events.js';

export interface RunSummary {
  name: string;
  architecture: string;
  parameterCount: number;
  state: 'running' | 'finished' | 'stopped' | 'failed' | 'interrupted';
  startedAt: string;
  step: number;
  /** null when the run is bounded by time alone. */
  totalSteps: number | null;
  loss: number | null;
  bitsPerByte: number | null;
  tokensPerSecond: number | null;
  elapsedSeconds: number;
  remainingSeconds: number | null;
}

export interface ModelSummary {
  id: string;
  /** null where it is not known: of an engine elsewhere. */
  contextLength: number | null;
  parameterCount: number | null;
  inputMicrosPerMillionTokens: MicrosString | null;
  outputMicrosPerMillionTokens: MicrosString | null;
}

/** GET /api/overview: what the founder sees first. Figures that were not measured are null, never 0. */
export interface Overview {
  project: string;
  currency: string;
  /** Today in the project's time zone. */
  today: {
    requests: number;
    inputTokens: number;
    outputTokens: number;
    revenueMicros: MicrosString;
    /** Serving cost: engine time × the machine's hourly price. */
    costMicros: MicrosString | null;
    marginMicros: MicrosString | null;
  };
  total: {
    revenueMicros: MicrosString;
    servingCostMicros: MicrosString | null;
    trainingCostMicros: MicrosString | null;
    /** Output tokens still to be sold until the training is paid for; 0 when it is; null when it never will be. */
    tokensToBreakEven: number | null;
  };
  models: ModelSummary[];
  recentUsage: UsageRow[];
}

export interface UsageRow {
  id: string;
  time: string;
  customer: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  chargedMicros: MicrosString;
  status: 'finished' | 'aborted' | 'failed' | 'reversed' | 'corrected';
}

export interface CustomerSummary {
  id: string;
  name: string;
  balanceMicros: MicrosString;
  currency: string;
  keyCount: number;
  createdAt: string;
}

/** Errors of /api and /v1 alike, in OpenAI's form. */
export interface ApiError {
  error: { message: string; type: string; code: string; param: string | null };
}

/*
 * Routes (all under /api want `Authorization: Bearer <studio token>`):
 *   GET  /api/overview                       → Overview
 *   GET  /api/runs                           → { runs: RunSummary[] }, newest first
 *   GET  /api/runs/:name/events?from=LINE    → text/event-stream; each message's data is one RunEvent (see
 *        base/run-events.ts), its id the 0-based line number; replays from LINE, then follows the file.
 *        A heartbeat comment every 15 s. EventSource cannot send headers, so use fetch and read the stream.
 *   GET  /api/customers                      → { customers: CustomerSummary[] }
 *   POST /api/playground                     → { model, messages | prompt, max_tokens, temperature, top_p, seed } →
 *        text/event-stream in the form of OpenAI's streamed completions, usage in the last chunk. It goes through the
 *        same admission path as a customer's request, under the project's internal customer.
 */
