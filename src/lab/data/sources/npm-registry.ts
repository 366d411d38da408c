/** Packages of an npm registry: which version is meant, and where its files are. Speaks the registry's HTTP protocol alone. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError } from '../../../base/errors.js';
import { type AskOptions, askJson } from './json-answer.js';
import { newestWithin } from './semver-range.js';

export interface NpmSpec {
  readonly name: string;
  /** A version, a tag or a range; undefined: the latest. */
  readonly wanted: string | undefined;
  /** A file or folder in the package; empty: all of it. */
  readonly path: string;
}

/** `npm:NAME[@VERSION][/PATH]`, the name with its scope. @throws MoatError `bad-source` */
export function parseNpmSpec(source: string): NpmSpec {
  const match = /^npm:(@[\w.-]+\/[\w.-]+|[\w.-]+)(?:@([^/]+))?(?:\/(.*))?$/.exec(source);
  const [, name, wanted, inner = ''] = match ?? [];
  if (name === undefined || inner.split('/').includes('..')) {
    throw new MoatError('bad-source', `${source}: not a package of npm`, {
      fix: 'Write npm:NAME, npm:NAME@1.2.3 or npm:@SCOPE/NAME@1.2.3/folder.',
    });
  }
  return { name, wanted, path: inner.replace(/\/+$/, '') };
}

export interface Registry {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The registry that npm itself would ask for this package: from the environment, `.npmrc` of project and home, or the public one. */
export async function findRegistry(
  name: string,
  env: NodeJS.ProcessEnv,
  folders: readonly string[],
): Promise<Registry> {
  const settings = new Map<string, string>();
  for (const folder of folders) {
    const text = await readFile(path.join(folder, '.npmrc'), 'utf8').catch(() => '');
    for (const line of text.split(/\r?\n/)) {
      const [, key, value] = /^\s*([^#;=\s][^=]*?)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
      if (key === undefined || value === undefined || settings.has(key)) continue;
      settings.set(
        key,
        value.replaceAll(/\$\{(\w+)\}/g, (_, variable: string) => env[variable] ?? ''),
      );
    }
  }
  const scope = name.startsWith('@') ? name.slice(0, name.indexOf('/')) : undefined;
  const ofScope = scope === undefined ? undefined : settings.get(`${scope}:registry`);
  const chosen =
    ofScope ??
    env['npm_config_registry'] ??
    env['NPM_CONFIG_REGISTRY'] ??
    settings.get('registry') ??
    'https://registry.npmjs.org/';
  const url = chosen.replace(/\/*$/, '/');
  const token = settings.get(`${url.replace(/^https?:/, '')}:_authToken`);
  return { url, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } };
}

const versionSchema = z.object({
  version: z.string(),
  license: z
    .union([z.string(), z.object({ type: z.string() })])
    .optional()
    .catch(undefined),
  dist: z.object({ tarball: z.url(), integrity: z.string().optional(), shasum: z.string().optional() }),
});
const packageSchema = z.object({
  'dist-tags': z.record(z.string(), z.string()),
  versions: z.record(z.string(), z.unknown()),
});

export interface NpmVersion {
  readonly version: string;
  readonly licence: string | undefined;
  readonly tarball: string;
  /** Subresource integrity, `sha512-…`; undefined where the registry has none. */
  readonly integrity: string | undefined;
}

/** @throws MoatError `source-refused`, `source-unreachable`, `no-such-version` */
export async function resolveVersion(
  { name, wanted = 'latest' }: NpmSpec,
  { url, headers }: Registry,
  options: AskOptions,
): Promise<NpmVersion> {
  const { status, value } = await askRegistry(name, `${url}${name.replace('/', '%2f')}`, { ...options, headers });
  if (status >= 400) {
    const what = status === 404 ? 'there is no such package' : `the registry answers ${status}`;
    throw new MoatError('source-refused', `npm:${name}: ${what}`, { fix: 'Check the name on npmjs.com.' });
  }
  const { 'dist-tags': tags, versions } = packageSchema.safeParse(value).data ?? { 'dist-tags': {}, versions: {} };
  const version = versionFor(wanted, tags, Object.keys(versions));
  const found = version === undefined ? undefined : versionSchema.safeParse(versions[version]).data;
  if (found === undefined) {
    const some = Object.keys(versions).slice(-3).join(', ');
    throw new MoatError('no-such-version', `npm:${name}@${wanted}: there is no such version`, {
      fix: some === '' ? 'Check the name on npmjs.com.' : `The last ones are ${some}.`,
    });
  }
  const { license, dist } = found;
  const licence = typeof license === 'object' ? license.type : license;
  const integrity = dist.integrity ?? (dist.shasum === undefined ? undefined : sriOf(dist.shasum));
  return { version: found.version, licence, tarball: dist.tarball, integrity };
}

const sriOf = (shasum: string): string => `sha1-${Buffer.from(shasum, 'hex').toString('base64')}`;

/** As npm chooses: a tag, a version by its full name, else the newest in the range, `latest` before others. */
function versionFor(
  wanted: string,
  tags: Readonly<Record<string, string>>,
  versions: readonly string[],
): string | undefined {
  if (Object.hasOwn(tags, wanted)) return tags[wanted];
  if (versions.includes(wanted)) return wanted;
  const { latest } = tags;
  return (latest === undefined ? undefined : newestWithin([latest], wanted)) ?? newestWithin(versions, wanted);
}

async function askRegistry(name: string, address: string, options: AskOptions): ReturnType<typeof askJson> {
  try {
    return await askJson(address, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    throw new MoatError('source-unreachable', `npm:${name}: the registry cannot be reached`, {
      fix: 'Check the network, and the registry in .npmrc.',
      cause: error,
    });
  }
}
