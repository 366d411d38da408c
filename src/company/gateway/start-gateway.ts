import { setMaxListeners } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '../../base/clock.js';
import type { Currency } from '../../base/money.js';
import type { TextEngine } from '../../lab/generate/engine.js';
import type { EmbeddingEngine } from '../../lab/tasks/embedding/embedding-engine.js';
import { ensureInternalCustomer } from '../billing/customers.js';
import type { Seller } from '../billing/invoices/parties.js';
import type { ServingCosts } from '../billing/price-floor.js';
import { type Idempotency, createIdempotency } from '../billing/idempotency.js';
import { type Meter, type MeterOptions, createMeter } from '../billing/meter.js';
import { createRateLeases } from '../billing/rate-leases.js';
import type { BusinessPicture } from '../business/picture.js';
import type { Database } from '../store/database.js';
import type { BackOfficeSettings } from './admin/admin-app.js';
import type { BusinessPdf } from './admin/admin-route.js';
import type { ModelSource } from './api-types.js';
import type { Backend } from './backend.js';
import type { RequestObserver } from './metered.js';
import type { ModerationModel } from './moderation.js';
import { drain, watchAnswers } from './drain.js';
import { createMetrics } from './metrics.js';
import { openApiDocument } from './openapi.js';
import { type EmbeddingBackend, localEmbedder } from './embedding-backend.js';
import { listen } from './listen.js';
import { createModelExports } from './model-exports.js';
import type { CostFacts, OverviewOptions } from './overview.js';
import { type DefaultLimits, createKeyLimits } from './key-limits.js';
import { type RateLimiter, createRateLimiter } from './rate-limits.js';
import { BODY_LIMIT_MS } from './request-body.js';
import { NO_LOG, type RequestLog } from './request-log.js';
import { createApp } from './routes.js';
import {
  type ModelFacts,
  type OpenedModel,
  type ServedModels,
  type ServedModelsOptions,
  createServedModels,
} from './served-models.js';
import { createStudioFiles } from './studio-files.js';
import type { TrainingControl } from './training-control.js';
import { createTokenPreviews } from './token-preview.js';
import { readOrCreateStudioToken } from './studio-token.js';

export interface GatewayOptions {
  readonly database: Database;
  /** Models that run here, by the name customers ask for. The gateway closes none but those that another replaced. */
  readonly engines: ReadonlyMap<string, TextEngine>;
  /** Models that run elsewhere, by the name customers ask for. */
  readonly upstreams?: ReadonlyMap<string, Backend>;
  /** Models that turn texts into vectors, by the name customers ask for; not closed either. */
  readonly embedders?: ReadonlyMap<string, EmbeddingEngine>;
  /** The same, where they run elsewhere. */
  readonly upstreamEmbedders?: ReadonlyMap<string, EmbeddingBackend>;
  /** Models that say what is wrong with a text; not closed either. */
  readonly moderators?: ReadonlyMap<string, ModerationModel>;
  /** What customers may know of a model beside its name: JSON, under the names it is listed with. */
  readonly modelFacts?: ReadonlyMap<string, ModelFacts>;
  /** Which stored models the engines are. */
  readonly sources?: ReadonlyMap<string, ModelSource>;
  /** Loads a stored model to answer under a name. Default: what is served stays until the end. */
  readonly openModel?: (name: string, source: ModelSource) => Promise<OpenedModel>;
  /** The name under which there is always a model: it is promoted to, and never withdrawn. */
  readonly ownName?: string;
  readonly projectDirectory: string;
  /** How the studio calls the project. Default: the folder's name. */
  readonly projectName?: string;
  /** 0 chooses a free one. */
  readonly port: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  readonly clock?: Clock;
  /** Default: the project's own, made at the first start (`.moat/studio-token`). */
  readonly studioToken?: string;
  /** Sign-in, and what stands in front of it. Default: users with passwords, over http. */
  readonly backOffice?: BackOfficeSettings;
  /** The built studio. Default: no studio, said in a line. */
  readonly studioDirectory?: string;
  /** Default `<projectDirectory>/runs`. */
  readonly runsDirectory?: string;
  readonly currency?: Currency;
  /** IANA name; default the machine's. */
  readonly timeZone?: string;
  readonly parameterCounts?: ReadonlyMap<string, number>;
  /** Asked at every overview. Default: nothing known. */
  readonly costFacts?: () => Promise<CostFacts>;
  /** The business in a month, such as `2026-11`; asked when the studio's page of it is opened. Default: no such page. */
  readonly businessOf?: (month: string | undefined) => Promise<BusinessPicture>;
  /** Who issues invoices. Default: nobody; then customers cannot ask for credit. */
  readonly seller?: Seller | undefined;
  /** What payment notices are signed with. Default: none are taken. */
  readonly paymentSecret?: string | undefined;
  /** What models cost to serve. Default: not known, and no price is refused for it. */
  readonly servingCosts?: () => Promise<ServingCosts>;
  /** The same on paper. Default: no PDF. */
  readonly businessPdf?: BusinessPdf;
  /** Starts and stops training. Default: the studio can do neither. */
  readonly training?: TrainingControl;
  /** Requests served at once; beyond it the answer is 429. Default 256. */
  readonly maxConcurrent?: number;
  /** Of each key, in all gateways of the database together. Default: none. */
  readonly rateLimits?: DefaultLimits;
  /** Answers that are kept for the same question. Default: none. */
  readonly responseCache?: { readonly maxBytes: number; readonly maxAgeMs: number } | undefined;
  /**
   * Admissions of a key within a second, from which on credit is reserved ahead of its requests; their answers end once they are in the
   * journal in `.moat/unsettled`, and are on the books a moment later. Default: never.
   */
  readonly reserveAheadAfter?: number | undefined;
  /** Default 10 minutes. */
  readonly maxAnswerMs?: number;
  /** How long the body of a request may take. Default 30 seconds. */
  readonly maxBodyMs?: number;
  /** Of the API, in its description. Default 0.0.0. */
  readonly version?: string;
  /** Default: none. The gateway does not close it. */
  readonly log?: RequestLog;
  /** Told of what went wrong inside: an error, never a key or a customer's text. */
  readonly onProblem?: (error: unknown) => void;
}

