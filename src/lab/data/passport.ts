/**
 * A corpus's passport: from what, under which settings it was made, and what came out. It holds no time and no place on
 * this machine, so that the same inputs give the same passport, and goes along with every model that was trained on it.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { z } from 'zod';
import { systemCode } from '../../base/errors.js';
import { findFiles } from './find-files.js';
import type { DataReport } from './report.js';
import { SIDES } from './split.js';

const tally = z.object({ documents: z.int().min(0), bytes: z.int().min(0) });
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const fileSchema = z.object({
  /** Relative to the source. */
  origin: z.string(),
  sizeBytes: z.int().min(0),
  sha256,
});

const outputSchema = fileSchema.omit({ origin: true });

export const passportSchema = z.object({
  schemaVersion: z.literal(2),
  /** SPDX identifier; undefined when nobody said. */
  licence: z.string().optional(),
  /** Where there are several sources: the name that stands before their files, and what may be done with them. */
  sources: z.array(z.object({ name: z.string(), licence: z.string().optional() })).optional(),
  /** Every file that was looked at, in the order in which it was read. */
  files: z.array(fileSchema),
  /** Everything that decides what is kept. */
  settings: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])),
  read: tally,
  kept: tally,
  languages: z.record(z.string(), tally),
  /** By reason. */
  dropped: z.record(z.string(), tally),
  /** Of `train.jsonl`, `validation.jsonl` and `test.jsonl`. */
  outputs: z.object({ train: outputSchema, validation: outputSchema, test: outputSchema }),
});

export type Passport = z.infer<typeof passportSchema>;
export type PassportInputs = Pick<Passport, 'licence' | 'sources' | 'files' | 'settings'>;

/** Every file of a source with its hash. Links are not followed, and what may not be read is not listed. */
export async function hashSource(source: string): Promise<Passport['files']> {
  const hashed: Passport['files'] = [];
  for (const { path, origin, isSymbolicLink } of await findFiles(source)) {
    if (isSymbolicLink) continue;
    try {
      hashed.push({ origin, ...(await hashFile(path)) });
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'EACCES' && code !== 'EPERM' && code !== 'ENOENT') throw error;
    }
  }
  return hashed;
}

export async function hashFile(file: string): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    sizeBytes += chunk.byteLength;
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

export function createPassport(
  { licence, sources = [], files, settings }: PassportInputs,
  { read, kept, languages, dropped }: DataReport,
  outputs: Passport['outputs'],
): Passport {
  const tallies = Object.entries(dropped).map(([reason, { documents, bytes }]) => [reason, { documents, bytes }]);
  return {
    schemaVersion: 2,
    ...(licence === undefined ? {} : { licence }),
    ...(sources.length === 0 ? {} : { sources }),
    files: [...files],
    settings,
    read,
    kept,
    languages,
    dropped: Object.fromEntries(tallies) as Passport['dropped'],
    outputs,
  };
}

const MAX_DIFFERENCES = 5;

/** What differs between two passports, a line each; empty when they are of the same corpus. */
export function comparePassports(expected: Passport, actual: Passport): string[] {
  const lines: string[] = [];
  const before = new Map(expected.files.map((file) => [file.origin, file]));
  const after = new Map(actual.files.map((file) => [file.origin, file]));
  for (const [origin, { sha256: hash }] of before) {
    const now = after.get(origin);
    if (now === undefined) lines.push(`${origin} is gone`);
    else if (now.sha256 !== hash) lines.push(`${origin} has changed`);
  }
  for (const origin of after.keys()) if (!before.has(origin)) lines.push(`${origin} is new`);
  for (const name of new Set([...Object.keys(expected.settings), ...Object.keys(actual.settings)])) {
    const [was, is] = [expected.settings[name], actual.settings[name]].map(
      (value) => JSON.stringify(value) ?? 'not set',
    );
    if (was !== is) lines.push(`${name} was ${was}, is ${is}`);
  }
  if (lines.length === 0) {
    for (const side of SIDES) {
      if (expected.outputs[side].sha256 === actual.outputs[side].sha256) continue;
      lines.push(`${side}.jsonl differs although its inputs do not: another version of Moat made it`);
    }
  }
  if (lines.length <= MAX_DIFFERENCES) return lines;
  return [...lines.slice(0, MAX_DIFFERENCES), `and ${lines.length - MAX_DIFFERENCES} more`];
}
