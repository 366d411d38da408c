import type { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { nearestName } from '../nearest-name.js';
import { configFields } from './schema.js';

/** Where a configuration came from. */
export interface ConfigSource {
  /** As messages name it, e.g. "moat.config.ts". */
  readonly file: string;
  /** The option that gave a field, by the field's path: "train.steps" → "--steps". */
  readonly flags: ReadonlyMap<string, string>;
}

const MOST_LINES = 5;
const MOST_VALUE_CHARACTERS = 60;

/** The error for one field. */
export function configProblem(field: string, expected: string, found: unknown, source: ConfigSource): MoatError {
  return new MoatError('config-invalid', `${place(field, source)}: expected ${expected}, found ${show(found)}`);
}

/** The error for what zod found: one line a problem, at most five. */
export function explainIssues(issues: readonly z.core.$ZodIssue[], input: unknown, source: ConfigSource): MoatError {
  const lines = [...new Set(issues.flatMap((issue) => linesOf(issue, input, source)))];
  const more = lines.length - MOST_LINES;
  const shown = lines.slice(0, MOST_LINES).join('\n');
  return new MoatError('config-invalid', more > 0 ? `${shown}\n… and ${more} more like these` : shown);
}

function linesOf(issue: z.core.$ZodIssue, input: unknown, source: ConfigSource): string[] {
  const prefix = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownField(join(prefix, key), source));
  return [`${place(prefix, source)}: expected ${issue.message}, found ${show(valueAt(input, issue.path))}`];
}

function unknownField(field: string, source: ConfigSource): string {
  const meant = nearestField(field);
  return `${place(field, source)}: unknown field${meant === undefined ? '' : `; did you mean ${meant}?`}`;
}

/** The known field that was probably meant: by its last word anywhere in the configuration, else by the whole path. */
export function nearestField(field: string): string | undefined {
  const known = configFields.map(({ path }) => path);
  const sections = known.map((path) => path.split('.')[0] ?? '');
  const [first = '', ...rest] = field.split('.');
  if (rest.length === 0) {
    const section = nearestName(first, sections);
    const elsewhere = known.find((path) => path.endsWith(`.${first}`));
    return elsewhere ?? section;
  }
  const leaf = rest.join('.');
  const inSection = known.filter((path) => path.startsWith(`${first}.`));
  const meant = nearestName(
    leaf,
    inSection.map((path) => path.slice(first.length + 1)),
  );
  if (meant !== undefined) return `${first}.${meant}`;
  return known.find((path) => path.endsWith(`.${leaf}`)) ?? nearestName(field, known);
}

function place(field: string, source: ConfigSource): string {
  const flag = source.flags.get(field);
  if (flag !== undefined) return flag;
  return field === '' ? source.file : `${source.file}: ${field}`;
}

function join(prefix: string, key: string): string {
  return prefix === '' ? key : `${prefix}.${key}`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = Reflect.get(value, key);
  }
  return value;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'number') return String(value); // JSON has no NaN
  if (typeof value === 'bigint') return `${value}n`;
  const text = JSON.stringify(value) ?? String(value);
  return text.length > MOST_VALUE_CHARACTERS ? `${text.slice(0, MOST_VALUE_CHARACTERS)}…` : text;
}
