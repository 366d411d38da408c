/** The parts of a server that a project may have and need not: a log, models elsewhere, sign-in through a provider, stored prompts. */
import type { Clock } from '../../base/clock.js';
import { MoatError } from '../../base/errors.js';
import { Rng } from '../../base/rng.js';
import { secretFrom } from '../../base/secret-environment.js';
import type { OidcSettings } from '../../company/access/oidc.js';
import { createPromptLog } from '../../company/access/prompt-log.js';
import type { Books } from '../../company/billing/customers.js';
import type { BackOfficeSettings } from '../../company/gateway/admin/admin-app.js';
import { type RequestLog, openRequestLog } from '../../company/gateway/request-log.js';
import { type UpstreamBackend, createUpstreamBackend } from '../../company/gateway/upstream/upstream-backend.js';
import { type UpstreamEmbedder, createUpstreamEmbedder } from '../../company/gateway/upstream/upstream-embedder.js';
import { readUpstreams } from '../../company/gateway/upstream/upstream-file.js';
import type { Project } from '../config/project.js';
import { upstreamsFileOf } from './project-files.js';

const OIDC_SECRET = 'MOAT_OIDC_CLIENT_SECRET';
const STUDIO_TOKEN = 'MOAT_STUDIO_TOKEN';
const PAYMENT_SECRET = 'MOAT_PAYMENT_SECRET';
const LEAST_SECRET_LENGTH = 32;

/** @throws MoatError `log-not-writable` */
export async function openLog(project: Project, clock: Clock): Promise<RequestLog | undefined> {
  const { log, logLevel: level } = project.config.serve;
  if (log === undefined) return undefined;
  return openRequestLog({ level, clock, ...(log === 'stdout' ? {} : { file: project.resolve(log) }) });
}

/** Models that run elsewhere, by our names. */
export interface Upstreams {
  readonly backends: ReadonlyMap<string, UpstreamBackend>;
  readonly embedders: ReadonlyMap<string, UpstreamEmbedder>;
  close(): void;
}

/**
 * Models that run elsewhere, by our names. Engines that are not what the file says are told, and left unused until they are.
 * @throws MoatError `bad-upstreams`, `upstream-key-missing`, `model-twice`
 */
export async function openUpstreams(options: {
  readonly project: Project;
  readonly clock: Clock;
  readonly env: NodeJS.ProcessEnv;
  /** Names of models that run here. */
  readonly taken: readonly string[];
  readonly onProblem: (error: unknown) => void;
}): Promise<Upstreams> {
  const { project, clock, env, taken } = options;
  const file = upstreamsFileOf(project);
  const models = await readUpstreams(file, env);
  const twice = models.find((model) => taken.includes(model.modelId));
  if (twice !== undefined) {
    throw new MoatError('model-twice', `${file}: "${twice.modelId}" is the name of a model that runs here`, {
      fix: 'Give one of them another name (serve.modelId, or --as of moat models promote), or serve the one elsewhere alone: moat serve --elsewhere.',
    });
  }
  const onProblem = ({ model, target, message }: { model: string; target: string; message: string }): void =>
    options.onProblem(new MoatError('upstream-problem', `${model} at ${target}: ${message}`));
  const rng = Rng.fromSeed(clock.now());
  const settings = models.map((model) => ({ model, clock, rng, onProblem }));
  const of = (embeddings: boolean) => settings.filter(({ model }) => model.embeddings === embeddings);
  const named = <Opened extends { readonly modelId: string }>(opened: readonly Opened[]): Map<string, Opened> =>
    new Map(opened.map((one) => [one.modelId, one]));
  const backends = named(of(false).map(createUpstreamBackend));
  const embedders = named(of(true).map(createUpstreamEmbedder));
  await Promise.all([...backends.values(), ...embedders.values()].map((one) => one.checkIdentities()));
  return {
    backends,
    embedders,
    close: () => [...backends.values(), ...embedders.values()].forEach((one) => one.close()),
  };
}

/** @throws MoatError `bad-oidc` for settings that are not complete */
export async function backOfficeOf(
  { config: { serve } }: Project,
  books: Books,
  env: NodeJS.ProcessEnv,
): Promise<BackOfficeSettings> {
  const promptLog = createPromptLog({ ...books, retentionDays: serve.promptLogDays });
  // What was stored while it was on does not outlive its days when it is off.
  await promptLog.sweep();
  return {
    publicUrl: serve.publicUrl,
    trustProxy: serve.trustProxy,
    oidc: oidcOf(serve, env),
    promptLog: serve.promptLogDays === 0 ? undefined : promptLog,
  };
}

/**
 * The same for every gateway of one project; undefined where each makes its own.
 * @throws MoatError `weak-studio-token`
 */
export function studioTokenOf(env: NodeJS.ProcessEnv): string | undefined {
  const token = secretFrom(env, STUDIO_TOKEN);
  if (token === undefined || /^[\w-]{32,256}$/.test(token)) return token;
  throw new MoatError('weak-studio-token', `${STUDIO_TOKEN} is no token: it takes 32 to 256 letters, digits, _ and -`, {
    fix: 'Make one with: openssl rand -hex 32',
  });
}

function oidcOf(serve: Project['config']['serve'], env: NodeJS.ProcessEnv): OidcSettings | undefined {
  const { oidcIssuer: issuer, oidcClientId: clientId, oidcDomains } = serve;
  if (issuer === undefined) return undefined;
  const clientSecret = secretFrom(env, OIDC_SECRET);
  const missing = Object.entries({
    'serve.oidcClientId': clientId,
    'serve.oidcDomains': oidcDomains,
    [`the environment variable ${OIDC_SECRET}`]: clientSecret,
  }).find(([, value]) => value === undefined || value === '');
  if (missing !== undefined || clientId === undefined || oidcDomains === undefined || clientSecret === undefined) {
    throw new MoatError('bad-oidc', `serve.oidcIssuer is set, and ${missing?.[0] ?? ''} is not`, {
      fix: 'Set it, or take serve.oidcIssuer out.',
    });
  }
  const allowedDomains = oidcDomains.split(',').map((domain) => domain.trim());
  return { issuer, clientId, clientSecret, allowedDomains };
}

/** What payment notices are signed with; undefined: none are taken. @throws MoatError `bad-payment-secret` for one that can be guessed */
export function paymentSecretOf(env: NodeJS.ProcessEnv): string | undefined {
  const secret = env[PAYMENT_SECRET];
  if (secret === undefined || secret === '') return undefined;
  if (secret.length >= LEAST_SECRET_LENGTH) return secret;
  throw new MoatError('bad-payment-secret', `${PAYMENT_SECRET} has ${secret.length} characters`, {
    fix: `Give it at least ${LEAST_SECRET_LENGTH}: openssl rand -hex 32.`,
  });
}
