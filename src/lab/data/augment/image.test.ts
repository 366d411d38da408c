import { expect, test } from 'vitest';
import { Rng } from '../../../base/rng.js';
import { createImageAugment, flipHorizontally, normalize, rotate, shift } from './image.js';

/** Two channels of three rows of three: 0 to 8, and 10 to 18. */
const shape = { channels: 2, height: 3, width: 3 };
const pixels = Float32Array.from({ length: 18 }, (_, index) => (index < 9 ? index : index + 1));

test('a flip mirrors each row of each channel, twice is nothing', () => {
  expect([...flipHorizontally(pixels, shape)]).toEqual([2, 1, 0, 5, 4, 3, 8, 7, 6, 12, 11, 10, 15, 14, 13, 18, 17, 16]);
  expect(flipHorizontally(flipHorizontally(pixels, shape), shape)).toEqual(pixels);
});

test('a shift moves the content and fills what comes in', () => {
  expect([...shift(pixels, shape, 1, -1, -7)].slice(0, 9)).toEqual([-7, -7, -7, 1, 2, -7, 4, 5, -7]);
  expect(shift(pixels, shape, 0, 0)).toEqual(pixels);
});

test('a quarter turn counter-clockwise, a whole turn, and half a pixel of a small one', () => {
  const turned = rotate(pixels, shape, 90);
  for (const [index, value] of [2, 5, 8, 1, 4, 7, 0, 3, 6].entries()) expect(turned[index]).toBeCloseTo(value, 5);
  for (const [index, value] of rotate(pixels, shape, 360).entries())
    expect(value).toBeCloseTo(pixels[index] as number, 4);
  expect(rotate(pixels, shape, 17)[4]).toBe(4);
});

test('normalising is by channel; a deviation of 0 is refused', () => {
  const result = normalize(pixels, shape, [4, 14], [2, 4]);
  expect([result[0], result[8], result[9], result[17]]).toEqual([-2, 2, -1, 1]);
  expect(() => normalize(pixels, shape, [0, 0], [1, 0])).toThrow(RangeError);
  expect(() => normalize(pixels, shape, [0], [1])).toThrow(RangeError);
});

test('an augmentation changes the example in place, the same way for the same seed', () => {
  const change = createImageAugment(shape, { shiftPixels: 1, rotateDegrees: 10, flip: true });
  const changed = (seed: number): Float32Array => {
    const example = pixels.slice();
    change(example, Rng.fromSeed(seed));
    return example;
  };
  expect(changed(1)).toEqual(changed(1));
  expect(changed(1)).not.toEqual(changed(2));
  const still = pixels.slice();
  createImageAugment(shape, {})(still, Rng.fromSeed(1));
  expect(still).toEqual(pixels);
});
