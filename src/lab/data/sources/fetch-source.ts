/** What `moat data add` accepts: says what a source is, brings it here where it is elsewhere, and writes its record. */
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFolderAtomic } from '../../../base/atomic-folder.js';
import { MoatError } from '../../../base/errors.js';
import { findFiles } from '../find-files.js';
import { hashSource } from '../passport.js';
import { fetchHf } from './hf-source.js';
import { download } from './http-download.js';
import { type CopyOptions, type FetchedCopy, fetchNpm } from './npm-source.js';
import { fetchPostgres } from './postgres-source.js';
import { copyFolder, nameFor, type SourceRecord } from './source-record.js';

export interface AddSourceOptions extends Omit<CopyOptions, 'onProgress' | 'configFolders'> {
  /** The project's folder. Paths are recorded relative to it. */
  readonly projectFolder: string;
  /** What a relative path of a file is relative to. */
  readonly cwd: string;
  /** Where copies go: `.moat`. */
  readonly stateFolder: string;
  readonly home: string;
  readonly licence?: string | undefined;
  readonly query?: string | undefined;
  readonly textField?: string | undefined;
  readonly format?: string | undefined;
  /** ISO date. */
  readonly today: string;
  readonly onProgress?: ((what: { readonly bytes?: number; readonly rows?: number }) => void) | undefined;
}

type Kind = SourceRecord['kind'];

