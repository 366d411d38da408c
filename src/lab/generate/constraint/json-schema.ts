/**
 * A JSON schema (2020-12) as a grammar of the values that fit it. What a schema says and the grammar cannot hold is
 * refused by name, never left out: a sample that ends fits the schema. The grammar may be narrower than the schema:
 * properties come in the schema's order, and others only where `additionalProperties` asks for them.
 */
import { type Grammar, GrammarTooLarge, type Piece, type Rule, createGrammarBuilder } from './byte-grammar.js';
import { areDisjoint } from './disjoint-schemas.js';
import { integerRange } from './integer-range.js';
import { MAX_DIGITS, createJsonPieces } from './json-pieces.js';
import { objectPiece } from './object-schema.js';
import {
  type JsonObject,
  type Place,
  type SchemaCompiler,
  badSchema,
  jsonOf,
  listAt,
  objectAt,
  typesOfValue,
} from './schema-reading.js';
import { STRING_FORMATS } from './string-formats.js';
import { PatternError, patternPiece } from './string-pattern.js';

const MAX_STATES = 200_000;
const MAX_DEPTH = 64;
const MAX_SCHEMAS = 10_000;
const MAX_LENGTH = 10_000;
/** Each is compared with each. */
const MAX_ONE_OF = 500;
const MAX_INTEGER = 10 ** MAX_DIGITS - 1;

const ANNOTATIONS = words(
  '$schema $id $comment $defs definitions title description default examples example deprecated readOnly writeOnly strict',
);
const BOUNDS = words('minimum maximum exclusiveMinimum exclusiveMaximum');
const OF_TYPE: Readonly<Record<string, readonly string[]>> = {
  object: words('properties required additionalProperties'),
  array: words('items prefixItems minItems maxItems'),
  string: words('minLength maxLength pattern format'),
  integer: BOUNDS,
  number: BOUNDS,
  boolean: [],
  null: [],
};
const CHOICES = ['anyOf', 'oneOf', 'allOf'] as const;
const KNOWN = new Set(
  ANNOTATIONS.concat(words('type nullable enum const $ref'), CHOICES, Object.values(OF_TYPE).flat()),
);

function words(list: string): string[] {
  return list.split(' ');
}

/** @throws MoatError `bad-schema` naming the place and the keyword that cannot be held */
export function schemaGrammar(root: unknown): Grammar {
  const builder = createGrammarBuilder(MAX_STATES);
  const json = createJsonPieces(builder);
  const rules = new Map<string, Rule>();
  let schemas = 0;

  const follow = (pointer: string, place: Place): Piece => {
    if (place.following.includes(pointer)) throw badSchema(place.path, `${pointer} refers to itself`);
    const known = rules.get(pointer);
    if (known !== undefined) return builder.call(known);
    const rule = builder.declare();
    rules.set(pointer, rule);
    const target = resolvePointer(root, pointer, place.path);
    const at = { path: pointer, depth: place.depth + 1, following: [...place.following, pointer] };
    builder.define(rule, compiler.value(target, at));
    return builder.call(rule);
  };

  const compiler: SchemaCompiler = {
    builder,
    json,
    inner: ({ path, depth }, key) => ({
      path: `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`,
      depth: depth + 1,
      following: [],
    }),
    value(schema, place) {
      if (++schemas > MAX_SCHEMAS) throw badSchema(place.path, `the schema has over ${MAX_SCHEMAS} parts`);
      if (place.depth > MAX_DEPTH) throw badSchema(place.path, `schemas nested over ${MAX_DEPTH} deep`);
      if (schema === true) return json.anyValue();
      if (schema === false) return builder.byte([]);
      const given = objectAt(schema, place.path);
      const unknown = Object.keys(given).find((keyword) => !KNOWN.has(keyword));
      if (unknown !== undefined) throw badSchema(place.path, `${unknown} is not supported`);
      const said = Object.keys(given).filter((keyword) => !ANNOTATIONS.includes(keyword) && keyword !== 'nullable');
      const piece = unionOf(given, said, place, compiler, follow);
      return given['nullable'] === true ? builder.either([piece, json.text('null')]) : piece;
    },
  };
  try {
    const body = follow('#', { path: '#', depth: 0, following: [] });
    const start = builder.declare();
    builder.define(start, body);
    const grammar = builder.finish(start);
    if (grammar === undefined) throw badSchema('#', 'no finite value fits it');
    return grammar;
  } catch (error) {
    if (error instanceof GrammarTooLarge) throw badSchema('#', `the schema is too large: ${error.message}`, error);
    throw error;
  }
}

