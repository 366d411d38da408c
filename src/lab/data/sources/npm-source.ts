/** A package of npm as a source of texts: fetched, checked against its hash, unpacked in part. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import path from 'node:path';
import { MoatError, systemCode } from '../../../base/errors.js';
import { ContainerError } from '../containers/container.js';
import { gzip } from '../containers/compressed.js';
import { tar } from '../containers/tar.js';
import { type DownloadOptions, download } from './http-download.js';
import { findRegistry, parseNpmSpec, resolveVersion } from './npm-registry.js';

export interface FetchedCopy {
  readonly version: string | undefined;
  readonly licence: string | undefined;
}

export interface CopyOptions extends DownloadOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Of a package; the largest of texts on npm are some hundred megabytes. Default 8 GB. */
  readonly maxUnpackedBytes?: number | undefined;
  /** Where `.npmrc` may lie, the nearest first. */
  readonly configFolders: readonly string[];
}

const MAX_UNPACKED_BYTES = 8e9;
const MAX_FILES = 200_000;
/** What the file system answers where a name is taken; tar would let the last one win. */
const CLASHES: ReadonlySet<string> = new Set(['EEXIST', 'ENOTDIR', 'EISDIR']);

/**
 * Fills an empty folder with the files of a package that the source asks for.
 * @throws MoatError `bad-source`, `no-such-version`, `source-refused`, `source-unreachable`, `source-damaged`, `source-empty`
 */
export async function fetchNpm(source: string, folder: string, options: CopyOptions): Promise<FetchedCopy> {
  const spec = parseNpmSpec(source);
  const registry = await findRegistry(spec.name, options.env, options.configFolders);
  const { version, licence, tarball, integrity } = await resolveVersion(spec, registry, options);
  const archive = path.join(folder, '.package.tgz');
  const isOwnHost = new URL(tarball).host === new URL(registry.url).host;
  await download(tarball, archive, { ...options, headers: isOwnHost ? registry.headers : {} });
  await checkIntegrity(archive, integrity, source);
  const count = await unpackPackage(archive, folder, spec.path, { ...options, source });
  await rm(archive);
  if (count === 0) {
    throw new MoatError('source-empty', `${source}: the package has no file there`, {
      fix: `Leave the path out to take all of ${spec.name}@${version}.`,
    });
  }
  return { version, licence };
}

async function checkIntegrity(file: string, integrity: string | undefined, source: string): Promise<void> {
  const [, algorithm, wanted] = /^(sha512|sha384|sha256|sha1)-([A-Za-z0-9+/=]+)/.exec(integrity ?? '') ?? [];
  const hash = createHash(algorithm ?? 'sha512');
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) hash.update(chunk);
  if (algorithm !== undefined && hash.digest('base64') === wanted) return;
  const what =
    algorithm === undefined ? 'the registry states no hash for it' : 'its bytes are not those the registry names';
  throw new MoatError('source-damaged', `${source}: ${what}`, { fix: 'Try again; if it stays so, do not use it.' });
}

/** Entries of a package lie in one folder, `package/` as a rule. */
async function unpackPackage(
  archive: string,
  folder: string,
  wanted: string,
  {
    source,
    maxUnpackedBytes = MAX_UNPACKED_BYTES,
  }: { readonly source: string; readonly maxUnpackedBytes?: number | undefined },
): Promise<number> {
  const packed = { origin: source, path: archive, sizeBytes: 0 };
  const tarFile = path.join(folder, '.package.tar');
  let bytesLeft = maxUnpackedBytes;
  let count = 0;
  const copy = async (bytes: AsyncIterable<Uint8Array>, target: string): Promise<void> => {
    const handle = await open(target, 'wx');
    try {
      for await (const chunk of bytes) {
        bytesLeft -= chunk.byteLength;
        if (bytesLeft < 0) throw new ContainerError('unpacks-too-far', 'unpacks to more than any package of texts');
        await handle.appendFile(chunk);
      }
    } finally {
      await handle.close();
    }
  };
  try {
    for await (const entry of gzip.entries(packed)) if (entry.kind === 'file') await copy(entry.bytes, tarFile);
    bytesLeft = maxUnpackedBytes;
    for await (const entry of tar.entries({ ...packed, path: tarFile })) {
      const name = entry.name.split('/').slice(1).join('/');
      if (entry.kind !== 'file' || name === '' || !(wanted === '' || name === wanted || name.startsWith(`${wanted}/`)))
        continue;
      if (++count > MAX_FILES) throw new ContainerError('unpacks-too-far', `holds more than ${MAX_FILES} files`);
      const target = path.join(folder, ...name.split('/'));
      try {
        await mkdir(path.dirname(target), { recursive: true });
        await copy(entry.bytes, target);
      } catch (error) {
        if (!CLASHES.has(systemCode(error) ?? '')) throw error;
        throw new ContainerError('damaged', `holds ${name} twice, or a file of that name and a folder`);
      }
    }
    await rm(tarFile, { force: true });
    return count;
  } catch (error) {
    if (!(error instanceof ContainerError)) throw error;
    throw new MoatError('source-damaged', `${source}: the package ${error.message}`, { cause: error });
  }
}
