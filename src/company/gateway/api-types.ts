import type { Permission, Role } from '../access/permissions.js';

/**
 * The JSON of `/api`, shared by the gateway and the studio (and nothing else is). Money travels as decimal strings of
 * micro-units (`"1500000"` is 1.50), because JSON numbers cannot hold it exactly. Times are ISO 8601 in UTC.
 */
export type MicrosString = string;

/** What the run event stream carries. */
export type { RunEvent } from '../../base/run-events.js';

export type * from './lab-types.js';

/** What the business page shows. */
export type {
  Assumption,
  BusinessAxis,
  BusinessBlock,
  BusinessChannel,
  BusinessCohort,
  BusinessEntry,
  BusinessFact,
  BusinessForecast,
  BusinessMarginLine,
  BusinessMarket,
  BusinessReplay,
  BusinessReport,
  BusinessScenario,
} from './business-types.js';

export interface RunSummary {
  name: string;
  architecture: string;
  parameterCount: number;
  state: 'running' | 'finished' | 'stopped' | 'failed' | 'interrupted';
  /** A stop was asked for that has not happened yet. */
  stopping: boolean;
  /** Where it trains, or trained last; null: on this machine, by Moat itself. */
  place: RunPlaceSummary | null;
  /** Why it failed. */
  message: string | null;
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

export interface RunPlaceSummary {
  /** `torchrun`, or the cluster as it is written after `--on`. */
  on: string;
  workers: number;
  /** null before they have begun. */
  machines: number | null;
  /** Where the run lies meanwhile; null: in the project. */
  storage: string | null;
  /** The cluster's job that has the run now. */
  job: string | null;
  /** The job goes on, or has ended, and no process of this machine follows it: what is shown of it may be old. */
  isLeft: boolean;
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
  /** What was charged in the last 30 days. */
  recentChargedMicros: MicrosString;
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
  /** The browser's cookie belongs to a session: GET /api/session tells whose. */
  signedIn: boolean;
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
  /** What the ids among target and details stand for, by id. */
  names: Readonly<Record<string, AuditedName>>;
}

export interface AuditedName {
  kind: 'customer' | 'key' | 'user' | 'document';
  name: string;
  /** Whose it is; null for a user. */
  customerId: string | null;
  customerName: string | null;
  currency: string | null;
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

/** GET /api/customers/:customer, and GET /portal/api/account of a customer's own. */
export interface CustomerAccount {
  id: string;
  name: string;
  currency: string;
  createdAt: string;
  /** Below 0, what is owed. */
  balanceMicros: MicrosString;
  /** Set aside for answers being made right now. */
  reservedMicros: MicrosString;
  /** How much may be owed. */
  creditLineMicros: MicrosString;
  /** The last 30 days, today included, oldest first; a day without use is there with zeros. */
  days: UsageDay[];
}

export interface UsageDay {
  /** `2030-01-31`, in the project's time zone. */
  day: string;
  requests: number;
  inputTokens: number;
  outputTokens: number;
  chargedMicros: MicrosString;
}

export interface CreditSummary {
  id: string;
  /** `payment`, `grant`, or a kind of correction. */
  kind: string;
  reference: string | null;
  createdAt: string;
  expiresAt: string | null;
  amountMicros: MicrosString;
}

export interface LimitSummary {
  id: string;
  /** null: all of the customer's keys. */
  keyId: string | null;
  /** null: all models. */
  model: string | null;
  requestsPerMinute: number | null;
  tokensPerMinute: number | null;
  concurrentRequests: number | null;
}

/** One answer as it was metered; the classes of tokens are disjoint. */
export interface UsageEventRow {
  id: string;
  time: string;
  keyId: string | null;
  keyName: string | null;
  model: string;
  inputTokens: number;
  cachedTokens: number;
  outputTokens: number;
  reasoningTokens: number;
  computeMs: number;
  chargedMicros: MicrosString;
  currency: string;
  status: UsageRow['status'];
  /** Of a reversal or a correction, the event it is about. */
  corrects: string | null;
}

/** GET …/usage/:event: what an answer cost and why. */
export interface ChargedEventDetail {
  event: UsageEventRow;
  /** For a million tokens of each class, and for the request; null where there is no price. */
  price: {
    inputMicrosPerMillion: MicrosString;
    cachedMicrosPerMillion: MicrosString;
    outputMicrosPerMillion: MicrosString;
    requestMicros: MicrosString;
    /** The month's use decides what it cost; the figures are the most that it can. */
    isTiered: boolean;
  } | null;
  /** Both sides of the charge in the journal; debits are positive. */
  entries: { transactionId: string; account: string; amountMicros: MicrosString; time: string }[];
}

export interface InvoiceSummary {
  /** `2030-000123`. */
  number: string;
  state: 'open' | 'paid' | 'void';
  /** For a plan's period, or for prepaid credit, which can be paid back. */
  kind: 'plan' | 'credit';
  currency: string;
  totalMicros: MicrosString;
  /** What is still to be paid. */
  dueMicros: MicrosString;
  issuedAt: string;
  dueAt: string;
}

/** GET …/invoices/:number?language=zh: an invoice in words, as its PDF shows it. */
export interface InvoiceDetail {
  kind: InvoiceSummary['kind'];
  title: string;
  state: string;
  seller: readonly string[];
  buyer: readonly string[];
  facts: readonly (readonly [label: string, value: string])[];
  headings: readonly [string, string, string, string];
  rows: readonly { what: string; quantity: string; price: string; amount: string; isDetail: boolean }[];
  totals: readonly (readonly [label: string, value: string])[];
  payment: readonly string[];
}

/** GET and POST /api/customers/:customer/buyer: how invoices name a customer. */
export interface BuyerDetails {
  name: string;
  address: readonly string[];
  taxId: string | null;
  email: string | null;
  language: 'en' | 'zh';
}

/** Credit that a customer asked for. */
export interface TopUpSummary {
  /** `TU-2030-000001`. */
  number: string;
  /** What the payer writes on his transfer. */
  reference: string;
  state: 'open' | 'paid' | 'void';
  currency: string;
  /** The credit. */
  amountMicros: MicrosString;
  /** What it costs, tax included. */
  dueMicros: MicrosString;
  /** How to pay it, while it is open. */
  payment: readonly string[];
  requestedAt: string;
  settledAt: string | null;
  /** The number of the invoice that receipts it. */
  invoice: string | null;
}

/** What credit can be asked for at a time. */
export interface TopUpOffer {
  minimumMicros: MicrosString;
  maximumMicros: MicrosString;
  tax: { name: string; percent: string } | null;
}

/** GET /portal/api/top-ups. */
export interface PortalTopUps {
  topUps: TopUpSummary[];
  /** null: this server takes no such requests. */
  offer: TopUpOffer | null;
}

/** Amounts of a month. */
export interface PlanSummary {
  name: string;
  version: number;
  currency: string;
  feeMicros: MicrosString;
  /** For each seat. */
  seatMicros: MicrosString;
  /** Usage that the fee includes. */
  creditMicros: MicrosString;
  minimumMicros: MicrosString;
  trialDays: number;
}

/** GET /api/customers/:customer/plan. */
export interface CustomerPlan {
  /** null: none; then usage is paid by prepaid credit alone. */
  plan: PlanSummary | null;
  seats: number;
  /** When the period that runs ends. */
  nextAt: string | null;
  /** When the subscription does. */
  endsAt: string | null;
}

/** How much may be spent in a span of time. */
export interface BudgetSummary {
  id: string;
  /** null: all of the customer's keys. */
  keyId: string | null;
  /** null: all models. */
  model: string | null;
  span: 'day' | 'month' | 'total';
  limitMicros: MicrosString;
  /** In the span of now. */
  spentMicros: MicrosString;
}

/** GET /api/settings: what the server runs with. */
export interface ServerSettings {
  project: string;
  currency: string;
  timeZone: string;
  publicUrl: string | null;
  oidc: boolean;
  promptLog: boolean;
}

/** GET /api/upstreams: models that run elsewhere, and how they are. */
export interface UpstreamSummary {
  model: string;
  /** Whether a request would be sent anywhere now. */
  isAvailable: boolean;
  targets: {
    target: string;
    state: 'closed' | 'open' | 'half-open';
    inFlight: number;
    consecutiveFailures: number;
    lastFailure: string | null;
    restsMs: number;
    /** Why it is not used at all, in English; null where it may be. */
    unfit: string | null;
  }[];
}

/** GET /api/prompts, where prompts are logged. */
export interface PromptRow {
  id: string;
  time: string;
  requestId: string;
  customerId: string;
  model: string;
  prompt: string;
  answer: string;
  truncated: boolean;
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
 *   GET  /api/training                       → RunFormValues of the project, for a new run
 *   POST /api/runs                           → { name?, fork?: { run, withWeights, fromStep? }, settings: RunSettings } → { name }
 *   GET  /api/runs/:name/curve               → RunCurve
 *   GET  /api/runs/:name/training            → RunFormValues of the run, for a fork of it
 *   POST /api/runs/:name/stop                → saves and ends after the step that is under way
 *   POST /api/runs/:name/resume              → { fromStep? }
 *   GET  /api/runs/:name/events?from=LINE    → text/event-stream; each message's data is one RunEvent (see
 *        base/run-events.ts), its id the 0-based line number; replays from LINE, then follows the file.
 *        A heartbeat comment every 15 s. EventSource cannot send headers, so use fetch and read the stream.
 *   GET  /api/customers                      → { customers: CustomerSummary[] }
 *   GET  /api/business?month=2026-11         → BusinessReport
 *   POST /api/business/scenario              → { month, assumptions } → BusinessScenario
 *   POST /api/business/replay                → { month, book } → BusinessReplay
 *   POST /api/playground                     → { model, messages | prompt, max_tokens, temperature, top_p, seed } →
 *        text/event-stream in the form of OpenAI's streamed completions, usage in the last chunk. It goes through the
 *        same admission path as a customer's request, under the project's internal customer.
 */