export interface Gateway {
  /** `http://127.0.0.1:8080`. */
  readonly url: string;
  readonly port: number;
  readonly studioToken: string;
  /** What answers now, and how that is changed. */
  readonly models: ServedModels;
  /**
   * Says so at `/readyz` and serves on for `noticeMs` (default 0); then accepts nothing new, lets answers finish for `graceMs` (default
   * 10 s), cuts the rest off, settles every one. Safe to repeat.
   */
  close(graceMs?: number, noticeMs?: number): Promise<void>;
}

/**
 * Serves the models over HTTP.
 * @throws MoatError `port-taken`, `address-not-available`
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
  const clock = options.clock ?? systemClock;
  const { database, projectDirectory } = options;
  const currency = options.currency ?? 'USD';
  const log = options.log ?? NO_LOG;
  const onProblem = problemsOf(options, log);
  const studioToken = options.studioToken ?? (await readOrCreateStudioToken(projectDirectory));
  await ensureInternalCustomer({ database, clock }, currency);
  const unsettledDirectory = path.join(projectDirectory, '.moat', 'unsettled');
  const { reserveAheadAfter } = options;
  const selling = await openBooks({ database, clock, onProblem, unsettledDirectory, reserveAheadAfter });
  const shutdown = new AbortController();
  // Every answer listens to it; their number is bounded by `maxConcurrent`.
  setMaxListeners(0, shutdown.signal);
  const inFlight = new Set<Promise<void>>();
  let phase: 'open' | 'leaving' | 'draining' = 'open';
  const metrics = createMetrics(() => inFlight.size);
  const folders = foldersOf(options, clock);
  const models = modelsOf(options, { clock, inFlight, onProblem });
  const app = createApp({
    ...selling,
    apiDescription: JSON.stringify(openApiDocument(options.version ?? '0.0.0')),
    metrics,
    observer: toBoth(metrics, log),
    keyLimits: createKeyLimits({ database, clock }, options.rateLimits ?? {}, clock),
    clock,
    shutdown: shutdown.signal,
    maxAnswerMs: options.maxAnswerMs ?? 600_000,
    books: { database, clock },
    backends: models.backends,
    models,
    ...folders,
    embedders: embeddersOf(options),
    moderators: options.moderators ?? new Map(),
    overview: overviewOf(options, currency, models.backends),
    ...projectParts(options),
    studioFiles: createStudioFiles(options.studioDirectory ?? path.join(projectDirectory, '.moat', 'no-studio')),
    studioToken,
    backOffice: options.backOffice ?? {},
    promptLog: options.backOffice?.promptLog,
    maxConcurrent: options.maxConcurrent ?? 256,
    maxBodyMs: options.maxBodyMs ?? BODY_LIMIT_MS,
    inFlight,
    startedAtSeconds: Math.floor(clock.now() / 1000),
    isLeaving: () => phase !== 'open',
    isDraining: () => phase === 'draining',
    onProblem,
  });
  const host = options.host ?? '127.0.0.1';
  const { server, port } = await listen(app.fetch, options.port, host).catch(async (error: unknown) => {
    await selling.closeBooks();
    throw error;
  });
  const unsent = watchAnswers(server, () => phase !== 'open');
  const leave = async (graceMs: number, noticeMs: number): Promise<void> => {
    phase = 'leaving';
    if (noticeMs > 0) await sleep(noticeMs);
    phase = 'draining';
    const closeBooks = (): Promise<void> => folders.exports.close().then(selling.closeBooks);
    await drain({ server, inFlight, unsent, shutdown, closeBooks }, graceMs);
  };
  let closing: Promise<void> | undefined;
  return {
    url: `http://${host}:${port}`,
    port,
    studioToken,
    models,
    close: (graceMs = 10_000, noticeMs = 0) => (closing ??= leave(graceMs, noticeMs)),
  };
}

const problemsOf =
  ({ onProblem }: GatewayOptions, log: RequestLog) =>
  (error: unknown): void => {
    log.problem(error);
    onProblem?.(error);
  };

/** Where the back office reads and writes. */
function foldersOf(
  { projectDirectory, runsDirectory = path.join(projectDirectory, 'runs') }: GatewayOptions,
  clock: Clock,
) {
  const state = path.join(projectDirectory, '.moat');
  const corpusDirectory = path.join(state, 'corpus');
  return {
    projectDirectory,
    runsDirectory,
    corpusDirectory,
    shardsDirectory: path.join(state, 'shards'),
    tokenPreviews: createTokenPreviews({
      tokenizer: path.join(state, 'tokenizer'),
      corpus: corpusDirectory,
      runs: runsDirectory,
    }),
    modelsDirectory: path.join(projectDirectory, 'models'),
    evaluationsDirectory: path.join(projectDirectory, 'evaluations'),
    exports: createModelExports(path.join(projectDirectory, 'exports'), runsDirectory, clock),
  };
}

