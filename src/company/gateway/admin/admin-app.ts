import { Hono } from 'hono';
import { matchedRoutes } from 'hono/route';
import { MoatError } from '../../../base/errors.js';
import { type OidcSettings, createOidcClient } from '../../access/oidc.js';
import { type PasswordHasher, createPasswordHasher } from '../../access/password-hasher.js';
import type { PromptLog } from '../../access/prompt-log.js';
import { ApiProblem } from '../api-problem.js';
import { businessRoutes } from './business-routes.js';
import type { AdminContext, AdminEnv, AdminRoute } from './admin-route.js';
import { clientAddress } from './client-address.js';
import { customerAccountRoutes } from './customer-account-routes.js';
import { customerRoutes } from './customer-routes.js';
import { dataRoutes } from './data-routes.js';
import { evaluationRoutes } from './evaluation-routes.js';
import { admit } from './guard.js';
import { modelRoutes } from './model-routes.js';
import { moneyRoutes } from './money-routes.js';
import { sessionRoutes } from './session-routes.js';
import { settingsRoutes } from './settings-routes.js';
import { createRunReader } from '../run-reader.js';
import { studioRoutes } from './studio-routes.js';
import { priceRoutes } from './price-routes.js';
import { topUpRoutes } from './top-up-routes.js';
import { trainingRoutes } from './training-routes.js';
import { userRoutes } from './user-routes.js';

/** Every route of the back office. */
export const ADMIN_ROUTES: readonly AdminRoute[] = [
  ...studioRoutes,
  ...trainingRoutes,
  ...dataRoutes,
  ...evaluationRoutes,
  ...modelRoutes,
  ...businessRoutes,
  ...customerRoutes,
  ...customerAccountRoutes,
  ...moneyRoutes,
  ...topUpRoutes,
  ...priceRoutes,
  ...userRoutes,
  ...sessionRoutes,
  ...settingsRoutes,
];

/** What the rooms below refuse, as HTTP says it; any other error is a defect. */
const STATUS_OF: Readonly<Record<string, ApiProblem['status']>> = {
  'bad-amount': 400,
  'bad-currency': 400,
  'bad-customer': 400,
  'bad-email': 400,
  'bad-expiry': 400,
  'bad-limit': 400,
  'bad-month': 400,
  'bad-percent': 400,
  'bad-reason': 400,
  'bad-plan': 400,
  'bad-price-book': 400,
  'bad-price': 400,
  'bad-scope': 400,
  'bad-start': 400,
  'bad-run-name': 400,
  'bad-setting': 400,
  'bad-setup-link': 400,
  'weak-password': 400,
  'corpus-missing': 404,
  'no-model': 404,
  'not-promoted': 404,
  'unknown-document': 404,
  'unknown-budget': 404,
  'unknown-customer': 404,
  'unknown-invoice': 404,
  'unknown-key': 404,
  'unknown-plan': 404,
  'unknown-top-up': 404,
  'unknown-user': 404,
  'bad-business-file': 409,
  'bad-load-curve': 409,
  'bad-upstreams': 409,
  'model-in-use': 409,
  'below-cost': 409,
  'bad-serving': 409,
  'tokenizer-missing': 409,
  'tokenizer-damaged': 409,
  'tokenizer-unsupported': 409,
  'unlearnable-conversation': 409,
  'billing-due': 409,
  'customer-exists': 409,
  'insufficient-credit': 409,
  'invoice-not-of-credit': 409,
  'last-owner': 409,
  'no-business-file': 409,
  'not-training': 409,
  'not-subscribed': 409,
  'reference-taken': 409,
  'subscribed-already': 409,
  'top-up-closed': 409,
  'training-busy': 409,
  'training-refused': 409,
  'unknown-fact': 409,
  'user-disabled': 409,
  'user-exists': 409,
  'too-many-logins': 429,
  'oidc-failed': 503,
};

