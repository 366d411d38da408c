/** Everything between a checkpoint on disk and a server that sells its answers. */
import { fileURLToPath } from 'node:url';
import type { Clock } from '../../base/clock.js';
import { startBillingUpkeep } from '../../company/billing/billing-upkeep.js';
import type { Books } from '../../company/billing/customers.js';
import type { ModelSource } from '../../company/gateway/api-types.js';
import { folderOfSource, sourceOfFolder } from '../../company/gateway/model-source.js';
import type { OpenedModel } from '../../company/gateway/served-models.js';
import { type Gateway, startGateway } from '../../company/gateway/start-gateway.js';
import { readUpstreamCosts } from '../../company/gateway/upstream/upstream-file.js';
import { openDatabase } from '../../company/store/database.js';
import type { TextEngine } from '../../lab/generate/engine.js';
import { createRunUseReader } from '../../lab/train/run-cost.js';
import type { Project } from '../config/project.js';
import { readPackageFacts } from '../package-facts.js';
import { costFactsOf } from './business-facts.js';
import { businessPdfOf } from './business-pdf.js';
import { followPromotions } from './follow-promotions.js';
import { createLocalModels } from './local-models.js';
import { filesOf, upstreamsFileOf } from './project-files.js';
import { readPicture } from './read-picture.js';
import { backOfficeOf, openLog, openUpstreams, paymentSecretOf, studioTokenOf } from './serve-parts.js';
import { readSellerIfAny } from './seller.js';
import { readServingCosts } from './serving-costs.js';
import { openSideModels } from './side-models.js';
import { createTrainingControl } from './training-control.js';

export interface Service {
  readonly gateway: Gateway;
  /** The first model that runs here; undefined where only models elsewhere are sold. */
  readonly engine: TextEngine | undefined;
  /** Every model that is sold, by the name customers ask for. */
  readonly modelIds: readonly string[];
  readonly books: Books;
  /** The studio's address, with its token where this project made it; for the project's owner alone. */
  readonly studioUrl: string;
  /** Lets answers finish, settles them, stops engine and database. Safe to repeat. */
  close(): Promise<void>;
}

export interface ServiceOptions {
  readonly project: Project;
  /** Folders of models, by the names customers ask for; none to sell models elsewhere alone. */
  readonly folders: ReadonlyMap<string, string>;
  /** Whether somebody named the folder for this once: then what is promoted elsewhere is left for the next start. Default false. */
  readonly isFixed?: boolean;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  readonly onProblem: (error: unknown) => void;
}

/** How long an answer may be given again. */
const RESPONSE_AGE_MS = 3_600_000;
/** Admissions of a key within a second, from which on credit is reserved ahead of its requests. */
const OFTEN = 8;

/** Starts database, engine and gateway; what was started is stopped again when a later part fails. */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { project, folders, isFixed = false, clock, env, onProblem } = options;
  const { serve, database: databaseConfig } = project.config;
  const opened = new Map<string, OpenedModel>();
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer();
  };
  try {
    const log = await openLog(project, clock);
    if (log !== undefined) closers.push(() => log.close());
    const upstreams = await openUpstreams({ project, clock, env, taken: [...folders.keys()], onProblem });
    closers.push(async () => upstreams.close());
    const database = await openDatabase({ projectDirectory: project.root, databaseUrl: databaseConfig.url });
    closers.push(() => database.close());
    const studioToken = studioTokenOf(env);
    const books = { database, clock };
    const seller = await readSellerIfAny(project);
    const billing = startBillingUpkeep(books, { seller, onProblem });
    closers.push(() => billing.close());
    const local = createLocalModels(project, books);
    closers.push(() => local.close());
    for (const [name, folder] of folders) opened.set(name, await local.open(name, folder));
    const { embedders, moderators, close: closeSideModels } = await openSideModels(project);
    closers.push(closeSideModels);
    const gateway = await startGateway({
      ...gatewayFacts(project),
      database,
      engines: new Map([...opened].map(([name, { engine }]) => [name, engine])),
      upstreams: upstreams.backends,
      upstreamEmbedders: upstreams.embedders,
      embedders,
      moderators,
      modelFacts: new Map([...opened].map(([name, { facts }]) => [name, facts])),
      sources: sourcesOf(project, folders),
      ownName: serve.modelId,
      openModel: (name, source) => local.open(name, folderOfSource(filesOf(project).runs, source)),
      clock,
      responseCache:
        serve.responseCache === 0 ? undefined : { maxBytes: serve.responseCache * 1e6, maxAgeMs: RESPONSE_AGE_MS },
      reserveAheadAfter: serve.reserveAhead ? OFTEN : undefined,
      training: createTrainingControl(project, env),
      businessOf: (month) => readPicture(project, books, month),
      businessPdf: businessPdfOf(project, books),
      servingCosts: () => readServingCosts(project, books),
      backOffice: await backOfficeOf(project, books, env),
      seller,
      paymentSecret: paymentSecretOf(env),
      onProblem,
      ...(log === undefined ? {} : { log }),
      ...(studioToken === undefined ? {} : { studioToken }),
    });
    closers.push(() => gateway.close(serve.drainGrace * 1000, serve.drainNotice * 1000));
    if (!isFixed) {
      const following = followPromotions({ project: project.root, models: gateway.models, onProblem });
      closers.push(() => following.close());
    }
    // a token that its owner handed over is not written into logs
    const studioUrl = studioToken === undefined ? `${gateway.url}/#token=${gateway.studioToken}` : `${gateway.url}/`;
    const [engine] = [...opened.values()].map((model) => model.engine);
    const modelIds = [...folders.keys(), ...upstreams.backends.keys(), ...upstreams.embedders.keys()];
    return { gateway, engine, modelIds, books, studioUrl, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Of the folders that lie in `runs/`. */
function sourcesOf(project: Project, folders: ReadonlyMap<string, string>): Map<string, ModelSource> {
  const { runs } = filesOf(project);
  return new Map(
    [...folders].flatMap(([name, folder]) => {
      const source = sourceOfFolder(runs, folder);
      return source === null ? [] : [[name, source] as const];
    }),
  );
}

/** What the gateway takes from the settings as they are. */
function gatewayFacts(project: Project) {
  const { serve, currency, timeZone, name } = project.config;
  const { runs } = filesOf(project);
  const runUses = createRunUseReader(runs);
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
    costFacts: async () => ({
      ...costFactsOf(project, await runUses()),
      elsewhere: await readUpstreamCosts(upstreamsFileOf(project)),
    }),
    maxConcurrent: serve.maxConcurrent + serve.queueLimit,
    rateLimits: serve,
  };
}
