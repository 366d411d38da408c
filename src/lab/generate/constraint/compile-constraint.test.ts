/** Nesting up to its limit over a small vocabulary, and the time that compiling takes. */
import { describe, expect, test } from 'vitest';
import { createConstraints } from './answer-format.js';
import type { TokenBytes } from './constraint.js';
import { schemaGrammar } from './json-schema.js';

describe('at the limit of nesting', () => {
  const brackets = [
    '[',
    '[[',
    '[[[[',
    '{"',
    '[{"',
    '":[',
    ']',
    ']]',
    '}',
    '}]',
    '"',
    ':',
    ',',
    'a',
    '1',
    'n',
    'u',
    'l',
  ];
  const end = brackets.length;
  const small: TokenBytes = {
    size: end + 1,
    endTokens: new Set([end]),
    bytesOf: (id) => (id === end ? undefined : new Uint8Array(Buffer.from(brackets[id] as string))),
  };
  const isIn = (mask: Uint32Array, id: number): boolean => (((mask[0] as number) >>> id) & 1) === 1;

  test.each([['['], ['[{"', 'a', '":[']])(
    '%j %j %j: what is allowed can be said, and there is a way out',
    (...cycle) => {
      const { start } = createConstraints(small)({ type: 'json-schema', schema: {} });
      const said: number[] = [];
      const one = start();
      const ids = cycle.map((text) => brackets.indexOf(text));
      for (let step = 0; isIn(one.allowed(), ids[step % ids.length] as number); step++) {
        const id = ids[step % ids.length] as number;
        one.accept(id);
        said.push(id);
        if (step < 150) continue;
        for (let other = 0; other < end; other++) {
          if (!isIn(one.allowed(), other)) continue;
          const again = start();
          for (const earlier of said) again.accept(earlier);
          expect(() => again.accept(other), `${brackets[other]} after ${said.length} tokens`).not.toThrow();
        }
      }
      expect(said.length).toBeLessThan(1000);
      const closers = [']', '}', '":[', '"', ':', '1'].map((text) => brackets.indexOf(text));
      for (let step = 0; !one.isComplete; step++) {
        expect(step).toBeLessThan(3000);
        const mask = one.allowed();
        one.accept(closers.find((id) => isIn(mask, id)) as number);
      }
    },
  );
});

test('a rule that is called from many places is compiled once', () => {
  const text = { type: 'string', maxLength: 2000 };
  const statesOf = (count: number): number => {
    const properties = Object.fromEntries(Array.from({ length: count }, (_, i) => [`p${i}`, text]));
    return schemaGrammar({ type: 'object', properties }).states.length;
  };
  // each property adds its own counted string, and nothing else of the size of one
  const [few, more, most] = [statesOf(4), statesOf(8), statesOf(16)] as const;
  expect((most - more) / (more - few)).toBeCloseTo(2, 1);
});
