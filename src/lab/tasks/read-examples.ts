/** From the records of a file to a task's examples, and which side of the split each stands on. */
import path from 'node:path';
import { MoatError } from '../../base/errors.js';
import { type FoundRecord, readRecords } from '../data/read-records.js';
import type { DataRecord, Task, TaskSettings } from './task.js';

/** Records that were left out, with what to tell a person about the first few. */
export interface LeftOut {
  readonly count: number;
  /** `file:line: what is wrong`. */
  readonly shown: readonly string[];
}

export interface ReadExamples<Example> {
  readonly examples: readonly Example[];
  /** Where each stands: `reviews.jsonl:12`. */
  readonly places: readonly string[];
  readonly leftOut: LeftOut;
}

export interface ReadExamplesOptions {
  /** Which field of the records holds a field of the examples, where it is not one of the usual names. */
  readonly fields?: Readonly<Record<string, string>>;
  /** The first record that cannot be used ends the reading. */
  readonly strict?: boolean;
}

const SHOWN = 5;
const MAX_EXAMPLES = 5_000_000;

/** @throws MoatError `data-missing`, `bad-table`, `bad-record` when strict or when no record can be used */
export async function readExamples<Example, Output, Settings extends TaskSettings>(
  file: string,
  task: Task<Example, Output, Settings>,
  { fields = {}, strict = false }: ReadExamplesOptions = {},
): Promise<ReadExamples<Example>> {
  const examples: Example[] = [];
  const places: string[] = [];
  const shown: string[] = [];
  let count = 0;
  for await (const found of readRecords(file)) {
    const place = `${path.basename(file)}:${found.line}`;
    const read = exampleOf(found, task, fields);
    if ('example' in read) {
      if (examples.length === MAX_EXAMPLES) throw tooMany(file);
      examples.push(read.example);
      places.push(place);
      continue;
    }
    count++;
    if (strict) throw new MoatError('bad-record', `${place}: ${read.problem}`, { fix: fixOf(task) });
    if (shown.length < SHOWN) shown.push(`${place}: ${read.problem}`);
  }
  if (examples.length > 0) return { examples, places, leftOut: { count, shown } };
  const first = shown[0] ?? `${path.basename(file)}: no record in it`;
  throw new MoatError('bad-record', first, { fix: fixOf(task) });
}

function exampleOf<Example, Output, Settings extends TaskSettings>(
  found: FoundRecord,
  task: Task<Example, Output, Settings>,
  fields: Readonly<Record<string, string>>,
): { readonly example: Example } | { readonly problem: string } {
  if ('problem' in found) return found;
  const parsed = task.example.safeParse(withTaskNames(found.fields, task.fieldNames, fields));
  if (parsed.success) return { example: parsed.data };
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') ?? '';
  const seen = `seen: ${Object.keys(found.fields).slice(0, 8).join(', ')}`;
  return { problem: `${field === '' ? '' : `${field}: `}${issue?.message ?? 'not an example'} (${seen})` };
}

/** A record whose fields have the task's names in place of their own. */
export function withTaskNames(
  record: DataRecord,
  names: Readonly<Record<string, readonly string[]>>,
  given: Readonly<Record<string, string>>,
): DataRecord {
  const renamed: Record<string, unknown> = { ...record };
  for (const [field, others] of Object.entries(names)) {
    const chosen = given[field];
    const name = chosen ?? (field in record ? field : others.find((other) => other in record));
    if (name === field) continue;
    delete renamed[field];
    if (name === undefined || !(name in record)) continue;
    // under its old name it would be one of the features that tell it
    delete renamed[name];
    renamed[field] = record[name];
  }
  return renamed;
}

function fixOf(task: {
  readonly name: string;
  readonly fieldNames: Readonly<Record<string, readonly string[]>>;
}): string {
  const fields = Object.keys(task.fieldNames);
  return `A record of ${task.name} has ${fields.join(', ')}; name another field with --field ${fields[0] ?? 'text'}=NAME.`;
}

function tooMany(file: string): MoatError {
  return new MoatError('too-many-records', `${file}: over ${MAX_EXAMPLES} records`, { fix: 'Give a part of them.' });
}
