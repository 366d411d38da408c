import fc from 'fast-check';
import { expect, test } from 'vitest';
import { corridorAround, findWaypoints, shareAtBorder, wholeTable, type Waypoint } from './corridor.js';
import { measureSide } from './features.js';

test('a corridor has both corners, rises on both borders, and holds its waypoints', () => {
  const size = fc.integer({ min: 1, max: 300 });
  const places = fc.array(
    fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true })),
    { maxLength: 10 },
  );
  fc.assert(
    fc.property(size, size, places, fc.integer({ min: 0, max: 40 }), (rows, columns, shares, halfWidth) => {
      const sorted = (axis: 0 | 1): number[] => shares.map((share) => share[axis]).sort((a, b) => a - b);
      const across = sorted(1);
      const waypoints = sorted(0).map((share, k): Waypoint => [
        Math.floor(share * rows),
        Math.floor((across[k] as number) * columns),
      ]);
      const { least, most } = corridorAround(waypoints, rows, columns, halfWidth);
      expect([least[0], most[rows]]).toEqual([0, columns]);
      for (let i = 1; i <= rows; i++) {
        expect(least[i]).toBeGreaterThanOrEqual(least[i - 1] as number);
        expect(most[i]).toBeGreaterThanOrEqual(most[i - 1] as number);
        // the next row can be reached from this one
        expect(least[i]).toBeLessThanOrEqual(most[i - 1] as number);
      }
      for (const [i, j] of waypoints) {
        expect(least[i]).toBeLessThanOrEqual(j);
        expect(most[i]).toBeGreaterThanOrEqual(j);
      }
    }),
  );
});

test('waypoints are what both sides have once, in the same order', () => {
  const english = measureSide(['see page 12', 'a b c', 'mail root@host.example', 'page 77 again', 'page 99']);
  const chinese = measureSide(['参见第 12 页', '甲乙丙', '写信给 root@host.example', '第 99 页', '再看第 77 页']);
  const waypoints = findWaypoints(english, chinese);
  expect(waypoints.slice(0, 2)).toEqual([
    [0, 0],
    [2, 2],
  ]);
  expect(waypoints).toHaveLength(3);
});

test('waypoints in no order at all are chance, and not followed', () => {
  const numbers = Array.from({ length: 60 }, (_, index) => `number ${1000 + index}`);
  const shuffled = numbers.map((_, index) => numbers[(index * 37) % 60] as string);
  expect(findWaypoints(measureSide(numbers), measureSide(numbers))).toHaveLength(60);
  expect(findWaypoints(measureSide(numbers), measureSide(shuffled))).toEqual([]);
});

test('a path along a border is seen', () => {
  const corridor = corridorAround([], 100, 100, 5);
  const along = Array.from({ length: 80 }, (_, i): Waypoint => [i + 10, corridor.most[i + 10] as number]);
  const middle = Array.from({ length: 80 }, (_, i): Waypoint => [i + 10, i + 10]);
  expect(shareAtBorder(corridor, along)).toBeGreaterThan(0.5);
  expect(shareAtBorder(corridor, middle)).toBe(0);
  expect(shareAtBorder(wholeTable(100, 100), middle)).toBe(0);
});
