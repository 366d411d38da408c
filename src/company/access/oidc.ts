import { createHmac, randomBytes } from 'node:crypto';
import type { Configuration, CustomFetch } from 'openid-client';
import { MoatError, messageOf } from '../../base/errors.js';
import { type Transaction, auditAs } from './audit-log.js';
import type { Role } from './permissions.js';
import { type Device, startSession } from './sessions.js';
import { type Access, USER_COLUMNS, type User, insertUser } from './users.js';

/** Sign-in through somebody else's accounts (OpenID Connect, authorization code with PKCE). */
export interface OidcSettings {
  /** `https://accounts.google.com`; plain http for this machine alone. */
  readonly issuer: string;
  readonly clientId: string;
  /** From an environment variable, never from a file. */
  readonly clientSecret: string;
  /** `acme.com`. Only verified addresses of these domains get in. */
  readonly allowedDomains: readonly string[];
  /** What somebody new becomes; null lets in only users that there are. Default viewer. */
  readonly newUserRole?: Role | null;
  /** Default Node's own. */
  readonly fetch?: CustomFetch;
}

export interface OidcClient {
  /** @returns where to send the browser, and what its short-lived cookie holds meanwhile */
  begin(redirectUri: string): Promise<{ url: URL; flow: string }>;
  /**
   * @param callback the address the provider sent the browser to, parameters and all
   * @returns a session token, and the address of the user
   * @throws MoatError `oidc-refused` (who came may not in; its message is for him), `oidc-failed`
   */
  complete(callback: URL, flow: string, device: Device, replaces: string | undefined): Promise<string>;
}

/** Longer than anybody needs to sign in elsewhere. */
export const FLOW_SECONDS = 600;
const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost']);

/** The provider is asked at the first sign-in, and again when it could not be reached. */
export function createOidcClient(access: Access, settings: OidcSettings): OidcClient {
  let discovered: Promise<Configuration> | undefined;
  const configuration = async (): Promise<Configuration> => {
    discovered ??= discover(settings);
    try {
      return await discovered;
    } catch (error) {
      discovered = undefined;
      throw failed(`${settings.issuer}: ${messageOf(error)}`, error);
    }
  };
  return {
    async begin(redirectUri) {
      const [client, provider] = await Promise.all([import('openid-client'), configuration()]);
      const flow = `${access.clock.now()}.${randomBytes(32).toString('base64url')}`;
      const { state, nonce, verifier } = secretsOf(flow);
      const url = client.buildAuthorizationUrl(provider, {
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        state,
        nonce,
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url, flow };
    },
    async complete(callback, flow, device, replaces) {
      const age = access.clock.now() - Number(flow.split('.')[0]);
      if (!(age >= 0 && age <= FLOW_SECONDS * 1000)) throw failed('the sign-in took too long, or began elsewhere');
      const [client, provider] = await Promise.all([import('openid-client'), configuration()]);
      const { state, nonce, verifier } = secretsOf(flow);
      const tokens = await client
        .authorizationCodeGrant(provider, callback, {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        })
        .catch((error: unknown) => {
          throw failed('the provider’s answer does not hold', error);
        });
      const person = personOf(tokens.claims() ?? {}, settings);
      return access.database.sql.begin(async (sql) => {
        const { user, isNew, isLinked } = await findOrCreate(sql, access, person, settings.newUserRole);
        const token = await startSession(sql, access, { userId: user.id, device, replaces });
        const audit = auditAs(user.email, access.clock);
        if (isLinked) await audit(sql, { action: 'user.linked', target: user.id, details: { role: user.role, isNew } });
        const details = { by: 'oidc', address: device.address };
        await audit(sql, { action: 'session.started', target: user.id, details });
        return token;
      });
    },
  };
}

async function discover({ issuer, clientId, clientSecret, fetch }: OidcSettings): Promise<Configuration> {
  const client = await import('openid-client');
  const server = new URL(issuer);
  // The token's signature is checked too: that TLS vouches for it, as the standard has it, is not enough here.
  const execute = [client.enableNonRepudiationChecks];
  if (LOOPBACK.has(server.hostname)) execute.push(client.allowInsecureRequests);
  const network = fetch === undefined ? {} : { [client.customFetch]: fetch };
  return client.discovery(server, clientId, clientSecret, undefined, { execute, timeout: 10, ...network });
}

/** All secrets of a sign-in follow from the one in the browser's cookie: nothing waits on the server. */
function secretsOf(flow: string): { state: string; nonce: string; verifier: string } {
  const derive = (what: string): string => createHmac('sha256', flow).update(what).digest('base64url');
  return { state: derive('state'), nonce: derive('nonce'), verifier: derive('verifier') };
}

interface Person {
  readonly issuer: string;
  readonly subject: string;
  readonly email: string;
  readonly name: string | undefined;
}

function personOf(claims: Readonly<Record<string, unknown>>, settings: OidcSettings): Person {
  const { sub, email, email_verified: isVerified, name } = claims;
  if (typeof sub !== 'string' || typeof email !== 'string') throw refused('the provider gave no email address');
  if (isVerified !== true) throw refused('the provider has not verified the email address');
  const domain = email.slice(email.lastIndexOf('@') + 1).toLowerCase();
  if (!settings.allowedDomains.some((allowed) => allowed.toLowerCase() === domain))
    throw refused(`addresses at ${domain} are not allowed here`);
  return { issuer: settings.issuer, subject: sub, email, name: typeof name === 'string' ? name : undefined };
}

/**
 * Known by subject; else by the verified address, which is tied to the subject from then on; else new, if new ones may.
 * A tie to a provider that was set up earlier gives way.
 */
async function findOrCreate(
  sql: Transaction,
  { clock }: Access,
  { issuer, subject, email, name }: Person,
  newUserRole: Role | null = 'viewer',
): Promise<{ user: User; isNew: boolean; isLinked: boolean }> {
  const [known] = await sql<(User & { issuer: string | null; isSame: boolean | null })[]>`
    select ${sql.unsafe(USER_COLUMNS)}, oidc_issuer as issuer, oidc_issuer = ${issuer} and oidc_subject = ${subject} as "isSame"
      from moat.users where (oidc_issuer = ${issuer} and oidc_subject = ${subject}) or lower(email) = lower(${email})
     order by "isSame" desc nulls last limit 1 for update`;
  if (known === undefined && newUserRole === null) throw refused('there is no user with this address');
  const user = known ?? (await insertUser(sql, clock, { email, name, role: newUserRole ?? 'viewer' }));
  if (user.disabledAt !== null) throw refused('this user is disabled');
  if (known?.isSame === true) return { user, isNew: false, isLinked: false };
  if (known?.issuer === issuer) throw refused('this address belongs to another account');
  await sql`update moat.users set oidc_issuer = ${issuer}, oidc_subject = ${subject} where id = ${user.id}`;
  return { user, isNew: known === undefined, isLinked: true };
}

const refused = (why: string): MoatError =>
  new MoatError('oidc-refused', why, { fix: 'Ask an owner of this project to let you in.' });

const failed = (why: string, cause?: unknown): MoatError =>
  new MoatError('oidc-failed', why, { fix: 'Try to sign in again.', cause });