/** The value's kinds, whichever keyword names them. */
function unionOf(
  schema: JsonObject,
  said: readonly string[],
  place: Place,
  compiler: SchemaCompiler,
  follow: (pointer: string, place: Place) => Piece,
): Piece {
  const { builder, json } = compiler;
  const alone = (keyword: string, ...with_: string[]): void => {
    const other = said.find((name) => name !== keyword && !with_.includes(name));
    if (other !== undefined) throw badSchema(place.path, `${keyword} together with ${other} is not supported`);
  };
  if (said.includes('$ref')) {
    alone('$ref');
    if (typeof schema['$ref'] !== 'string') throw badSchema(place.path, '$ref is no text');
    return follow(schema['$ref'], place);
  }
  for (const keyword of ['const', 'enum'] as const) {
    if (!said.includes(keyword)) continue;
    alone(keyword, 'type');
    return constants(schema, keyword, place, compiler);
  }
  for (const keyword of CHOICES) {
    if (!said.includes(keyword)) continue;
    alone(keyword);
    const choices = listAt(schema[keyword], `${place.path}/${keyword}`);
    if (choices.length === 0) throw badSchema(place.path, `${keyword} is empty`);
    if (keyword === 'allOf' && choices.length > 1) throw badSchema(place.path, 'allOf of several is not supported');
    if (keyword === 'oneOf' && choices.length > MAX_ONE_OF)
      throw badSchema(place.path, `oneOf of over ${MAX_ONE_OF} alternatives is not supported; anyOf is`);
    if (keyword === 'oneOf' && !areDisjoint(choices))
      throw badSchema(place.path, 'oneOf whose alternatives may overlap is not supported; anyOf is');
    const at = (index: number): Place => ({
      ...compiler.inner(place, `${keyword}/${index}`),
      path: `${place.path}/${keyword}/${index}`,
      following: place.following,
    });
    return builder.either(choices.map((choice, index) => compiler.value(choice, at(index))));
  }
  const types = typesOf(schema, said, place.path);
  if (types === undefined) return json.anyValue();
  const taken = new Set(types.flatMap((type) => OF_TYPE[type] ?? []));
  const stray = said.find((keyword) => keyword !== 'type' && !taken.has(keyword));
  if (stray !== undefined) throw badSchema(place.path, `${stray} says nothing about ${types.join(' or ')}`);
  return builder.either(types.map((type) => typed(type, schema, place, compiler)));
}

function typesOf(schema: JsonObject, said: readonly string[], path: string): readonly string[] | undefined {
  const { type } = schema;
  if (type === undefined) {
    const implied = ['object', 'array', 'string'].find((name) =>
      OF_TYPE[name]?.some((keyword) => said.includes(keyword)),
    );
    if (implied !== undefined) return [implied];
    if (said.length > 0) throw badSchema(path, `${said[0]} needs a type`);
    return undefined;
  }
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.map((name) => {
    if (typeof name !== 'string' || !Object.hasOwn(OF_TYPE, name))
      throw badSchema(path, `type ${JSON.stringify(name)} is not one of ${Object.keys(OF_TYPE).join(', ')}`);
    return name;
  });
}

function typed(type: string, schema: JsonObject, place: Place, compiler: SchemaCompiler): Piece {
  const { builder, json } = compiler;
  switch (type) {
    case 'object':
      return objectPiece(schema, place, compiler);
    case 'array':
      return arrayPiece(schema, place, compiler);
    case 'string':
      return stringPiece(schema, place.path, compiler);
    case 'integer':
    case 'number':
      return numberPiece(type, schema, place.path, compiler);
    case 'boolean':
      return builder.either([json.text('true'), json.text('false')]);
    default:
      return json.text('null');
  }
}

function constants(
  schema: JsonObject,
  keyword: 'const' | 'enum',
  { path }: Place,
  { builder, json }: SchemaCompiler,
): Piece {
  const values = keyword === 'const' ? [schema['const']] : listAt(schema['enum'], `${path}/enum`);
  const { type } = schema;
  const types: readonly unknown[] | undefined = type === undefined ? undefined : Array.isArray(type) ? type : [type];
  const fits = (value: unknown): boolean =>
    types === undefined || typesOfValue(value).some((name) => types.includes(name));
  const fitting = values.filter(fits).map((value) => jsonOf(value, `${path}/${keyword}`));
  return fitting.length === 0 ? builder.byte([]) : json.texts(fitting);
}