function modelsOf(
  options: GatewayOptions,
  parts: Pick<ServedModelsOptions, 'clock' | 'inFlight' | 'onProblem'>,
): ServedModels {
  const { engines, upstreams, embedders, moderators, modelFacts, sources, openModel, ownName, responseCache } = options;
  return createServedModels({
    ...parts,
    engines,
    upstreams: upstreams ?? new Map(),
    otherNames: [...(embedders?.keys() ?? []), ...(moderators?.keys() ?? [])],
    facts: modelFacts ?? new Map(),
    sources: sources ?? new Map(),
    openModel,
    ownName,
    responseCache,
  });
}

/** What a project brings, or does not. */
const projectParts = (options: GatewayOptions) => ({
  businessOf: options.businessOf,
  businessPdf: options.businessPdf,
  servingCosts: options.servingCosts,
  seller: options.seller,
  paymentSecret: options.paymentSecret,
  training: options.training,
});

function overviewOf(
  options: GatewayOptions,
  currency: Currency,
  backends: ReadonlyMap<string, Backend>,
): OverviewOptions {
  return {
    project: options.projectName ?? path.basename(path.resolve(options.projectDirectory)),
    currency,
    timeZone: options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    backends,
    parameterCounts: options.parameterCounts ?? new Map(),
    costFacts: options.costFacts ?? (async () => ({ hourlyMicros: null, trainingRuns: [] })),
  };
}

/** What is written down of every request: its account, and its answer where it may be asked for again. */
async function openBooks(options: MeterOptions): Promise<Selling> {
  const meter = await createMeter(options);
  const idempotency = createIdempotency({ ...options, meter });
  const limiter = createRateLimiter(createRateLeases(options.database), options.clock);
  const closeBooks = async (): Promise<void> => {
    await idempotency.close();
    await limiter.close();
    await meter.close();
  };
  return { meter, idempotency, limiter, closeBooks };
}

interface Selling {
  readonly meter: Meter;
  readonly idempotency: Idempotency;
  readonly limiter: RateLimiter;
  closeBooks(): Promise<void>;
}

function embeddersOf({ embedders, upstreamEmbedders }: GatewayOptions): Map<string, EmbeddingBackend> {
  const local = [...(embedders ?? [])].map(([name, engine]) => [name, localEmbedder(engine)] as const);
  return new Map([...local, ...(upstreamEmbedders ?? [])]);
}

function toBoth(first: RequestObserver, second: RequestObserver): RequestObserver {
  return {
    answered(request) {
      first.answered(request);
      second.answered(request);
    },
    refused(problem, route) {
      first.refused(problem, route);
      second.refused(problem, route);
    },
  };
}
