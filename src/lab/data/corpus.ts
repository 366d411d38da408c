/**
 * The corpus folder: `train.jsonl`, `validation.jsonl`, `test.jsonl` (one `Document` a line), `dropped.jsonl` (one `Dropped` a line),
 * `duplicates.json`, `report.json` and `passport.json`. It appears whole or not at all, and replaces an earlier one only when it is complete.
 */
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { restoreFolder, writeFolderAtomic } from '../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../base/errors.js';
import type { Document, Dropped } from './document.js';
import { createJsonLinesWriter } from './json-lines-writer.js';
import { splitLines } from './lines.js';
import { type Passport, type PassportInputs, createPassport, hashFile, passportSchema } from './passport.js';
import { type DataReport, droppedSchema, reportSchema } from './report.js';
import { type Side, SIDES } from './split.js';
import { decodeFile } from './text-encoding.js';

/** Where the data stage puts what it decides. */
export interface CorpusWriter {
  keep(document: Document, side: Side): Promise<void>;
  drop(dropped: Dropped): Promise<void>;
}

export const REPORT_FILE = 'report.json';
export const PASSPORT_FILE = 'passport.json';
/** Longest line accepted when reading back: the largest document, every character escaped, and its fields. */
const MAX_LINE_CHARACTERS = 64_000_000;

export interface CorpusFacts {
  readonly report: DataReport;
  readonly inputs: PassportInputs;
}

export interface CorpusOptions {
  /** Called when everything is written; when it throws, the folder stays as it was. */
  readonly check?: ((passport: Passport) => void) | undefined;
  /** Adds to the folder when its documents are in it. */
  readonly finish?: (folder: string) => Promise<void>;
}

/**
 * @param fill writes every document; what it returns is stored as `report.json` and `passport.json`
 * @throws MoatError `disk-full`, `not-writable`; whatever `fill` throws
 */
export async function writeCorpus(
  folder: string,
  fill: (writer: CorpusWriter) => Promise<CorpusFacts>,
  options: CorpusOptions = {},
): Promise<DataReport> {
  return writeFolderAtomic(folder, async (temporary) => {
    const handles: FileHandle[] = [];
    const writerOf = async (name: string) => {
      const handle = await open(path.join(temporary, `${name}.jsonl`), 'wx');
      handles.push(handle);
      return createJsonLinesWriter(handle);
    };
    try {
      const writers = {
        train: await writerOf('train'),
        validation: await writerOf('validation'),
        test: await writerOf('test'),
        dropped: await writerOf('dropped'),
      };
      const { report, inputs } = await fill({
        keep: (document, side) => writers[side].write(document),
        drop: (dropped) => writers.dropped.write(dropped),
      });
      for (const writer of Object.values(writers)) await writer.flush();
      const outputOf = (name: string) => hashFile(path.join(temporary, `${name}.jsonl`));
      const passport = createPassport(inputs, report, {
        train: await outputOf('train'),
        validation: await outputOf('validation'),
        test: await outputOf('test'),
      });
      options.check?.(passport);
      await options.finish?.(temporary);
      await writeFile(path.join(temporary, PASSPORT_FILE), `${JSON.stringify(passport, null, 2)}\n`, { flag: 'wx' });
      await writeFile(path.join(temporary, REPORT_FILE), `${JSON.stringify(report, null, 2)}\n`, { flag: 'wx' });
      return report;
    } finally {
      for (const handle of handles) await handle.close();
    }
  });
}

const documentSchema = z.object({
  id: z.string(),
  text: z.string(),
  origin: z.string(),
  line: z.number().exactOptional(),
  licence: z.string().exactOptional(),
  language: z.string().exactOptional(),
  augmentedFrom: z.string().exactOptional(),
});

/**
 * One side of a corpus, in the order it was written.
 * @throws MoatError `corpus-missing`, `corpus-damaged` naming file and line
 */
export async function* readCorpus(folder: string, side: Side): AsyncGenerator<Document> {
  await assertCorpus(folder);
  const file = path.join(folder, `${side}.jsonl`);
  for await (const line of splitLines(decodeFile(file, 'utf-8'), MAX_LINE_CHARACTERS)) {
    yield parseLine(documentSchema, line.text, `${file}:${line.number}`);
  }
}

function parseLine<T>(schema: z.ZodType<T>, json: string, place: string): T {
  try {
    return schema.parse(JSON.parse(json));
  } catch (error) {
    throw new MoatError('corpus-damaged', `${place}: not a document as the data stage writes them`, {
      fix: 'Make the corpus again with moat data.',
      cause: error,
    });
  }
}

/** Where a document went. */
export type Whereabouts =
  | { readonly kind: 'kept'; readonly side: Side; readonly document: Document }
  | { readonly kind: 'dropped'; readonly dropped: Dropped };

/**
 * What became of a document, by its id; undefined when there was none of that id.
 * @throws MoatError `corpus-missing`, `corpus-damaged`
 */
export async function findInCorpus(folder: string, id: string): Promise<Whereabouts | undefined> {
  await assertCorpus(folder);
  const file = path.join(folder, 'dropped.jsonl');
  for await (const line of splitLines(decodeFile(file, 'utf-8'), MAX_LINE_CHARACTERS)) {
    const dropped = parseLine(droppedSchema, line.text, `${file}:${line.number}`);
    if (dropped.id === id) return { kind: 'dropped', dropped };
  }
  for (const side of SIDES) {
    for await (const document of readCorpus(folder, side)) {
      if (document.id === id) return { kind: 'kept', side, document };
    }
  }
  return undefined;
}

/**
 * The report of a corpus made earlier.
 * @throws MoatError `corpus-missing`, `corpus-damaged`
 */
export async function readReport(folder: string): Promise<DataReport> {
  await assertCorpus(folder);
  const file = path.join(folder, REPORT_FILE);
  try {
    return reportSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new MoatError('corpus-damaged', `${file}: not a data report`, {
      fix: 'Make the corpus again with moat data.',
      cause: error,
    });
  }
}

/**
 * The passport of a corpus made earlier.
 * @throws MoatError `corpus-missing`, `corpus-damaged`
 */
export async function readPassport(folder: string): Promise<Passport> {
  await assertCorpus(folder);
  return readPassportFile(path.join(folder, PASSPORT_FILE));
}

/** @throws MoatError `corpus-damaged` for anything else than a passport; Node's error when there is no such file */
export async function readPassportFile(file: string): Promise<Passport> {
  const text = await readFile(file, 'utf8');
  try {
    return passportSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new MoatError('corpus-damaged', `${file}: not a passport of a corpus`, {
      fix: 'Make the corpus again with moat data.',
      cause: error,
    });
  }
}

async function assertCorpus(folder: string): Promise<void> {
  await restoreFolder(folder);
  try {
    await (await open(path.join(folder, REPORT_FILE), 'r')).close();
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
    throw new MoatError('corpus-missing', `${folder}: there is no corpus here`, { fix: 'Make one with moat data.' });
  }
}
