/** Objects: the properties in the schema's order, each at most once, and after them others where they are allowed. */
import type { Piece, Rule } from './byte-grammar.js';
import { ALL, type CodePoints, codePoints, without } from './code-points.js';
import { type JsonObject, type Place, type SchemaCompiler, badSchema, listAt, objectAt } from './schema-reading.js';

const MAX_PROPERTIES = 500;

export function objectPiece(schema: JsonObject, place: Place, compiler: SchemaCompiler): Piece {
  const { builder, json, value, inner } = compiler;
  if (schema['properties'] === undefined && schema['additionalProperties'] === undefined) {
    if (listAt(schema['required'] ?? [], `${place.path}/required`).length > 0)
      throw badSchema(place.path, 'required names what properties does not have');
    return json.anyObject();
  }
  const properties = Object.entries(objectAt(schema['properties'] ?? {}, `${place.path}/properties`));
  if (properties.length > MAX_PROPERTIES)
    throw badSchema(place.path, `${properties.length} properties, over the limit of ${MAX_PROPERTIES}`);
  const required = new Set(listAt(schema['required'] ?? [], `${place.path}/required`));
  const names = new Set<unknown>(properties.map(([name]) => name));
  const missing = [...required].find((name) => !names.has(name));
  if (missing !== undefined)
    throw badSchema(place.path, `required names ${JSON.stringify(missing)}, which properties does not have`);

  const members = properties.map(([name, each]): Member => {
    const rule = builder.declare();
    const content = value(each, inner(inner(place, 'properties'), name));
    builder.define(rule, builder.sequence([json.text(JSON.stringify(name)), json.colon(), content]));
    return { rule, isRequired: required.has(name) };
  });
  const { additionalProperties: others = false } = schema;
  const other = others === false ? undefined : builder.declare();
  if (other !== undefined) {
    const content = value(others, inner(place, 'additionalProperties'));
    const key = otherKey(
      properties.map(([name]) => name),
      compiler,
    );
    builder.define(other, builder.sequence([key, json.colon(), content]));
  }
  return builder.sequence([json.text('{'), membersPiece(members, other, compiler), json.text('}')]);
}

interface Member {
  readonly rule: Rule;
  readonly isRequired: boolean;
}

/**
 * Built from the last property back: at each stands a rule for at least one member from there on, so that many optional
 * properties cost as many states and not their square, and commas are read once for all of them.
 */
function membersPiece(members: readonly Member[], other: Rule | undefined, { builder, json }: SchemaCompiler): Piece {
  const { call, either, optional, repeat, sequence } = builder;
  const asRule = (body: Piece): Rule => {
    const rule = builder.declare();
    builder.define(rule, body);
    return rule;
  };
  const more = (rule: Rule): Piece => sequence([json.comma(), call(rule)]);
  let some = other && asRule(sequence([call(other), repeat(() => more(other), 0, undefined)]));
  let isMoreRequired = false;
  for (const { rule, isRequired } of members.toReversed()) {
    const rest = some === undefined ? builder.empty() : isMoreRequired ? more(some) : optional(more(some));
    const here = sequence([call(rule), rest]);
    some = asRule(isRequired || some === undefined ? here : either([here, call(some)]));
    isMoreRequired ||= isRequired;
  }
  if (some === undefined) return builder.empty();
  return isMoreRequired ? call(some) : optional(call(some));
}

interface NameTrie {
  readonly children: Map<string, NameTrie>;
  isName: boolean;
}

/** A key, without escapes, that is none of these names: two values under one name would be one too many. */
function otherKey(names: readonly string[], { builder, json }: SchemaCompiler): Piece {
  const root: NameTrie = { children: new Map(), isName: false };
  for (const name of names) {
    let node = root;
    for (const character of name) {
      let child = node.children.get(character);
      if (child === undefined) node.children.set(character, (child = { children: new Map(), isName: false }));
      node = child;
    }
    node.isName = true;
  }
  const plain = (set: CodePoints): Piece => json.character(set);
  const anyRest = (): Piece => builder.repeat(() => plain(PRINTABLE), 0, undefined);
  const from = (node: NameTrie): Piece => {
    const taken = codePoints([...node.children.keys()].map((character) => pointRange(character)));
    const choices = [
      builder.sequence([plain(without(PRINTABLE, taken)), anyRest()]),
      ...[...node.children].map(([character, child]) =>
        builder.sequence([plain([pointRange(character)]), from(child)]),
      ),
    ];
    return builder.either(node.isName ? choices : [builder.empty(), ...choices]);
  };
  return json.string(from(root));
}

/** Without what a string must escape. */
const PRINTABLE = without(
  ALL,
  codePoints([
    [0, 0x1f],
    [0x22, 0x22],
    [0x5c, 0x5c],
  ]),
);

const pointRange = (character: string): readonly [number, number] => {
  const point = character.codePointAt(0) as number;
  return [point, point];
};
