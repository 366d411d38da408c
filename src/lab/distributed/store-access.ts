/** Which object store a URI names, and by which keys it is opened: in the variables that AWS's own tools read. */
import { MoatError } from '../../base/errors.js';
import type { SigningKeys } from './store-signature.js';

export interface StoreAccess {
  /** As it is written after `--storage`, without a `/` at its end. */
  readonly location: string;
  readonly bucket: string;
  /** What every key begins with: empty, or with a `/` at its end. */
  readonly prefix: string;
  /** Of the bucket, with a `/` at its end. */
  readonly base: URL;
  readonly region: string;
  readonly keys: SigningKeys;
  /** Beside keys that were lent for a while. */
  readonly sessionToken: string | undefined;
  /** Whether it understands `If-None-Match: *` beside a new object. Google's asks for a header that it takes with its own signatures only. */
  readonly canCreate: boolean;
}

/** What this machine opens itself; other URIs (`file:`, `hdfs:` …) are the workers' alone. */
export const isStoreUri = (storage: string): boolean => /^(s3|gs):/i.test(storage);

/**
 * @param env `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; for `s3:` also `AWS_REGION` (or `AWS_DEFAULT_REGION`)
 * and `AWS_ENDPOINT_URL_S3` (or `AWS_ENDPOINT_URL`). For `gs:` the keys are Google's HMAC keys; `STORAGE_EMULATOR_HOST` is another place.
 * @throws MoatError `bad-storage`, `store-no-credentials`
 */
export function storeAccess(location: string, env: NodeJS.ProcessEnv): StoreAccess {
  const match = /^(s3|gs):\/\/([a-z0-9][a-z0-9._-]+)((?:\/[^/?#]+)*)\/*$/.exec(location);
  if (match === null) {
    throw new MoatError('bad-storage', `--storage: "${location}" names no bucket`, {
      fix: 'Write it as s3://BUCKET/FOLDER or gs://BUCKET/FOLDER; buckets have names in lower case.',
    });
  }
  const [, scheme = '', bucket = '', folder = ''] = match;
  const common = {
    location: `${scheme}://${bucket}${folder}`,
    bucket,
    prefix: folder === '' ? '' : `${folder.slice(1)}/`,
  };
  const keys = keysOf(common.location, scheme, env);
  if (scheme === 'gs') {
    const base = bucketBelow(endpoint(env['STORAGE_EMULATOR_HOST'] ?? 'https://storage.googleapis.com'), bucket);
    return { ...common, ...keys, base, region: 'auto', canCreate: false };
  }
  const region = env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'] ?? 'us-east-1';
  const given = env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'];
  return { ...common, ...keys, base: s3Base(bucket, region, given), region, canCreate: true };
}

/** As AWS's own tools: the bucket is a host's name at AWS, and a folder elsewhere, or where TLS would not know the host. */
function s3Base(bucket: string, region: string, given: string | undefined): URL {
  if (given !== undefined) return bucketBelow(endpoint(given), bucket);
  const host = `s3.${region}.amazonaws.com`;
  return bucket.includes('.') ? bucketBelow(new URL(`https://${host}`), bucket) : new URL(`https://${bucket}.${host}/`);
}

function endpoint(text: string): URL {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return new URL(text);
  throw new MoatError('bad-storage', `AWS_ENDPOINT_URL: "${text}" is not the address of a server`, {
    fix: 'Write it as https://HOST:PORT.',
  });
}

const bucketBelow = (base: URL, bucket: string): URL =>
  new URL(`${base.pathname.replace(/\/+$/, '')}/${bucket}/`, base);

function keysOf(location: string, scheme: string, env: NodeJS.ProcessEnv): Pick<StoreAccess, 'keys' | 'sessionToken'> {
  const { AWS_ACCESS_KEY_ID: id = '', AWS_SECRET_ACCESS_KEY: secret = '', AWS_SESSION_TOKEN: sessionToken } = env;
  if (id !== '' && secret !== '') return { keys: { id, secret }, sessionToken };
  const unset = Object.entries({ AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret }).filter(
    ([, value]) => value === '',
  );
  const which = unset.map(([name]) => name).join(' and ');
  throw new MoatError('store-no-credentials', `${location}: no keys for it here, set ${which}`, {
    fix:
      scheme === 'gs'
        ? 'Take an HMAC key of Google Cloud Storage.'
        : 'The workers need keys of their own, where Ray starts.',
  });
}
