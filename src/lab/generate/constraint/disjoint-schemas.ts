/** Whether alternatives can have no value in common, as far as that can be seen without solving schemas. */
import { typesOfValue } from './schema-reading.js';

type Fields = Readonly<Record<string, unknown>>;

/** True only when each two of them are told apart by type, or by a required property with constants of its own. */
export function areDisjoint(schemas: readonly unknown[]): boolean {
  return schemas.every((one, index) => schemas.slice(index + 1).every((other) => disjoint(one, other)));
}

function disjoint(a: unknown, b: unknown): boolean {
  const [typesA, typesB] = [typesIn(a), typesIn(b)];
  if (typesA !== undefined && typesB !== undefined && !typesA.some((type) => typesB.includes(type))) return true;
  const [constantsA, constantsB] = [constantsIn(a), constantsIn(b)];
  if (constantsA !== undefined && constantsB !== undefined)
    return !constantsA.some((value) => constantsB.includes(value));
  const [requiredA, requiredB] = [requiredIn(a), requiredIn(b)];
  return [...requiredA].some(([name, schema]) => {
    const other = requiredB.get(name);
    return other !== undefined && disjoint(schema, other);
  });
}

const fieldsOf = (schema: unknown): Fields => (typeof schema === 'object' && schema !== null ? (schema as Fields) : {});

/** Integers are numbers too. */
function typesIn(schema: unknown): readonly unknown[] | undefined {
  const { type, nullable, enum: values } = fieldsOf(schema);
  if (nullable === true) return undefined;
  if (Array.isArray(values)) return values.flatMap(typesOfValue);
  if ('const' in fieldsOf(schema)) return typesOfValue(fieldsOf(schema)['const']);
  if (type === undefined) return undefined;
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  return types.flatMap((name) => (name === 'integer' ? ['integer', 'number'] : [name]));
}

function constantsIn(schema: unknown): readonly string[] | undefined {
  const fields = fieldsOf(schema);
  if (fields['nullable'] === true) return undefined;
  if ('const' in fields) return [JSON.stringify(fields['const'])];
  return Array.isArray(fields['enum']) ? fields['enum'].map((value) => JSON.stringify(value)) : undefined;
}

/** Required properties, where the value is an object for certain. */
function requiredIn(schema: unknown): ReadonlyMap<string, unknown> {
  const { type, properties, required } = fieldsOf(schema);
  if (type !== 'object' || !Array.isArray(required)) return new Map();
  return new Map(Object.entries(fieldsOf(properties)).filter(([name]) => required.includes(name)));
}
