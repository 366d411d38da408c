import type { IncomingMessage } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import { type Books, listCustomers } from '../billing/customers.js';
import { ApiProblem, busy, draining, invalidKey, toApiProblem } from './api-problem.js';
import type { CustomerSummary } from './api-types.js';
import type { GatewayMetrics } from './metrics.js';
import { type OverviewOptions, readOverview } from './overview.js';
import { addCompletionRoutes, answerPlayground } from './routes/completions.js';
import { type SellingContext, bearerOf, findBackend, payerOf } from './routes/requests.js';
import { followRun, hasRun, listRuns } from './run-reader.js';
import { streamRun } from './run-stream.js';
import type { StudioFiles } from './studio-files.js';
import { sameSecret } from './studio-token.js';

/** Everything the routes need; made once by `startGateway`. */
export interface RouteContext extends SellingContext {
  readonly books: Books;
  readonly metrics: Pick<GatewayMetrics, 'text' | 'contentType'>;
  readonly modelFacts: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly overview: OverviewOptions;
  readonly runsDirectory: string;
  readonly studioFiles: StudioFiles;
  readonly studioToken: string;
  readonly startedAtSeconds: number;
  /** `/openapi.json`. */
  readonly apiDescription: string;
  onProblem(error: unknown): void;
}

type Env = { Bindings: HttpBindings };

const MAX_FOLLOWERS = 64;

export function createApp(context: RouteContext): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error) => {
    const problem = toApiProblem(error);
    if (problem.status === 500) context.onProblem(problem.cause ?? error);
    context.observer.refused(problem.code);
    return problem.toResponse();
  });
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    if (context.isDraining()) throw draining();
    await context.books.database.sql`select 1`;
    return c.json({ status: 'ready' });
  });
  app.get('/openapi.json', (c) => c.body(context.apiDescription, 200, { 'content-type': 'application/json' }));
  app.get('/metrics', async (c) => {
    requireStudioToken(context, c.env.incoming);
    return c.body(await context.metrics.text(), 200, { 'content-type': context.metrics.contentType });
  });
  addModelRoutes(app, context);
  addCompletionRoutes(app, context);
  addStudioRoutes(app, context);
  app.all('/v1/*', (c) => {
    throw new ApiProblem(404, 'unknown_url', `There is no ${c.req.method} ${c.req.path} here.`);
  });
  app.get('*', (c) => context.studioFiles(c.req.path));
  return app;
}

function addModelRoutes(app: Hono<Env>, context: RouteContext): void {
  const modelJson = (id: string) => ({
    ...context.modelFacts.get(id),
    id,
    object: 'model',
    created: context.startedAtSeconds,
    owned_by: 'moat',
  });
  app.get('/v1/models', async (c) => {
    await requireKey(context, c.env.incoming);
    return c.json({ object: 'list', data: [...context.backends.keys()].map(modelJson) });
  });
  app.get('/v1/models/:model', async (c) => {
    await requireKey(context, c.env.incoming);
    return c.json(modelJson(findBackend(context, c.req.param('model')).modelId));
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

function addStudioRoutes(app: Hono<Env>, context: RouteContext): void {
  app.use('/api/*', async (c, next) => {
    requireStudioToken(context, c.env.incoming);
    await next();
  });
  app.get('/api/overview', async (c) => c.json(await readOverview(context.books, context.overview)));
  app.get('/api/runs', async (c) => c.json({ runs: await listRuns(context.runsDirectory, context.clock) }));
  app.get('/api/customers', async (c) => {
    const customers = (await listCustomers(context.books)).map(
      ({ id, name, balanceMicros, currency, keyCount, createdAt }): CustomerSummary => ({
        id,
        name,
        balanceMicros: balanceMicros.toString(),
        currency,
        keyCount,
        createdAt: createdAt.toISOString(),
      }),
    );
    return c.json({ customers });
  });
  let followers = 0;
  app.get('/api/runs/:name/events', async (c) => {
    const name = c.req.param('name');
    if (!(await hasRun(context.runsDirectory, name)))
      throw new ApiProblem(404, 'run_not_found', 'There is no such run.');
    if (followers >= MAX_FOLLOWERS) throw busy();
    const fromLine = z.coerce
      .number()
      .int()
      .min(0)
      .catch(0)
      .parse(c.req.query('from') ?? 0);
    followers++;
    const lines = (signal: AbortSignal) => followRun(context.runsDirectory, name, fromLine, signal);
    await streamRun(lines, c.env.outgoing, context.shutdown).finally(() => followers--);
    return RESPONSE_ALREADY_SENT;
  });
  app.post('/api/playground', (c) => answerPlayground(context, c.env));
  app.all('/api/*', (c) => {
    throw new ApiProblem(404, 'unknown_url', `There is no ${c.req.method} ${c.req.path} here.`);
  });
}
