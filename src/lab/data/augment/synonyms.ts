import { open } from 'node:fs/promises';
import { MoatError, systemCode } from '../../../base/errors.js';
import { splitLines } from '../lines.js';
import { decodeFile } from '../text-encoding.js';

/** Synonyms of a word; none for one that is not known. Case does not matter. */
export type Synonyms = (word: string) => readonly string[];

const MOST_WORDS = 1_000_000;
const LONGEST_LINE = 10_000;

/**
 * A file of synonyms: a line a word, either `word<TAB>synonym<TAB>synonym` or `{"word": …, "synonyms": […]}`. Only from the
 * word to its synonyms, not back: "car" may become "BMW X5", but not the other way round.
 * @throws MoatError `synonyms-missing`, `bad-synonyms` with file and line
 */
export async function readSynonyms(file: string): Promise<Synonyms> {
  await assertReadable(file);
  const table = new Map<string, string[]>();
  for await (const line of splitLines(decodeFile(file, 'utf-8'), LONGEST_LINE)) {
    if (line.text.trim() === '') continue;
    const place = `${file}:${line.number}`;
    if (line.isTooLong) throw bad(place, `longer than ${LONGEST_LINE} characters`);
    const [word, ...synonyms] = line.text.startsWith('{') ? fromJson(line.text, place) : line.text.split('\t');
    const others = synonyms.map((each) => each.trim()).filter((each) => each !== '' && each !== word?.trim());
    if (word === undefined || word.trim() === '' || others.length === 0) throw bad(place, 'a word without synonyms');
    const key = word.trim().toLowerCase();
    table.set(key, [...new Set([...(table.get(key) ?? []), ...others])]);
    if (table.size > MOST_WORDS) throw bad(place, `more than ${MOST_WORDS} words`);
  }
  return (word) => table.get(word.toLowerCase()) ?? [];
}

async function assertReadable(file: string): Promise<void> {
  try {
    await (await open(file, 'r')).close();
  } catch (error) {
    throw new MoatError(
      'synonyms-missing',
      `${file}: no such file of synonyms (${systemCode(error) ?? 'unreadable'})`,
      {
        fix: 'Give a file with a word, a tab and its synonyms on each line.',
        cause: error,
      },
    );
  }
}

function fromJson(json: string, place: string): string[] {
  try {
    const record = JSON.parse(json) as { word?: unknown; synonyms?: unknown };
    if (typeof record.word === 'string' && Array.isArray(record.synonyms)) {
      const synonyms: unknown[] = record.synonyms;
      return [record.word, ...synonyms.filter((each) => typeof each === 'string')];
    }
  } catch {
    // told below, as any other line that is not of this form
  }
  throw bad(place, 'not {"word": "…", "synonyms": ["…"]}');
}

function bad(place: string, what: string): MoatError {
  return new MoatError('bad-synonyms', `${place}: ${what}`, {
    fix: 'Write a word, a tab and its synonyms with tabs between them on each line.',
  });
}
