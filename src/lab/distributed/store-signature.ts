/**
 * AWS Signature Version 4 of a request, as S3 and those that speak like it ask for it: every header that is given is signed.
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
import { createHash, createHmac } from 'node:crypto';

export interface SigningKeys {
  readonly id: string;
  readonly secret: string;
}

export interface SignedParts {
  readonly method: string;
  readonly url: URL;
  /** By their names in lower case; `host` comes from the URL. */
  readonly headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body, as `sha256Hex` gives it. */
  readonly bodyHash: string;
}

export interface SigningScope {
  /** `20130524T000000Z` */
  readonly at: string;
  readonly region: string;
  readonly service: string;
}

/** The value of `Authorization`. */
export function authorization(parts: SignedParts, keys: SigningKeys, { at, region, service }: SigningScope): string {
  const headers = Object.entries({ ...parts.headers, host: parts.url.host }).sort(byName);
  const names = headers.map(([name]) => name).join(';');
  const canonical = [
    parts.method,
    parts.url.pathname,
    canonicalQuery(parts.url),
    ...headers.map(([name, value]) => `${name}:${value.trim().replaceAll(/ +/g, ' ')}`),
    '',
    names,
    parts.bodyHash,
  ].join('\n');
  const date = at.slice(0, 8);
  const scope = [date, region, service, 'aws4_request'];
  const text = ['AWS4-HMAC-SHA256', at, scope.join('/'), sha256Hex(canonical)].join('\n');
  const key = scope.reduce<string | Buffer>((secret, part) => hmac(secret, part), `AWS4${keys.secret}`);
  const signature = hmac(key, text).toString('hex');
  return `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope.join('/')},SignedHeaders=${names},Signature=${signature}`;
}

/** `20130524T000000Z` of a time in milliseconds since 1970. */
export const signingTime = (nowMs: number): string => new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d{3}/g, '');

export const sha256Hex = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

/** All but letters, digits and `-_.~`, which is more than `encodeURIComponent` takes. */
export const encodeStrictly = (text: string): string =>
  encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const canonicalQuery = (url: URL): string =>
  [...url.searchParams]
    .map(([name, value]): [string, string] => [encodeStrictly(name), encodeStrictly(value)])
    .sort((a, b) => byName(a, b) || byName([a[1]], [b[1]]))
    .map((pair) => pair.join('='))
    .join('&');

const byName = ([a]: readonly [string, ...unknown[]], [b]: readonly [string, ...unknown[]]): number =>
  a < b ? -1 : Number(a > b);

const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();
