/** What the parts of the schema compiler share: where they are, and how they refuse. */
import { MoatError } from '../../../base/errors.js';
import type { GrammarBuilder, Piece } from './byte-grammar.js';
import type { JsonPieces } from './json-pieces.js';

export type JsonObject = Readonly<Record<string, unknown>>;

/** Where in the schema something is compiled. */
export interface Place {
  /** JSON pointer, for messages. */
  readonly path: string;
  readonly depth: number;
  /** References that were followed without a value around them: one of them again would never end. */
  readonly following: readonly string[];
}

export interface SchemaCompiler {
  readonly builder: GrammarBuilder;
  readonly json: JsonPieces;
  /** A value that fits a schema. */
  value(schema: unknown, place: Place): Piece;
  /** A schema found inside another: `key` extends the path. */
  inner(place: Place, key: string): Place;
}

/** JSON Schema's names of a value's type. */
export function typesOfValue(value: unknown): readonly string[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number'];
  return [typeof value];
}

export function objectAt(value: unknown, path: string): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw badSchema(path, 'an object is expected here');
}

export function listAt(value: unknown, path: string): readonly unknown[] {
  if (Array.isArray(value)) return value as readonly unknown[];
  throw badSchema(path, 'a list is expected here');
}

/** @throws MoatError `bad-schema` for what is nested deeper than it can be written */
export function jsonOf(value: unknown, path: string): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) throw badSchema(path, 'it is nested too deep', error);
    throw error;
  }
}

export function badSchema(path: string, what: string, cause?: unknown): MoatError {
  return new MoatError('bad-schema', `schema at ${path}: ${what}`, {
    fix: 'Change the schema there; docs/GENERATION.md lists what is supported.',
    cause,
  });
}
