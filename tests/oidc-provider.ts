/** A small OpenID provider on this machine: discovery, authorization code with PKCE, RS256. It says what it is told to. */
import { createHash, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { text } from 'node:stream/consumers';

export interface OidcProvider {
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** What the next ID token claims, over what is right. */
  claims: Record<string, unknown>;
  /** Signs the next ID token with a key nobody knows. */
  forge: boolean;
  /** @returns where the provider sends the browser that was sent to `url` */
  authorize(url: URL): Promise<URL>;
  close(): Promise<void>;
}

interface Grant {
  readonly challenge: string;
  readonly nonce: string;
  readonly redirectUri: string;
}

export async function openOidcProvider(): Promise<OidcProvider> {
  const [key, stranger] = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ];
  const grants = new Map<string, Grant>();
  const server = createServer((request, response) => void handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const provider: OidcProvider = {
    issuer,
    clientId: 'moat',
    clientSecret: randomBytes(16).toString('hex'),
    claims: {},
    forge: false,
    async authorize(url) {
      const response = await fetch(url, { redirect: 'manual' });
      return new URL(response.headers.get('location') ?? 'about:blank');
    },
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (url.pathname === '/.well-known/openid-configuration')
      return answer(200, {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        jwks_uri: `${issuer}/jwks`,
        response_types_supported: ['code'],
        subject_types_supported: ['public'],
        id_token_signing_alg_values_supported: ['RS256'],
        code_challenge_methods_supported: ['S256'],
      });
    if (url.pathname === '/jwks')
      return answer(200, {
        keys: [{ ...key.publicKey.export({ format: 'jwk' }), kid: '1', alg: 'RS256', use: 'sig' }],
      });
    if (url.pathname === '/authorize') {
      const asked = (name: string): string => url.searchParams.get(name) ?? '';
      if (asked('client_id') !== provider.clientId || asked('code_challenge_method') !== 'S256') return answer(400, {});
      const code = randomBytes(16).toString('hex');
      const redirectUri = asked('redirect_uri');
      grants.set(code, { challenge: asked('code_challenge'), nonce: asked('nonce'), redirectUri });
      const back = new URL(redirectUri);
      back.search = new URLSearchParams({ code, state: asked('state') }).toString();
      response.writeHead(302, { location: back.href }).end();
      return undefined;
    }
    const sent = new URLSearchParams(await text(request));
    const grant = grants.get(sent.get('code') ?? '');
    grants.delete(sent.get('code') ?? '');
    const challenge = createHash('sha256')
      .update(sent.get('code_verifier') ?? '')
      .digest('base64url');
    const knowsSecret = sent.get('client_secret') === provider.clientSecret;
    if (grant?.challenge !== challenge || grant.redirectUri !== sent.get('redirect_uri') || !knowsSecret)
      return answer(400, { error: 'invalid_grant' });
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: issuer,
      aud: provider.clientId,
      iat: now,
      exp: now + 60,
      nonce: grant.nonce,
      ...provider.claims,
    };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const signed = `${part({ alg: 'RS256', kid: '1' })}.${part(claims)}`;
    const { privateKey } = provider.forge ? stranger : key;
    const idToken = `${signed}.${createSign('RSA-SHA256').update(signed).sign(privateKey, 'base64url')}`;
    return answer(200, { access_token: 'unused', token_type: 'Bearer', id_token: idToken });
  }
  return provider;
}
