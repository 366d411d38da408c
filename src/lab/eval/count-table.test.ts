import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createCountTable } from './count-table.js';

test('counts as a Map does, through growth and for keys of every size', () => {
  const key = fc.oneof(fc.nat(30), fc.maxSafeNat());
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.integer({ min: 1, max: 9 })), { maxLength: 300 }), (additions) => {
      const table = createCountTable(4);
      const map = new Map<number, number>();
      for (const [which, amount] of additions) {
        const expected = (map.get(which) ?? 0) + amount;
        map.set(which, expected);
        expect(table.add(which, amount)).toBe(expected);
      }
      expect(table.size).toBe(map.size);
      for (const [which, count] of map) expect(table.get(which)).toBe(count);
      expect(table.get(31)).toBe(map.get(31) ?? 0);
    }),
  );
});

test('a capacity that is not a power of two is refused', () => {
  expect(() => createCountTable(100)).toThrow(RangeError);
});
