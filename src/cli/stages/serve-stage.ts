/** Everything between a checkpoint on disk and a server that sells its answers. */
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import type { Clock } from '../../base/clock.js';
import { systemCode } from '../../base/errors.js';
import { parseMicros } from '../../base/money.js';
import { startBillingUpkeep } from '../../company/billing/billing-upkeep.js';
import type { Books } from '../../company/billing/customers.js';
import { hasPublishedList, priceOf, setPrice } from '../../company/billing/prices.js';
import { type Gateway, startGateway } from '../../company/gateway/start-gateway.js';
import { type Database, openDatabase } from '../../company/store/database.js';
import type { TextEngine } from '../../lab/generate/engine.js';
import { createWorkerEngine } from '../../lab/generate/worker-engine.js';
import { readPassportFile } from '../../lab/data/corpus.js';
import { PASSPORT_NAME } from '../../lab/train/model-card.js';
import { readRunUses } from '../../lab/train/run-cost.js';
import type { Project } from '../config/project.js';
import { readPackageFacts } from '../package-facts.js';
import { hourlyMicrosOf } from './business-facts.js';
import { filesOf } from './project-files.js';
import { readPicture } from './read-picture.js';
import { backOfficeOf, openLog, openUpstreams } from './serve-parts.js';
import { readSellerIfAny } from './seller.js';
import { openSideModels } from './side-models.js';

export interface Service {
  readonly gateway: Gateway;
  /** The model that runs here; undefined where only models elsewhere are sold. */
  readonly engine: TextEngine | undefined;
  /** Every model that is sold, by the name customers ask for. */
  readonly modelIds: readonly string[];
  readonly books: Books;
  /** The studio's address with its token; for the project's owner alone. */
  readonly studioUrl: string;
  /** Lets answers finish, settles them, stops engine and database. Safe to repeat. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly project: Project;
  /** A checkpoint's directory; undefined to sell models elsewhere alone. */
  readonly model: string | undefined;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly onProblem: (error: unknown) => void;
}

/** How long an answer may be given again. */
const RESPONSE_AGE_MS = 3_600_000;

/** Starts database, engine and gateway; what was started is stopped again when a later part fails. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { project, model, clock, env, onProblem } = options;
  const { serve, database: databaseConfig } = project.config;
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    const log = await openLog(project, clock);
    if (log !== undefined) closers.push(() => log.close());
    const upstreams = await openUpstreams({ project, clock, env, onProblem });
    closers.push(async () => upstreams.close());
    const database = await openDatabase({ projectDirectory: project.root, databaseUrl: databaseConfig.url });
    closers.push(() => database.close());
    const books = { database, clock };
    if (model !== undefined) await offerPrice(project, books);
    const seller = await readSellerIfAny(project);
    const billing = startBillingUpkeep(books, { seller, onProblem });
    closers.push(() => billing.close());
    const engine = model === undefined ? undefined : await loadEngine(project, model);
    if (engine !== undefined) closers.push(() => engine.close());
    const engines = new Map(engine === undefined ? [] : [[engine.modelId, engine]]);
    const { embedders, moderators, close: closeSideModels } = await openSideModels(project);
    closers.push(closeSideModels);
    const gateway = await startGateway({
      ...gatewayFacts(project),
      database,
      engines,
      upstreams: upstreams.backends,
      upstreamEmbedders: upstreams.embedders,
      embedders,
      moderators,
      modelFacts: new Map(model === undefined ? [] : [[serve.modelId, await factsOf(model)]]),
      clock,
      responseCache:
        serve.responseCache === 0 ? undefined : { maxBytes: serve.responseCache * 1e6, maxAgeMs: RESPONSE_AGE_MS },
      businessOf: (month) => readPicture(project, books, month),
      backOffice: await backOfficeOf(project, books, env),
      onProblem,
      ...(log === undefined ? {} : { log }),
    });
    closers.push(() => gateway.close());
    const studioUrl = `${gateway.url}/#token=${gateway.studioToken}`;
    return {
      gateway,
      engine,
      modelIds: [...engines.keys(), ...upstreams.backends.keys(), ...upstreams.embedders.keys()],
      books,
      studioUrl,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What the gateway takes from the settings as they are. */
function gatewayFacts(project: Project) {
  const { serve, currency, timeZone, name } = project.config;
  const { runs } = filesOf(project);
  return {
    projectDirectory: project.root,
    projectName: name,
    version: readPackageFacts().version,
    port: serve.port,
    host: serve.host,
    studioDirectory: fileURLToPath(new URL('../../../dist/studio', import.meta.url)),
    runsDirectory: runs,
    currency,
    timeZone,
    costFacts: async () => ({ hourlyMicros: hourlyMicrosOf(project), trainingRuns: await readRunUses(runs) }),
    maxConcurrent: serve.maxConcurrent + serve.queueLimit,
    rateLimits: serve,
  };
}

/** The passport of the data it was trained on, without the names of the files; nothing for a model from elsewhere. */
async function factsOf(model: string): Promise<Record<string, unknown>> {
  try {
    const { files, settings: _, ...passport } = await readPassportFile(path.join(model, PASSPORT_NAME));
    return { data_passport: { ...passport, files: files.length } };
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return {};
    throw error;
  }
}

/** The model behind a worker thread, under the name the project sells it by. */
export async function loadEngine(project: Project, model: string): Promise<TextEngine> {
  const { serve } = project.config;
  return createWorkerEngine({
    modelDirectory: model,
    modelId: serve.modelId,
    threads: serve.threads,
    quantization: serve.quantization,
    device: serve.device,
    prefixCacheBytes: serve.prefixCache * 1e9,
    maxConcurrent: serve.maxConcurrent,
    queueLimit: serve.queueLimit,
  });
}

/** Puts the configured price in force where another one, or none, is; a published list of prices stands above it. */
async function offerPrice({ config }: Project, books: { database: Database; clock: Clock }): Promise<void> {
  const { serve, currency, business } = config;
  if (await hasPublishedList(books, currency)) return;
  const wanted = {
    inputMicrosPerMillionTokens: parseMicros(business.inputPricePerMillion, 'business.inputPricePerMillion'),
    outputMicrosPerMillionTokens: parseMicros(business.outputPricePerMillion, 'business.outputPricePerMillion'),
  };
  const current = await priceOf(books, serve.modelId, currency);
  const same =
    current?.inputMicrosPerMillionTokens === wanted.inputMicrosPerMillionTokens &&
    current.outputMicrosPerMillionTokens === wanted.outputMicrosPerMillionTokens;
  if (!same) await setPrice(books, { model: serve.modelId, currency, ...wanted });
}
