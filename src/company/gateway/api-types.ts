import type { Permission, Role } from '../access/permissions.js';

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

export type { Permission, Role };

/** GET /api/login: how one can sign in. */
export interface SignInMethods {
  password: boolean;
  /** Then a link to /api/oidc/start signs in. */
  oidc: boolean;
}

/** GET /api/session and the answer of POST /api/login. */
export interface SessionInfo {
  /** null for the studio token. */
  user: { id: string; email: string } | null;
  name: string;
  role: Role;
  permissions: Permission[];
  /** To be sent as `x-csrf-token` with every POST; null for the studio token, which needs none. */
  csrfToken: string | null;
}

/** GET /api/sessions. */
export interface SessionSummary {
  id: string;
  address: string;
  agent: string;
  createdAt: string;
  lastSeenAt: string;
  isThisOne: boolean;
}

export interface UserSummary {
  id: string;
  email: string;
  name: string;
  role: Role;
  createdAt: string;
  disabledAt: string | null;
  /** False until the setup link was used. */
  canSignIn: boolean;
}

export interface AuditLogEntry {
  id: string;
  time: string;
  actor: string;
  action: string;
  target: string;
  details: Readonly<Record<string, string | boolean | null>>;
  hash: string;
}

/** GET /api/audit-log/verification: the whole chain, recomputed. */
export interface AuditLogVerification {
  entryCount: number;
  /** The first entry that is missing or was changed. */
  broken: { id: string; why: string } | null;
  /** Kept elsewhere, the last entry's hash proves later that nothing up to it was rewritten. */
  head: { id: string; hash: string };
}

export interface KeySummary {
  id: string;
  name: string;
  /** `moat_sk_Ab3x…` */
  displayPrefix: string;
  createdAt: string;
  revokedAt: string | null;
  expiresAt: string | null;
  /** What it may ask for, and of which models; null is everything. */
  scopes: readonly string[] | null;
  models: readonly string[] | null;
  lastUsedAt: string | null;
}

/** Errors of /api and /v1 alike, in OpenAI's form. */
export interface ApiError {
  error: { message: string; type: string; code: string; param: string | null };
}

/*
 * Routes (all under /api want a session's cookie, or `Authorization: Bearer <studio token>`; docs/ADMIN.md lists those
 * of users, sessions, customers and keys):
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
