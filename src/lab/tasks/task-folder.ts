/** A fitted model on disk: `task.json` (what it was fitted to do), `model/`, `report.json`. It appears whole or not at all. */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { restoreFolder, writeFolderAtomic } from '../../base/atomic-folder.js';
import { MoatError, systemCode } from '../../base/errors.js';
import type { TaskReport } from './task-report.js';
import type { FittedModel } from './task.js';

const cardSchema = z.object({
  schemaVersion: z.literal(1),
  task: z.string(),
  settings: z.record(z.string(), z.union([z.number(), z.string(), z.boolean()])),
  seed: z.number(),
  fields: z.record(z.string(), z.string()),
});
export type TaskCard = z.infer<typeof cardSchema>;

export const CARD_FILE = 'task.json';
const REPORT_FILE = 'report.json';
const SEEN_FILE = 'seen.bin';
export const MODEL_FOLDER = 'model';

export interface SavedBeside {
  /** Further files, by name. */
  readonly pages?: Readonly<Record<string, string>>;
  /** Texts of the training examples: their digests are kept, so that nobody measures memory unawares. */
  readonly trainedOn?: readonly string[];
}

const DIGEST_BYTES = 8;

/** 64 bits: of a million texts two fall together once in 30 million times. */
const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest().subarray(0, DIGEST_BYTES);

/** Says of a text whether the model of a folder was trained on it; never, where the folder does not say. */
export async function readSeen(folder: string): Promise<(text: string) => boolean> {
  const bytes = await readFile(path.join(folder, SEEN_FILE)).catch(() => Buffer.alloc(0));
  const known = new Set<string>();
  for (let at = 0; at < bytes.length; at += DIGEST_BYTES) known.add(bytes.toString('base64', at, at + DIGEST_BYTES));
  return (text) => known.has(digestOf(text).toString('base64'));
}

/** Replaces an earlier model of that folder only when all of this one is written. */
export async function saveTaskModel<Example, Output>(
  folder: string,
  card: TaskCard,
  model: FittedModel<Example, Output>,
  report: TaskReport,
  { pages = {}, trainedOn = [] }: SavedBeside = {},
): Promise<void> {
  await writeFolderAtomic(folder, async (temporary) => {
    await mkdir(path.join(temporary, MODEL_FOLDER));
    await model.save(path.join(temporary, MODEL_FOLDER));
    const files = { [CARD_FILE]: jsonOf(card), [REPORT_FILE]: jsonOf(report), ...pages };
    for (const [name, content] of Object.entries(files)) {
      await writeFile(path.join(temporary, name), content, { flag: 'wx' });
    }
    const seen = Buffer.concat(trainedOn.map(digestOf));
    await writeFile(path.join(temporary, SEEN_FILE), seen, { flag: 'wx' });
  });
}

/** NaN, which JSON does not know, becomes null. */
const jsonOf = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** @throws MoatError `no-such-model`, `bad-task-model` */
export async function readTaskCard(folder: string): Promise<TaskCard> {
  await restoreFolder(folder);
  const file = path.join(folder, CARD_FILE);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if (systemCode(error) !== 'ENOENT' && systemCode(error) !== 'ENOTDIR') throw error;
    throw new MoatError('no-such-model', `${folder}: there is no fitted model`, { fix: await knownModels(folder) });
  }
  const parsed = cardSchema.safeParse(jsonIn(text));
  if (parsed.success) return parsed.data;
  throw new MoatError('bad-task-model', `${file}: not a fitted model`, { fix: 'Fit it again with moat task.' });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function knownModels(folder: string): Promise<string> {
  const names = await readdir(path.dirname(folder)).catch(() => []);
  const models = names.filter((name) => !name.includes('.partial'));
  return models.length === 0 ? 'Fit one with moat task.' : `There are ${models.slice(0, 10).join(', ')}.`;
}
