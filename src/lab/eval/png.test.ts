import { inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { encodePng, imageSheet } from './png.js';

test('the file holds the header and the pixels that were given', () => {
  const bytes = Buffer.from(encodePng(Float32Array.of(0, 0.5, 1, 2, -1, 0.25), 2, 3));
  expect(bytes.subarray(1, 4).toString()).toBe('PNG');
  expect([bytes.readUInt32BE(16), bytes.readUInt32BE(20)]).toEqual([3, 2]);
  const start = bytes.indexOf('IDAT');
  const data = inflateSync(bytes.subarray(start + 4, start + 4 + bytes.readUInt32BE(start - 4)));
  expect([...data]).toEqual([0, 0, 128, 255, 0, 255, 0, 64]);
  expect(bytes.subarray(-8, -4).toString()).toBe('IEND');
  expect(() => encodePng(new Float32Array(5), 2, 3)).toThrow(RangeError);
});

test('a sheet lays images out row by row', () => {
  const { pixels, height, width } = imageSheet(
    Float32Array.from({ length: 12 }, (_, i) => i),
    2,
    2,
  );
  expect([height, width]).toEqual([4, 4]);
  expect([...pixels]).toEqual([0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 0, 0, 10, 11, 0, 0]);
});
