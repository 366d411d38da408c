import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { routePath } from 'hono/route';
import { MoatError } from '../../base/errors.js';
import type { Books } from '../billing/customers.js';
import { checkDatabase } from '../store/database.js';
import { type BackOfficeSettings, createBackOffice } from './admin/admin-app.js';
import type { AdminContext } from './admin/admin-route.js';
import { ApiProblem, draining, invalidKey, toApiProblem } from './api-problem.js';
import { askBooks } from './ask-books.js';
import type { GatewayMetrics } from './metrics.js';
import type { ModelExports } from './model-exports.js';
import type { OverviewOptions } from './overview.js';
import type { Seller } from '../billing/invoices/parties.js';
import { addPaymentNotices } from './routes/payment-notices.js';
import { addPortalRoutes } from './routes/portal.js';
import { addCompletionRoutes, answerPlayground } from './routes/completions.js';
import { addEmbeddingRoutes } from './routes/embeddings.js';
import { addModerationRoutes } from './routes/moderations.js';
import { type SellingContext, bearerOf, findModel, payerOf } from './routes/requests.js';
import { addResponseRoutes } from './routes/responses.js';
import type { ServedModels } from './served-models.js';
import type { StudioFiles } from './studio-files.js';
import type { TokenPreviews } from './token-preview.js';
import { sameSecret } from './studio-token.js';

/** Everything the routes need; made once by `startGateway`. */
export interface RouteContext extends SellingContext {
  readonly books: Books;
  readonly metrics: Pick<GatewayMetrics, 'text' | 'contentType'>;
  readonly models: ServedModels;
  readonly projectDirectory: string;
  readonly exports: ModelExports;
  readonly shardsDirectory: string;
  readonly tokenPreviews: TokenPreviews;
  readonly overview: OverviewOptions;
  readonly businessOf: AdminContext['businessOf'];
  readonly businessPdf: AdminContext['businessPdf'];
  readonly servingCosts: AdminContext['servingCosts'];
  readonly runsDirectory: string;
  readonly training: AdminContext['training'];
  readonly corpusDirectory: string;
  readonly modelsDirectory: string;
  readonly evaluationsDirectory: string;
  readonly studioFiles: StudioFiles;
  readonly studioToken: string;
  readonly backOffice: BackOfficeSettings;
  /** Who issues invoices. */
  readonly seller: Seller | undefined;
  readonly paymentSecret: string | undefined;
  readonly startedAtSeconds: number;
  /** `/openapi.json`. */
  readonly apiDescription: string;
  /** Whether it is to get no more requests; those that come are served until it drains. */
  isLeaving(): boolean;
}

type Env = { Bindings: HttpBindings };

export function createApp(context: RouteContext): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error, c) => {
    const problem = toApiProblem(error);
    if (problem.status === 500) context.onProblem(problem.cause ?? error);
    context.observer.refused(problem, routePath(c));
    return problem.toResponse();
  });
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    if (context.isLeaving()) throw draining();
    await askBooks(checkDatabase(context.books.database)).catch(outdated);
    return c.json({ status: 'ready' });
  });
  app.get('/openapi.json', (c) => c.body(context.apiDescription, 200, { 'content-type': 'application/json' }));
  app.get('/metrics', async (c) => {
    requireStudioToken(context, c.env.incoming);
    return c.body(await context.metrics.text(), 200, { 'content-type': context.metrics.contentType });
  });
  addModelRoutes(app, context);
  addCompletionRoutes(app, context);
  addResponseRoutes(app, context);
  addEmbeddingRoutes(app, context);
  addModerationRoutes(app, context);
  addPortalRoutes(app, context);
  addPaymentNotices(app, context);
  const playground = (bindings: HttpBindings): Promise<Response> => answerPlayground(context, bindings);
  app.route('/', createBackOffice({ ...context, playground }, context.backOffice));
  app.all('/v1/*', (c) => {
    throw new ApiProblem(404, 'unknown_url', `There is no ${c.req.method} ${c.req.path} here.`);
  });
  app.get('*', (c) => context.studioFiles(c.req.path));
  return app;
}

/** Whoever sends requests here is to send them to a newer gateway. */
function outdated(error: unknown): never {
  if (!(error instanceof MoatError) || error.code !== 'database-newer') throw error;
  throw new ApiProblem(503, 'gateway_outdated', 'This server is older than its database and is being replaced.', {
    cause: error,
  });
}

function addModelRoutes(app: Hono<Env>, context: RouteContext): void {
  const modelJson = (id: string) => ({
    ...context.models.facts.get(id),
    id,
    object: 'model',
    created: context.startedAtSeconds,
    owned_by: 'moat',
  });
  const { backends, embedders, moderators } = context;
  const names = (): string[] => [...backends.keys(), ...embedders.keys(), ...moderators.keys()];
  app.get('/v1/models', async (c) => {
    await requireKey(context, c.env.incoming);
    return c.json({ object: 'list', data: names().map(modelJson) });
  });
  app.get('/v1/models/:model', async (c) => {
    await requireKey(context, c.env.incoming);
    const models = new Map(names().map((name) => [name, name]));
    return c.json(modelJson(findModel(models, c.req.param('model'))));
  });
}

async function requireKey(context: RouteContext, incoming: IncomingMessage): Promise<void> {
  if (!(await context.meter.knowsKey(payerOf(incoming).keyHash))) throw invalidKey();
}

function requireStudioToken(context: RouteContext, incoming: IncomingMessage): void {
  if (sameSecret(bearerOf(incoming), context.studioToken)) return;
  throw new ApiProblem(
    401,
    'invalid_studio_token',
    'The studio token is missing or wrong. It is in .moat/studio-token of the project.',
  );
}
