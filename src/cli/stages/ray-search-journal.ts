/**
 * `.moat/cluster-searches/NAME.jsonl`: what a search on a cluster has begun, measured and ended, a line each, so that one whose
 * process died goes on where it was. The first line says what is searched.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, systemCode } from '../../base/errors.js';
import { runConfigSchema } from '../../lab/train/run-config.js';

const headerSchema = z.object({
  kind: z.literal('pretraining'),
  version: z.literal(1),
  seed: z.int(),
  /** At most. */
  trials: z.int().positive(),
  /** Every trial's, but for what is tried. */
  config: runConfigSchema,
  /** Where the runs lie meanwhile, as it is written after `--storage`. */
  storage: z.string().nullable(),
});

const trialSchema = z.object({
  runName: z.string(),
  flags: z.array(z.string()),
  step: z.int().nonnegative(),
  loss: z.number().nullable(),
  isWhole: z.boolean(),
});

const settingsSchema = z.record(z.string(), z.union([z.number(), z.string(), z.boolean()]));
const lineSchema = z.union([
  z.object({ trial: z.int().positive(), settings: settingsSchema }),
  z.object({ trial: z.int().positive(), step: z.int().positive(), loss: z.number().nullable() }),
  z.object({ trial: z.int().positive(), ended: trialSchema }),
]);

export type SearchHeader = z.output<typeof headerSchema>;
export type JournalLine = z.output<typeof lineSchema>;
export type RayTrial = z.output<typeof trialSchema>;

export interface SearchJournal {
  readonly header: SearchHeader;
  /** Of processes before this one. */
  readonly lines: readonly JournalLine[];
  add(line: JournalLine): void;
  close(): void;
}

const EXTENSION = '.jsonl';
const folderOf = (state: string): string => path.join(state, 'cluster-searches');

/** @param state the project's `.moat` */
export const journalFile = (state: string, name: string): string => path.join(folderOf(state), `${name}${EXTENSION}`);

/**
 * Opens the journal of a search, or begins one.
 * @param begin what is searched; asked only where there is no such search yet
 * @throws MoatError `bad-search` for a file that is no journal
 */
export async function openJournal(file: string, begin: () => Promise<SearchHeader>): Promise<SearchJournal> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return '';
    throw error;
  });
  const [first = '', ...rest] = text.split('\n');
  const header = text === '' ? await begin() : readHeader(file, first);
  const descriptor = openSync(file, 'a');
  const add = (line: object): void => void writeSync(descriptor, `${JSON.stringify(line)}\n`);
  if (text === '') add(header);
  // half a line, of a process that was killed, is kept apart from the next
  else if (!text.endsWith('\n')) writeSync(descriptor, '\n');
  return { header, lines: rest.flatMap(readLine), add, close: () => closeSync(descriptor) };
}

function readHeader(file: string, line: string): SearchHeader {
  const header = readAs(headerSchema, line);
  if (header !== undefined) return header;
  throw new MoatError('bad-search', `${file}: not the journal of a search on a cluster`, {
    fix: 'Give another --name.',
  });
}

function readLine(text: string): JournalLine[] {
  const line = readAs(lineSchema, text);
  return line === undefined ? [] : [line];
}

function readAs<T>(schema: z.ZodType<T>, line: string): T | undefined {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/** The search whose journal changed last. @throws MoatError `no-such-search` */
export async function newestSearch(state: string): Promise<string> {
  const folder = folderOf(state);
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith(EXTENSION));
  const found = await Promise.all(
    names.map(async (name) => ({ name, modifiedMs: (await stat(path.join(folder, name))).mtimeMs })),
  );
  const newest = found.toSorted((a, b) => b.modifiedMs - a.modifiedMs)[0];
  if (newest !== undefined) return path.basename(newest.name, EXTENSION);
  throw new MoatError('no-such-search', `${folder}: there is no search to go on with`, {
    fix: 'Name it with --name, or leave --resume out to begin one.',
  });
}