/** @throws MoatError `bad-source` naming what is known */
export function kindOf(source: string): Kind {
  if (/^https?:\/\//i.test(source)) return 'url';
  const scheme = /^([a-z][a-z0-9+.-]+):/i.exec(source)?.[1]?.toLowerCase();
  if (scheme === undefined) return 'files';
  if (scheme === 'npm' || scheme === 'hf' || scheme === 'postgres') return scheme;
  throw new MoatError('bad-source', `${source}: "${scheme}:" is not known`, {
    fix: 'Give a file, a folder, a glob, https://…, npm:PACKAGE, hf:OWNER/NAME or postgres:VARIABLE.',
  });
}

/**
 * The records with this source added; one that was there before is brought again. Copies appear whole or not at all.
 * @throws MoatError of the kind of source
 */
export async function addSource(
  source: string,
  records: readonly SourceRecord[],
  options: AddSourceOptions,
): Promise<{ readonly record: SourceRecord; readonly records: readonly SourceRecord[] }> {
  const kind = kindOf(source);
  const recorded = recordedAs(kind, source, options);
  const before = records.find((record) => record.source === recorded && record.query === options.query);
  const others = records.filter((record) => record !== before);
  const name =
    before?.name ??
    nameFor(
      recorded,
      others.map((record) => record.name),
    );
  const copy = await bring(kind, source, copyFolder(options.stateFolder, name), options);
  const given = {
    licence: options.licence ?? copy.licence ?? before?.licence,
    version: copy.version,
    query: options.query,
    textField: options.textField,
    format: options.format,
  };
  const record: SourceRecord = {
    name,
    kind,
    source: recorded,
    ...(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Partial<SourceRecord>),
    files: await hashSource(sourcePath({ name, kind, source: recorded }, options)),
    addedOn: options.today,
  };
  return { record, records: [...others, record] };
}

/** What is read of a source: its own place, or the copy. */
export function sourcePath(
  { name, kind, source }: Pick<SourceRecord, 'name' | 'kind' | 'source'>,
  { projectFolder, stateFolder }: Pick<AddSourceOptions, 'projectFolder' | 'stateFolder'>,
): string {
  return kind === 'files' ? path.resolve(projectFolder, source) : copyFolder(stateFolder, name);
}

async function bring(kind: Kind, source: string, folder: string, options: AddSourceOptions): Promise<FetchedCopy> {
  if (kind === 'files') {
    const place = path.resolve(options.cwd, source);
    await findFiles(place);
    return { version: undefined, licence: await licenceBeside(place) };
  }
  const { onProgress, query, env, signal } = options;
  const onBytes = onProgress && ((bytes: number) => onProgress({ bytes }));
  return writeFolderAtomic(folder, async (target) => {
    switch (kind) {
      case 'url':
        return fetchUrl(source, target, { ...options, onProgress: onBytes });
      case 'npm': {
        const configFolders = [options.projectFolder, options.home];
        return fetchNpm(source, target, { ...options, configFolders, onProgress: onBytes });
      }
      case 'hf':
        return fetchHf(source, target, { ...options, onProgress: onBytes });
      default:
        return fetchPostgres(source, target, {
          env,
          query,
          signal,
          onProgress: onProgress && ((rows) => onProgress({ rows })),
        });
    }
  });
}

async function fetchUrl(
  source: string,
  folder: string,
  options: Omit<AddSourceOptions, 'onProgress'> & { readonly onProgress: ((bytes: number) => void) | undefined },
): Promise<FetchedCopy> {
  const { pathname, username, password } = new URL(source);
  if (username !== '' || password !== '') {
    throw new MoatError('bad-source', 'a URL with a name and a password would be recorded with them', {
      fix: 'Fetch it yourself and give the file.',
    });
  }
  const last = decodeURIComponent(pathname.split('/').at(-1) ?? '').replaceAll(/[^\p{L}\p{N}._-]+/gu, '-');
  const file = path.join(folder, '.download');
  const { etag, contentType } = await download(source, file, options);
  await mkdir(folder, { recursive: true });
  // the content decides how it is read; a name only helps where it says nothing
  const isPage = path.extname(last) === '' && contentType?.startsWith('text/html') === true;
  await rename(file, path.join(folder, `${last.replace(/^\.+/, '') || 'index'}${isPage ? '.html' : ''}`));
  return { version: etag, licence: undefined };
}

const manifestSchema = z.object({ license: z.string() });

/** What a `package.json` in the folder says. */
async function licenceBeside(folder: string): Promise<string | undefined> {
  try {
    return manifestSchema.parse(JSON.parse(await readFile(path.join(folder, 'package.json'), 'utf8'))).license;
  } catch {
    return undefined;
  }
}

/** Parameters of a URL that let whoever has them in: of signed addresses (Amazon, Google, Azure) and of plain ones. */
const SECRET_PARAMETER =
  /^(x-(amz|goog)-.*|sig|signature|.*[-_]?token|.*[-_]?secret|(api|access|auth|private)?[-_]?key|password|passwd|pwd|auth|(aws)?accesskeyid|googleaccessid|key-pair-id)$/i;

/** A path relative to the project; a URL without what is secret in it. */
function recordedAs(kind: Kind, source: string, { projectFolder, cwd }: AddSourceOptions): string {
  if (kind === 'files') return relativeTo(projectFolder, path.resolve(cwd, source));
  if (kind !== 'url') return source;
  if (!URL.canParse(source)) {
    throw new MoatError('bad-source', `${source}: no address of the web`, { fix: 'Write https://HOST/PATH.' });
  }
  const url = new URL(source);
  const secret = [...url.searchParams.keys()].filter((name) => SECRET_PARAMETER.test(name));
  if (secret.length === 0 && url.hash === '') return source;
  for (const name of secret) url.searchParams.delete(name);
  url.hash = '';
  return url.href;
}

function relativeTo(folder: string, file: string): string {
  const relative = path.relative(folder, file);
  return relative === '' ? '.' : relative.split(path.sep).join('/');
}

/** Takes a source out of the records, and its copy off the disk. @throws MoatError `no-such-source` */
export async function removeSource(
  nameOrSource: string,
  records: readonly SourceRecord[],
  stateFolder: string,
): Promise<readonly SourceRecord[]> {
  const found = records.find(({ name, source }) => name === nameOrSource || source === nameOrSource);
  if (found === undefined) {
    throw new MoatError('no-such-source', `there is no source "${nameOrSource}"`, {
      fix: records.length === 0 ? 'None was added.' : `There are ${records.map(({ name }) => name).join(', ')}.`,
    });
  }
  if (found.kind !== 'files') await rm(copyFolder(stateFolder, found.name), { recursive: true, force: true });
  return records.filter((record) => record !== found);
}