/** What a project may set of its back office. */
export interface BackOfficeSettings {
  /** `https://studio.acme.com`, where a proxy with TLS stands in front. Default: the address that is listened on, over http. */
  readonly publicUrl?: string | undefined;
  /** Whether that proxy writes `X-Forwarded-For`. Default false. */
  readonly trustProxy?: boolean;
  /** Sign-in through another provider. Default: passwords alone. */
  readonly oidc?: OidcSettings | undefined;
  /** Default: nothing is logged. */
  readonly promptLog?: PromptLog | undefined;
  /** Default scrypt at its usual cost. */
  readonly passwords?: PasswordHasher;
}

/** What the gateway has anyway. */
export type GatewayParts = Pick<
  AdminContext,
  | 'clock'
  | 'books'
  | 'overview'
  | 'businessOf'
  | 'businessPdf'
  | 'servingCosts'
  | 'models'
  | 'projectDirectory'
  | 'exports'
  | 'shardsDirectory'
  | 'tokenPreviews'
  | 'runsDirectory'
  | 'training'
  | 'corpusDirectory'
  | 'modelsDirectory'
  | 'evaluationsDirectory'
  | 'shutdown'
  | 'studioToken'
  | 'playground'
>;

/** The back office of a gateway. */
export function createBackOffice(parts: GatewayParts, settings: BackOfficeSettings): Hono<AdminEnv> {
  const { publicUrl, trustProxy = false, oidc, promptLog, passwords = createPasswordHasher() } = settings;
  const { clock, books } = parts;
  const access = { database: books.database, clock, passwords };
  const runs = createRunReader(parts.runsDirectory, clock);
  // a long run takes a moment to read: better now than when somebody looks
  void runs.list().catch(() => undefined);
  return createAdminApp({
    clock,
    books,
    overview: parts.overview,
    businessOf: parts.businessOf,
    businessPdf: parts.businessPdf,
    servingCosts: parts.servingCosts,
    models: parts.models,
    projectDirectory: parts.projectDirectory,
    exports: parts.exports,
    shardsDirectory: parts.shardsDirectory,
    tokenPreviews: parts.tokenPreviews,
    runsDirectory: parts.runsDirectory,
    runs,
    training: parts.training,
    corpusDirectory: parts.corpusDirectory,
    modelsDirectory: parts.modelsDirectory,
    evaluationsDirectory: parts.evaluationsDirectory,
    shutdown: parts.shutdown,
    studioToken: parts.studioToken,
    playground: parts.playground,
    access,
    publicUrl,
    promptLog,
    addressOf: clientAddress(trustProxy),
    oidc: oidc === undefined ? undefined : createOidcClient(access, oidc),
  });
}

/**
 * `/api`: every request passes `admit`, and reaches nothing that is not in the table. So it has to be mounted before
 * anything else below `/api`.
 */
function createAdminApp(context: AdminContext): Hono<AdminEnv> {
  const app = new Hono<AdminEnv>();
  const byName = new Map(ADMIN_ROUTES.map((route) => [`${route.method} ${route.path}`, route]));
  app.use('/api/*', async (c, next) => {
    const route = matchedRoutes(c)
      .map(({ method, path }) => byName.get(`${method} ${path}`))
      .find((found) => found !== undefined);
    // No id holds a NUL, and PostgreSQL takes none.
    if (c.req.url.includes('%00')) throw new ApiProblem(400, 'invalid_value', 'The address holds a NUL character.');
    c.set('caller', await admit(context, c.env.incoming, route));
    // Nothing here is anybody else's business, a shared cache's least of all.
    c.header('cache-control', 'no-store');
    await next();
  });
  for (const route of ADMIN_ROUTES) {
    app.on(route.method, route.path, (c) => route.handle(context, c).catch((error: unknown) => refuse(error)));
  }
  return app;
}

function refuse(error: unknown): never {
  const status = error instanceof MoatError ? STATUS_OF[error.code] : undefined;
  if (!(error instanceof MoatError) || status === undefined) throw error;
  throw new ApiProblem(status, error.code.replaceAll('-', '_'), error.line, {
    cause: error,
    ...(status === 429 ? { retryAfterSeconds: 1 } : {}),
  });
}
