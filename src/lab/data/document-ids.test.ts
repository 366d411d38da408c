import { expect, test } from 'vitest';
import { createDocumentIds } from './document-ids.js';

test('every id comes back as it was, whatever its form', () => {
  const ids = createDocumentIds();
  const written: (readonly [string, string])[] = [
    ['a.txt#1', 'a.txt'],
    ['a.txt#999999999', 'a.txt'],
    ['a.txt#01', 'a.txt'],
    ['a.txt#0', 'a.txt'],
    ['a.txt#99999999999999999', 'a.txt'],
    ['b.html#chapter-2', 'b.html'],
    ['elsewhere', 'b.html'],
    ['', ''],
    ...Array.from({ length: 70_000 }, (_, n) => [`c/${n % 7}#${n + 1}`, `c/${n % 7}`] as const),
  ];
  for (const [number, [id, origin]] of written.entries()) expect(ids.add(id, origin)).toBe(number);
  expect(written.every(([id], number) => ids.idOf(number) === id)).toBe(true);
  expect(() => ids.idOf(written.length)).toThrow(RangeError);
});
