import { MoatError } from '../../base/errors.js';

/** Where a cluster takes jobs. */
export interface RayAddress {
  /** As it was written, without a path: `ray://10.0.0.5:8265`. */
  readonly written: string;
  /** Of the Jobs API: `http://10.0.0.5:8265`. */
  readonly base: URL;
}

/** The port of Ray's dashboard, which serves the Jobs API. */
const JOBS_PORT = '8265';
const SCHEMES: Readonly<Record<string, string>> = { 'ray:': 'http:', 'rays:': 'https:' };

/** `ray://HOST[:PORT]`, or `rays://…` over TLS. @throws MoatError `bad-address` */
export function readRayAddress(text: string): RayAddress {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  const scheme = parsed === undefined ? undefined : SCHEMES[parsed.protocol];
  const extra = parsed === undefined ? '' : `${parsed.pathname}${parsed.search}${parsed.hash}`.replace(/^\/$/, '');
  if (parsed === undefined || scheme === undefined || parsed.host === '' || parsed.username !== '' || extra !== '') {
    throw new MoatError('bad-address', `--on: "${text}" is not the address of a cluster`, {
      fix: 'Write ray://HOST:8265, with the port of its dashboard (rays:// over TLS).',
    });
  }
  const port = parsed.port === '' ? JOBS_PORT : parsed.port;
  return {
    written: `${parsed.protocol}//${parsed.hostname}:${port}`,
    base: new URL(`${scheme}//${parsed.hostname}:${port}`),
  };
}
