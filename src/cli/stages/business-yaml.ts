import { parse } from 'yaml';
import { MoatError, messageOf } from '../../base/errors.js';
import { type BusinessFile, parseBusinessFile } from '../../company/business/business-file.js';
import type { Project } from '../config/project.js';
import { readTextFile } from './read-text-file.js';

/** JSON is YAML too, so a founder may write either. */
const NAMES = ['business.yaml', 'business.yml', 'business.json'] as const;
const MOST_BYTES = 1_000_000;

/** The first of them in the project's folder; null where there is none. @throws MoatError `bad-business-file` */
export async function readBusinessFile(project: Project): Promise<BusinessFile | null> {
  for (const name of NAMES) {
    const text = await readTextFile(project.resolve(name));
    if (text !== undefined) return parseBusinessFile(parsed(text, name), name);
  }
  return null;
}

function parsed(text: string, name: string): unknown {
  if (text.length > MOST_BYTES) throw badFile(`${name}: more than ${MOST_BYTES} bytes`);
  try {
    // Few aliases, so that a short file cannot stand for an endless one.
    return parse(text, { maxAliasCount: 20, prettyErrors: true }) as unknown;
  } catch (error) {
    throw badFile(`${name}: ${messageOf(error).split('\n')[0] ?? ''}`, error);
  }
}

const badFile = (what: string, cause?: unknown): MoatError =>
  new MoatError('bad-business-file', what, { fix: 'docs/BUSINESS.md shows one.', cause });

/** @throws MoatError `no-business-file` */
export async function requireBusinessFile(project: Project): Promise<BusinessFile> {
  const file = await readBusinessFile(project);
  if (file !== null) return file;
  throw new MoatError('no-business-file', `${project.root}: there is no business.yaml`, {
    fix: 'Write one; docs/BUSINESS.md has an example to start from.',
  });
}
