import { readFile, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { z } from 'zod';
import { isRunName } from './run-reader.js';

/** Reads one JSON file of every folder of a folder (`runs/NAME/evaluation.json`); knows nothing of HTTP. */

const MAX_FOLDERS = 200;
const MAX_FILE_BYTES = 4 * 1024 * 1024;

export interface JsonRecord<T> {
  /** The folder's name. */
  readonly name: string;
  readonly content: T;
  readonly writtenAt: Date;
}

/** Undefined where the name leads elsewhere, or there is no such file, or one of another shape or over 4 MiB. */
export async function readRecord<T>(
  parent: string,
  name: string,
  file: string,
  schema: z.ZodType<T>,
): Promise<JsonRecord<T> | undefined> {
  if (!isRunName(name)) return undefined;
  const place = path.join(parent, name, file);
  try {
    const { size, mtime } = await stat(place);
    if (size > MAX_FILE_BYTES) return undefined;
    const { data } = schema.safeParse(JSON.parse(await readFile(place, 'utf8')));
    return data === undefined ? undefined : { name, content: data, writtenAt: mtime };
  } catch {
    return undefined;
  }
}

/** The newest 200, newest first. */
export async function readRecords<T>(parent: string, file: string, schema: z.ZodType<T>): Promise<JsonRecord<T>[]> {
  const names = (await readdir(parent).catch(() => [])).filter(isRunName);
  const found = await Promise.all(
    names.map(async (name) => ({
      name,
      at: (await stat(path.join(parent, name, file)).catch(() => undefined))?.mtimeMs,
    })),
  );
  const newest = found.filter(({ at }) => at !== undefined).sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
  const records: JsonRecord<T>[] = [];
  for (const { name } of newest.slice(0, MAX_FOLDERS)) {
    const record = await readRecord(parent, name, file, schema);
    if (record !== undefined) records.push(record);
  }
  return records;
}
