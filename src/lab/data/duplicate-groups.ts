/**
 * Copies that were left out, each beside the text that was kept: `duplicates.json` of a corpus, for people to look at. Of a large
 * corpus it is a part: the first groups, with the first copies of each.
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { MoatError, systemCode } from '../../base/errors.js';
import type { Document, Dropped } from './document.js';
import { splitLines } from './lines.js';
import { SIDES } from './split.js';
import { decodeFile } from './text-encoding.js';

export const DUPLICATES_FILE = 'duplicates.json';
const MAX_GROUPS = 500;
const MAX_COPIES = 5;
/** Of each text, in UTF-16 units. */
const MAX_TEXT = 1200;
const MAX_LINE_CHARACTERS = 64_000_000;

const textSchema = z.object({
  id: z.string(),
  text: z.string(),
  /** Whether the text goes on. */
  isCut: z.boolean(),
});
const groupSchema = z.object({
  kept: textSchema.extend({ side: z.enum(SIDES) }),
  /** All of them, also those that are not listed. */
  count: z.int().min(1),
  copies: z.array(textSchema.extend({ reason: z.string(), detail: z.string() })),
});
const fileSchema = z.object({
  /** Whether every group is there. */
  isComplete: z.boolean(),
  groups: z.array(groupSchema),
});

export type DuplicateGroup = z.infer<typeof groupSchema>;
export type DuplicateGroups = z.infer<typeof fileSchema>;

export interface DuplicateCollector {
  /** @param text of the copy */
  add(dropped: Dropped, text: string): void;
  /** Looks the kept texts up in the corpus, and writes the file into its folder. */
  write(folder: string): Promise<void>;
}

/** Bounded in memory: some 6 MB of texts. */
export function createDuplicateCollector(): DuplicateCollector {
  const groups = new Map<string, Omit<DuplicateGroup, 'kept'>>();
  let isComplete = true;
  return {
    add({ id, reason, detail, copyOf }, text) {
      if (copyOf === undefined) return;
      if (!groups.has(copyOf) && groups.size === MAX_GROUPS) {
        isComplete = false;
        return;
      }
      const group = groups.get(copyOf) ?? { count: 0, copies: [] };
      groups.set(copyOf, group);
      group.count++;
      if (group.copies.length < MAX_COPIES) group.copies.push({ ...cut(id, text), reason, detail });
    },
    async write(folder) {
      const kept = groups.size === 0 ? new Map<string, DuplicateGroup['kept']>() : await findKept(folder, groups);
      const found = [...groups].flatMap(([id, group]) => {
        const text = kept.get(id);
        // a copy of a text that was left out itself, for another reason
        return text === undefined ? [] : [{ kept: text, ...group }];
      });
      const content: DuplicateGroups = { isComplete, groups: found.sort((a, b) => b.count - a.count) };
      await writeFile(path.join(folder, DUPLICATES_FILE), `${JSON.stringify(content)}\n`, { flag: 'wx' });
    },
  };
}

function cut(id: string, text: string): z.infer<typeof textSchema> {
  const isCut = text.length > MAX_TEXT;
  // no half of a surrogate pair
  return { id, text: isCut ? text.slice(0, MAX_TEXT).replace(/[\uD800-\uDBFF]$/, '') : text, isCut };
}

/** A line begins with its id, so only those that are wanted are parsed. */
const ID = /^\{"id":("(?:[^"\\]|\\.)*")/;

async function findKept(
  folder: string,
  wanted: ReadonlyMap<string, unknown>,
): Promise<Map<string, DuplicateGroup['kept']>> {
  const kept = new Map<string, DuplicateGroup['kept']>();
  for (const side of SIDES) {
    for await (const { text: line } of splitLines(
      decodeFile(path.join(folder, `${side}.jsonl`), 'utf-8'),
      MAX_LINE_CHARACTERS,
    )) {
      const id = ID.exec(line)?.[1];
      if (id !== undefined && !wanted.has(JSON.parse(id) as string)) continue;
      const document = JSON.parse(line) as Document;
      if (wanted.has(document.id)) kept.set(document.id, { ...cut(document.id, document.text), side });
    }
  }
  return kept;
}

/**
 * Of a corpus made earlier; undefined for one that was made before they were kept.
 * @throws MoatError `corpus-damaged`
 */
export async function readDuplicateGroups(corpus: string): Promise<DuplicateGroups | undefined> {
  const file = path.join(corpus, DUPLICATES_FILE);
  try {
    return fileSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw new MoatError('corpus-damaged', `${file}: no list of duplicates`, {
      fix: 'Make the corpus again with moat data.',
      cause: error,
    });
  }
}
