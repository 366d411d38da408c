/**
 * Where a project's texts come from: `data.sources.json` beside `moat.config.ts`, to be kept under version control. It holds
 * no path of a machine outside the project and no secret.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from '../../../base/atomic-file.js';
import { MoatError, systemCode } from '../../../base/errors.js';

export const SOURCES_FILE = 'data.sources.json';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const recordSchema = z.object({
  /** Stands before the files of the source in ids and reports. */
  name: z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u),
  kind: z.enum(['files', 'url', 'npm', 'hf', 'postgres']),
  /** As given: a path relative to the project, a URL, `npm:…`, `hf:…`, `postgres:VARIABLE`. */
  source: z.string().min(1),
  /** SPDX expression; absent when nobody said. */
  licence: z.string().optional(),
  /** What was fetched: an npm version, a commit of the Hub, an ETag. */
  version: z.string().optional(),
  /** Of a database. */
  query: z.string().optional(),
  /** How its records are read, where that is not seen. */
  textField: z.string().optional(),
  format: z.string().optional(),
  /** Every file when it was added, by hash. */
  files: z.array(z.object({ origin: z.string(), sizeBytes: z.int().min(0), sha256 })),
  /** ISO date. */
  addedOn: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
});

export type SourceRecord = z.infer<typeof recordSchema>;

const fileSchema = z.object({ schemaVersion: z.literal(1), sources: z.array(recordSchema) });

/** The sources of a project; none when there is no such file. @throws MoatError `bad-sources` */
export async function readSourceRecords(file: string): Promise<readonly SourceRecord[]> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
  try {
    return fileSchema.parse(JSON.parse(text)).sources;
  } catch (error) {
    const issue = error instanceof z.ZodError ? error.issues[0] : undefined;
    const where = issue === undefined ? 'not JSON' : `${issue.path.join('.')}: ${issue.message}`;
    throw new MoatError('bad-sources', `${file}: ${where}`, {
      fix: 'Mend it, or delete it and add the sources again with moat data add.',
      cause: error,
    });
  }
}

export async function writeSourceRecords(file: string, sources: readonly SourceRecord[]): Promise<void> {
  await writeFileAtomic(file, `${JSON.stringify({ schemaVersion: 1, sources }, null, 2)}\n`);
}

/** A name for a source that none of the others has: `npm:nlp-corpus` is `nlp-corpus`, a second one `nlp-corpus-2`. */
export function nameFor(source: string, taken: readonly string[]): string {
  const last = source
    .replace(/^[a-z]+:(\/\/)?/i, '')
    .replace(/[?#].*$/, '')
    .split(/[/\\]/)
    .filter((part) => part !== '' && !/[*?]/.test(part))
    .at(-1);
  const base = (last ?? 'source')
    .replaceAll(/[^\p{L}\p{N}._-]+/gu, '-')
    .replace(/^[^\p{L}\p{N}]+/u, '')
    .slice(0, 48);
  const name = base === '' ? 'source' : base;
  for (let number = 1; ; number++) {
    const candidate = number === 1 ? name : `${name}-${number}`;
    if (!taken.includes(candidate)) return candidate;
  }
}

/** Where a project keeps the copy of a source that was fetched. */
export function copyFolder(stateFolder: string, name: string): string {
  return path.join(stateFolder, 'sources', name);
}
