/** Looking into records whose fields nobody has checked. */

export type RecordFields = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is RecordFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/**
 * The value at a path, or undefined when there is none.
 * @param path a field's name, or names and places in lists with dots between: `answers.text.0`
 */
export function fieldAt(record: RecordFields, path: string): unknown {
  if (Object.hasOwn(record, path)) return record[path];
  let value: unknown = record;
  for (const step of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as RecordFields)[step];
  }
  return value;
}

/** The string at a path; a list of strings is its lines. Undefined for anything else. */
export function stringAt(record: RecordFields, path: string): string | undefined {
  const value = fieldAt(record, path);
  if (typeof value === 'string') return value;
  return isListOfStrings(value) ? value.join('\n') : undefined;
}

function isListOfStrings(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'string');
}

/** The strings at several paths, a blank line between; empty ones leave none behind. Undefined when one is missing. */
export function stringsAt(
  record: RecordFields,
  paths: readonly string[],
  optional: readonly string[] = [],
): string | undefined {
  const parts: string[] = [];
  for (const path of paths) {
    const part = stringAt(record, path);
    if (part === undefined && !optional.includes(path)) return undefined;
    if (part !== undefined && part.trim() !== '') parts.push(part);
  }
  return parts.join('\n\n');
}
