/**
 * More records from few: each record of a JSONL file as it is, and changed copies with the same labels. A copy says how it was
 * made (`augmented`) and from which record (`augmentedFrom`), so that it can be kept out of what a model is measured on.
 */
import { MoatError } from '../../../base/errors.js';
import { Rng } from '../../../base/rng.js';
import { splitLines } from '../lines.js';
import { identifyLanguage } from '../language.js';
import { uniformOf } from '../mixture.js';
import { decodeFile } from '../text-encoding.js';
import type { BackTranslator } from './back-translate.js';
import { deleteWords, replaceWords, swapWords, type Unit } from './edit-words.js';
import type { Synonyms } from './synonyms.js';

export type Operation = 'deletion' | 'swap' | 'synonyms' | 'back-translation';

export interface AugmentSettings {
  /** Changed copies of each record, at most. */
  readonly times: number;
  /** Shares of words, 0 to 1; an operation that is absent is not used. */
  readonly deletion?: number | undefined;
  readonly swap?: number | undefined;
  readonly synonyms?: { readonly rate: number; readonly of: Synonyms } | undefined;
  readonly backTranslate?: BackTranslator | undefined;
  /** The field that is changed. Default `text`. */
  readonly textField?: string | undefined;
  readonly unit?: Unit | undefined;
  /** Default 1. */
  readonly seed?: number | undefined;
}

export interface AugmentCounts {
  records: number;
  /** Copies by operation. */
  readonly copies: Record<Operation, number>;
  /** Copies that came out as the record or another copy of it, and were left out. */
  unchanged: number;
}

type Fields = Readonly<Record<string, unknown>>;

const LONGEST_LINE = 1_000_000;
const HELD_OUT_NAME = /(?:^|[-_.])(?:held-?_?out|test|dev|valid|validation|eval)(?:[-_.]|$)/i;
const HELD_OUT_SPLIT = /^(?:held-?_?out|test|dev|valid|validation|eval)$/i;

export function createAugmentCounts(): AugmentCounts {
  return { records: 0, copies: { deletion: 0, swap: 0, synonyms: 0, 'back-translation': 0 }, unchanged: 0 };
}

/**
 * Each record followed by its copies. What is drawn depends on the seed and the record's place alone.
 * @param name of the file, for ids and messages
 * @throws MoatError `held-out-data` for a file or a record to measure with, `bad-jsonl`, `already-augmented`,
 *   `nothing-to-do`, `chat-api-failed`
 */
export async function* augmentRecords(
  file: string,
  name: string,
  settings: AugmentSettings,
  counts: AugmentCounts = createAugmentCounts(),
): AsyncGenerator<Fields> {
  if (HELD_OUT_NAME.test(name.replace(/\.jsonl$/i, ''))) throw heldOut(name);
  const operations = operationsOf(settings);
  for await (const line of splitLines(decodeFile(file, 'utf-8'), LONGEST_LINE)) {
    if (!line.isTooLong && line.text.trim() === '') continue;
    const place = `${name}:${line.number}`;
    if (line.isTooLong) throw badLine(place, `longer than ${LONGEST_LINE} characters`);
    const record = parseRecord(line.text, place);
    yield record;
    counts.records++;
    yield* copiesOf(record, { place, id: idOf(record, name, line.number) }, operations, settings, counts);
  }
}

async function* copiesOf(
  record: Fields,
  { place, id }: { readonly place: string; readonly id: string },
  operations: readonly (readonly [Operation, Change])[],
  { times, textField = 'text', seed = 1 }: AugmentSettings,
  counts: AugmentCounts,
): AsyncGenerator<Fields> {
  const text = record[textField];
  if (typeof text !== 'string') throw badLine(place, `no string field "${textField}"`);
  const rng = Rng.fromSeed(Math.floor(uniformOf(`${seed}\n${place}`) * 2 ** 32));
  const seen = new Set([text.trim()]);
  const first = rng.below(operations.length);
  for (let time = 0; time < times; time++) {
    const [operation, change] = operations[(first + time) % operations.length] as (typeof operations)[number];
    const changed = (await change(text, rng))?.trim();
    if (changed === undefined || changed === '' || seen.has(changed)) {
      counts.unchanged++;
      continue;
    }
    seen.add(changed);
    counts.copies[operation]++;
    yield { ...record, id: `${id}+${time + 1}`, [textField]: changed, augmented: operation, augmentedFrom: id };
  }
}

type Change = (text: string, rng: Rng) => string | undefined | Promise<string | undefined>;

function operationsOf(settings: AugmentSettings): readonly (readonly [Operation, Change])[] {
  const { deletion, swap, synonyms, backTranslate, unit = 'word' } = settings;
  const operations: (readonly [Operation, Change])[] = [];
  if (deletion !== undefined) operations.push(['deletion', (text, rng) => deleteWords(text, deletion, rng, unit)]);
  if (swap !== undefined) operations.push(['swap', (text, rng) => swapWords(text, swap, rng, unit)]);
  if (synonyms !== undefined) {
    operations.push(['synonyms', (text, rng) => replaceWords(text, synonyms.rate, rng, synonyms.of)]);
  }
  if (backTranslate !== undefined) {
    operations.push(['back-translation', (text) => backTranslate(text, languageName(text))]);
  }
  if (operations.length > 0) return operations;
  throw new MoatError('nothing-to-do', 'augment: no way of changing records is given', {
    fix: 'Give --deletion, --swap, --synonyms FILE or --back-translate MODEL@URL.',
  });
}

/** The language as a prompt names it. */
function languageName(text: string): string {
  const { language } = identifyLanguage(text);
  return (language === 'und' ? undefined : new Intl.DisplayNames('en', { type: 'language' }).of(language)) ?? 'English';
}

function parseRecord(json: string, place: string): Fields {
  let record: unknown;
  try {
    record = JSON.parse(json);
  } catch (error) {
    throw badLine(place, 'not a line of JSON', error);
  }
  if (typeof record !== 'object' || record === null || Array.isArray(record)) throw badLine(place, 'not an object');
  const fields: Fields = { ...record };
  if (typeof fields['split'] === 'string' && HELD_OUT_SPLIT.test(fields['split'])) throw heldOut(place);
  if (fields['augmented'] === undefined) return fields;
  throw new MoatError('already-augmented', `${place} is a changed copy already`, { fix: 'Augment the original file.' });
}

function idOf(record: Fields, name: string, line: number): string {
  const { id } = record;
  return typeof id === 'string' || typeof id === 'number' ? String(id) : `${name}#${line}`;
}

function heldOut(place: string): MoatError {
  return new MoatError('held-out-data', `${place} is data to measure with, which must stay as it is`, {
    fix: 'Augment the training file; rename this one if that is what it is.',
  });
}

function badLine(place: string, what: string, cause?: unknown): MoatError {
  return new MoatError('bad-jsonl', `${place}: ${what}`, {
    fix: 'Write one JSON object a line, such as {"text": "…", "label": "…"}; name the field with --text-field.',
    cause,
  });
}
