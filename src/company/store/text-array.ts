/**
 * `text[]` both ways, for the driver: without it, it asks the database for array types after each connecting, where nobody
 * waits for the answer, and a connection lost at that moment ends the process. PostgreSQL 18 documentation, 8.15.6.
 */
export const TEXT_ARRAY = {
  to: 1009,
  from: [1009],
  serialize: (values: readonly string[]): string =>
    `{${values.map((value) => `"${value.replace(/["\\]/g, '\\$&')}"`).join(',')}}`,
  /** One dimension, no nulls: what the schema has. */
  parse: (literal: string): string[] =>
    Array.from(literal.matchAll(/"((?:[^"\\]|\\.)*)"|([^{},]+)/gs), ([, quoted, plain = '']) =>
      quoted === undefined ? plain : quoted.replace(/\\(.)/gs, '$1'),
    ),
};
