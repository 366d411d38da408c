/**
 * Which files a `--data` value names: one file, a folder (all below it) or a glob (`*`, `**`, `?`). Always in the same
 * order (by path, code unit by code unit). Symbolic links are not followed, hidden entries and `node_modules` are not
 * entered. Knows nothing about contents.
 */
import { opendir, stat } from 'node:fs/promises';
import path from 'node:path';
import { MoatError, systemCode } from '../../base/errors.js';

export interface FoundFile {
  /** Absolute. */
  readonly path: string;
  /** Relative to the source's root, with `/` on every system. */
  readonly origin: string;
  readonly isSymbolicLink: boolean;
}

/** More files than this in one source are refused, so that the sorted list stays in memory. */
const MAX_FILES = 2_000_000;

/**
 * @param source a file, a folder or a glob, relative to the working directory or absolute
 * @throws MoatError `data-missing` when nothing of that name exists, `data-empty` when it holds no file at all,
 *   `data-unreadable` for a folder this user may not list
 */
export async function findFiles(source: string): Promise<FoundFile[]> {
  const { root, matches } = await interpret(source);
  const files: FoundFile[] = [];
  if (matches === undefined) {
    files.push({ path: root, origin: path.basename(root), isSymbolicLink: false });
  } else {
    await walk(root, '', matches, files);
  }
  if (files.length === 0) {
    throw new MoatError('data-empty', `${source}: there is no file in it`, {
      fix: 'Put .txt, .md, .jsonl or source files there, or name another folder.',
    });
  }
  return files.sort((a, b) => (a.origin < b.origin ? -1 : a.origin > b.origin ? 1 : 0));
}

interface Interpretation {
  root: string;
  /** undefined: `root` is the one file. */
  matches: ((origin: string) => boolean) | undefined;
}

async function interpret(source: string): Promise<Interpretation> {
  const absolute = path.resolve(source);
  try {
    const found = await stat(absolute);
    return { root: absolute, matches: found.isDirectory() ? () => true : undefined };
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
  }
  const segments = absolute.split(path.sep);
  const firstMagic = segments.findIndex((segment) => /[*?]/.test(segment));
  if (firstMagic === -1) throw missing(source);
  const root = segments.slice(0, firstMagic).join(path.sep) || path.sep;
  try {
    await stat(root);
  } catch {
    throw missing(source);
  }
  const pattern = globToRegExp(segments.slice(firstMagic).join('/'));
  return { root, matches: (origin) => pattern.test(origin) };
}

function missing(source: string): MoatError {
  return new MoatError('data-missing', `${source}: no such file or folder`, {
    fix: 'Check the path; a glob such as "texts/**/*.md" must be quoted.',
  });
}

/** `*` and `?` stay within one name, `**` crosses folders. */
export function globToRegExp(glob: string): RegExp {
  const source = glob.replace(/\*\*\/|\*\*|\*|\?|[.+^${}()|[\]\\]/g, (part) => {
    if (part === '**/') return '(?:.*/)?';
    if (part === '**') return '.*';
    if (part === '*') return '[^/]*';
    return part === '?' ? '[^/]' : `\\${part}`;
  });
  return new RegExp(`^${source}$`, 'u');
}

async function walk(
  folder: string,
  prefix: string,
  matches: (origin: string) => boolean,
  into: FoundFile[],
): Promise<void> {
  for await (const entry of await openFolder(folder)) {
    if (entry.name.startsWith('.') || entry.name === 'node_modules') continue;
    const origin = prefix === '' ? entry.name : `${prefix}/${entry.name}`;
    const absolute = path.join(folder, entry.name);
    if (entry.isDirectory()) {
      await walk(absolute, origin, matches, into);
    } else if ((entry.isFile() || entry.isSymbolicLink()) && matches(origin)) {
      into.push({ path: absolute, origin, isSymbolicLink: entry.isSymbolicLink() });
      if (into.length > MAX_FILES) {
        throw new MoatError('too-many-files', `${folder}: more than ${MAX_FILES} files in one source`, {
          fix: 'Join small files into .jsonl, one document a line, or name a smaller folder.',
        });
      }
    }
  }
}

async function openFolder(folder: string) {
  try {
    return await opendir(folder);
  } catch (error) {
    if (systemCode(error) !== 'EACCES' && systemCode(error) !== 'EPERM') throw error;
    throw new MoatError('data-unreadable', `${folder}: this user may not list the folder`, {
      fix: 'Change its permissions or move it out of the source.',
      cause: error,
    });
  }
}
