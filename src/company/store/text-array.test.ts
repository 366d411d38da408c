import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type ScratchProject, openScratchProject } from '../../../tests/scratch-database.js';

let scratch: ScratchProject;
beforeAll(async () => {
  scratch = await openScratchProject();
});
afterAll(() => scratch.close());

test('whatever texts go into the database as an array come back as they were', async () => {
  const { sql } = scratch.database;
  // PostgreSQL stores no zero character
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('', 'NULL', '{}', '"', '\\', 'a,b', ' ', '\n'),
  );
  const texts = fc.array(text.map((each) => each.replaceAll('\0', '')));
  await fc.assert(
    fc.asyncProperty(texts, async (given) => {
      const [row] = await sql<{ back: string[]; size: number }[]>`
        select ${given}::text[] as back, cardinality(${given}::text[]) as size`;
      expect(row).toEqual({ back: given, size: given.length });
    }),
  );
});
