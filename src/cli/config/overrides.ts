import { MoatError } from '../../base/errors.js';
import { nearestField } from './problems.js';
import { type ConfigField, configFields } from './schema.js';

/** A field given on the command line. */
export interface Override {
  /** "train.steps" */
  readonly path: string;
  readonly value: string | number | boolean;
  /** As the user wrote it, for error messages: "--steps". */
  readonly label: string;
}

/**
 * Reads the text after `--steps`.
 * @throws MoatError `usage` when the field does not take that value
 */
export function readOverride(field: ConfigField, written: string, label = `--${field.flag}`): Override {
  const value = readValue(field.kind, written);
  if (!field.accepts(value)) throw new MoatError('usage', `${label}: expected ${field.expects}, found "${written}"`);
  return { path: field.path, value, label };
}

function readValue(kind: ConfigField['kind'], written: string): string | number | boolean {
  if (kind === 'number' && written.trim() !== '' && Number.isFinite(Number(written))) return Number(written);
  if (kind === 'boolean' && (written === 'true' || written === 'false')) return written === 'true';
  return written;
}

/** Reads `--set train.steps=300`. */
export function readAssignment(written: string): Override {
  const equals = written.indexOf('=');
  const path = written.slice(0, Math.max(0, equals)).trim();
  const field = configFields.find((known) => known.path === path);
  if (field !== undefined) return readOverride(field, written.slice(equals + 1), `--set ${path}`);
  if (equals < 1) {
    throw new MoatError('usage', `--set ${written}: expected FIELD=VALUE`, {
      fix: 'For example --set train.steps=300.',
    });
  }
  const meant = nearestField(path);
  throw new MoatError('usage', `--set ${path}: unknown field${meant === undefined ? '' : `; did you mean ${meant}?`}`);
}

/** The configuration with the overrides in place; the input is not changed. */
export function applyOverrides(input: unknown, overrides: readonly Override[]): unknown {
  let result = input;
  for (const { path, value } of overrides) result = withValue(result, path.split('.'), value);
  return result;
}

/** A value that is no object where a section belongs is left for the schema to refuse. */
function withValue(input: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (input !== undefined && (typeof input !== 'object' || input === null)) return input;
  const inner: unknown = input === undefined ? undefined : Reflect.get(input, key);
  return { ...input, [key]: withValue(inner, rest, value) };
}
