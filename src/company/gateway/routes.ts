import type { IncomingMessage } from 'node:http';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { HttpBindings } from '@hono/node-server';
import { Hono } from 'hono';
import { z } from 'zod';
import type { TextEngine } from '../../lab/generate/engine.js';
import type { Payer } from '../billing/admission.js';
import { hashOfKey, looksLikeKey } from '../billing/api-key.js';
import type { Books } from '../billing/customers.js';
import { type BackOfficeSettings, createBackOffice } from './admin/admin-app.js';
import { ApiProblem, busy, draining, invalidKey, toApiProblem } from './api-problem.js';
import {
  type ChatBody,
  chatSchema,
  type CompletionRequest,
  readChat,
  readTextCompletion,
  type TextBody,
  textSchema,
} from './completion-request.js';
import type { OverviewOptions } from './overview.js';
import { readJson } from './request-body.js';
import { type CompletionContext, serveCompletion } from './serve-completion.js';
import type { StudioFiles } from './studio-files.js';
import { sameSecret } from './studio-token.js';

/** Everything the routes need; made once by `startGateway`. */
export interface RouteContext extends CompletionContext {
  readonly books: Books;
  readonly engines: ReadonlyMap<string, TextEngine>;
  readonly modelFacts: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly overview: OverviewOptions;
  readonly runsDirectory: string;
  readonly studioFiles: StudioFiles;
  readonly studioToken: string;
  readonly backOffice: BackOfficeSettings;
  readonly maxConcurrent: number;
  /** Answers being made right now. */
  readonly inFlight: Set<Promise<void>>;
  readonly startedAtSeconds: number;
  /** `/openapi.json`. */
  readonly apiDescription: string;
  isDraining(): boolean;
  onProblem(error: unknown): void;
}

type Env = { Bindings: HttpBindings };
type Reader<Body> = (body: Body, engine: TextEngine) => CompletionRequest;

export function createApp(context: RouteContext): Hono<Env> {
  const app = new Hono<Env>();
  app.onError((error) => {
    const problem = toApiProblem(error);
    if (problem.status === 500) context.onProblem(problem.cause ?? error);
    context.metrics.refused(problem.code);
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
  const playground = (bindings: HttpBindings): Promise<Response> => answerPlayground(context, bindings);
  app.route('/', createBackOffice({ ...context, playground }, context.backOffice));
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
    return c.json({ object: 'list', data: [...context.engines.keys()].map(modelJson) });
  });
  app.get('/v1/models/:model', async (c) => {
    await requireKey(context, c.env.incoming);
    return c.json(modelJson(findEngine(context, c.req.param('model')).modelId));
  });
  app.post('/v1/chat/completions', (c) => answer(context, c.env, payerOf(c.env.incoming), chatSchema, readChat));
  app.post('/v1/completions', (c) => answer(context, c.env, payerOf(c.env.incoming), textSchema, readTextCompletion));
}

/** The one path of every completion, whoever pays. */
async function answer<Body extends ChatBody | TextBody>(
  context: RouteContext,
  { incoming, outgoing }: HttpBindings,
  payer: Payer,
  schema: z.ZodType<Body>,
  read: Reader<Body>,
): Promise<Response> {
  if (context.isDraining()) throw draining();
  if (context.inFlight.size >= context.maxConcurrent) throw busy();
  const serving = serve(context, { incoming, outgoing }, payer, schema, read);
  const tracked = serving.catch(() => undefined);
  context.inFlight.add(tracked);
  try {
    await serving;
  } finally {
    context.inFlight.delete(tracked);
  }
  return RESPONSE_ALREADY_SENT;
}

async function serve<Body extends ChatBody | TextBody>(
  context: RouteContext,
  { incoming, outgoing }: HttpBindings,
  payer: Payer,
  schema: z.ZodType<Body>,
  read: Reader<Body>,
): Promise<void> {
  const prepare = async (): Promise<{ engine: TextEngine; request: CompletionRequest }> => {
    const body = await readJson(incoming, schema);
    const engine = findEngine(context, body.model);
    return { engine, request: read(body, engine) };
  };
  const { engine, request } = await prepare().catch(async (error: unknown) => {
    // A stranger learns that he is one, and nothing about models or fields.
    if (payer !== 'internal' && !(await context.meter.knowsKey(payer.keyHash))) throw invalidKey();
    throw error;
  });
  await serveCompletion(context, engine, payer, request, outgoing);
}

function bearerOf(incoming: IncomingMessage): string {
  return /^Bearer +(\S+)$/i.exec(incoming.headers.authorization ?? '')?.[1] ?? '';
}

function payerOf(incoming: IncomingMessage): { keyHash: string } {
  const key = bearerOf(incoming);
  if (!looksLikeKey(key)) throw invalidKey();
  return { keyHash: hashOfKey(key) };
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

function findEngine(context: RouteContext, model: string): TextEngine {
  const engine = context.engines.get(model);
  if (engine !== undefined) return engine;
  const offered = [...context.engines.keys()].join(', ');
  throw new ApiProblem(
    404,
    'model_not_found',
    `The model ${JSON.stringify(model)} does not exist here. Offered: ${offered || 'none'}.`,
    { param: 'model' },
  );
}

/** The studio's own request: always streamed, always with its usage, under the project's internal customer. */
async function answerPlayground(context: RouteContext, bindings: HttpBindings): Promise<Response> {
  const schema = z.union([chatSchema, textSchema]);
  return answer(context, bindings, 'internal', schema, (body, engine) => ({
    ...(isChat(body) ? readChat(body, engine) : readTextCompletion(body, engine)),
    stream: true,
    includeUsage: true,
  }));
}

const isChat = (body: ChatBody | TextBody): body is ChatBody => 'messages' in body;