function arrayPiece(schema: JsonObject, place: Place, { builder, json, value, inner }: SchemaCompiler): Piece {
  const least = countAt(schema, 'minItems', place.path) ?? 0;
  const most = countAt(schema, 'maxItems', place.path);
  const rule = builder.declare();
  const { items = true } = schema;
  if (items !== false && most !== 0) builder.define(rule, value(items, inner(place, 'items')));
  // of an empty prefix only the items are left
  if (schema['prefixItems'] === undefined || listAt(schema['prefixItems'], `${place.path}/prefixItems`).length === 0) {
    const end = items === false ? 0 : most;
    if ((end ?? least) < least) return builder.byte([]);
    return json.array(() => builder.call(rule), least, end);
  }
  const prefix = listAt(schema['prefixItems'], `${place.path}/prefixItems`).map((each, index) =>
    value(each, inner(inner(place, 'prefixItems'), String(index))),
  );
  if (least > prefix.length || (most !== undefined && most < prefix.length))
    throw badSchema(place.path, 'prefixItems with minItems or maxItems of another length is not supported');
  const rest =
    items === false || schema['items'] === undefined ? 0 : most === undefined ? undefined : most - prefix.length;
  const members = prefix.map((piece, index) => (index === 0 ? piece : builder.sequence([json.comma(), piece])));
  const more = builder.repeat(() => builder.sequence([json.comma(), builder.call(rule)]), 0, rest);
  return builder.sequence([json.text('['), ...members, more, json.text(']')]);
}

function stringPiece(schema: JsonObject, path: string, { builder, json }: SchemaCompiler): Piece {
  const { pattern, format } = schema;
  const [least, most] = [countAt(schema, 'minLength', path), countAt(schema, 'maxLength', path)];
  const restrictions = [pattern, format, least ?? most].filter((each) => each !== undefined);
  if (restrictions.length > 1) throw badSchema(path, 'only one of pattern, format and a length is supported');
  if (pattern === undefined && format === undefined) {
    if ((most ?? Infinity) < (least ?? 0)) return builder.byte([]);
    if (least === undefined && most === undefined) return json.anyString();
    return json.string(builder.repeat(() => json.anyCharacter(), least ?? 0, most));
  }
  const expression = pattern ?? (typeof format === 'string' ? STRING_FORMATS[format] : undefined);
  if (expression === undefined)
    throw badSchema(path, `format ${JSON.stringify(format)} is not one of ${Object.keys(STRING_FORMATS).join(', ')}`);
  if (typeof expression !== 'string') throw badSchema(path, 'pattern is no text');
  try {
    return json.string(patternPiece(expression, builder, json));
  } catch (error) {
    if (error instanceof PatternError) throw badSchema(path, `pattern ${expression}: ${error.message}`, error);
    throw error;
  }
}

function numberPiece(
  type: 'integer' | 'number',
  schema: JsonObject,
  path: string,
  { builder, json }: SchemaCompiler,
): Piece {
  const bound = (keyword: string): number | undefined => {
    const value = schema[keyword];
    if (value === undefined) return undefined;
    if (typeof value !== 'number' || !Number.isFinite(value)) throw badSchema(path, `${keyword} is no number`);
    return value;
  };
  const [minimum, maximum] = [bound('minimum'), bound('maximum')];
  const [above, below] = [bound('exclusiveMinimum'), bound('exclusiveMaximum')];
  if (type === 'number') {
    if (maximum !== undefined || above !== undefined || below !== undefined || (minimum ?? 0) !== 0)
      throw badSchema(path, 'of a number, only minimum 0 is supported; an integer may have any bounds');
    return json.number({ isNegativeAllowed: minimum === undefined });
  }
  if ([minimum, maximum, above, below].every((value) => value === undefined)) return json.integer();
  const low = Math.max(Math.ceil(minimum ?? -MAX_INTEGER), Math.floor(above ?? -MAX_INTEGER - 1) + 1, -MAX_INTEGER);
  const high = Math.min(Math.floor(maximum ?? MAX_INTEGER), Math.ceil(below ?? MAX_INTEGER + 1) - 1, MAX_INTEGER);
  return low > high ? builder.byte([]) : integerRange(builder, low, high);
}

function countAt(schema: JsonObject, keyword: string, path: string): number | undefined {
  const value = schema[keyword];
  if (value === undefined) return undefined;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_LENGTH) return value;
  throw badSchema(path, `${keyword} is no whole number from 0 to ${MAX_LENGTH}`);
}

function resolvePointer(root: unknown, pointer: string, path: string): unknown {
  if (!pointer.startsWith('#')) throw badSchema(path, `$ref ${pointer}: only references into this schema are followed`);
  const keys = pointer
    .slice(1)
    .split('/')
    .slice(1)
    .map((key) => decodePointer(key, path));
  let found: unknown = root;
  for (const key of keys) {
    const isThere = typeof found === 'object' && found !== null && Object.hasOwn(found, key);
    if (!isThere) throw badSchema(path, `$ref ${pointer} leads nowhere`);
    found = (found as JsonObject)[key];
  }
  return found;
}

function decodePointer(key: string, path: string): string {
  try {
    return decodeURIComponent(key).replaceAll('~1', '/').replaceAll('~0', '~');
  } catch (error) {
    throw badSchema(path, `$ref with ${key} is not understood`, error);
  }
}
