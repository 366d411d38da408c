/**
 * Changes of an image that leave what it shows: pure functions over `[channels, height, width]`. As the `augment` of
 * `fitClassifier` takes one example and a generator, `createImageAugment` makes that of these.
 */
import type { Rng } from '../../../base/rng.js';

export interface ImageShape {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
}

export type Pixels = Float32Array<ArrayBufferLike>;

/** Left becomes right. @param pixels `[channels, height, width]` @returns the same shape, a new array */
export function flipHorizontally(pixels: Pixels, { width }: ImageShape): Float32Array {
  return Float32Array.from(pixels, (_, at) => {
    const column = at % width;
    return pixels[at - column + width - 1 - column] as number;
  });
}

/**
 * The window of the same size, moved; what comes from outside is `fill`. The usual random crop of a padded image (He et al.
 * 2016) is a shift by up to the padding.
 * @param down rows, @param right columns that the content moves
 */
export function shift(pixels: Pixels, shape: ImageShape, down: number, right: number, fill = 0): Float32Array {
  return sample(pixels, shape, (row, column) => [row - down, column - right], fill);
}

/** Turned by `degrees` counter-clockwise about its middle, bilinear; corners from outside are `fill`. */
export function rotate(pixels: Pixels, shape: ImageShape, degrees: number, fill = 0): Float32Array {
  const [sine, cosine] = [Math.sin((degrees * Math.PI) / 180), Math.cos((degrees * Math.PI) / 180)];
  const [middleRow, middleColumn] = [(shape.height - 1) / 2, (shape.width - 1) / 2];
  const from = (row: number, column: number): readonly [number, number] => {
    const [y, x] = [row - middleRow, column - middleColumn];
    return [middleRow + y * cosine + x * sine, middleColumn - y * sine + x * cosine];
  };
  return sample(pixels, shape, from, fill);
}

/** `(pixel − mean) / deviation`, by channel. @throws RangeError for another number of channels, or a deviation of 0 */
export function normalize(
  pixels: Pixels,
  { channels, height, width }: ImageShape,
  mean: readonly number[],
  deviation: readonly number[],
): Float32Array {
  if (mean.length !== channels || deviation.length !== channels || deviation.some((each) => !(each > 0))) {
    throw new RangeError(`${channels} means and positive deviations are needed, one a channel`);
  }
  return Float32Array.from(pixels, (pixel, at) => {
    const channel = Math.floor(at / (height * width));
    return (pixel - (mean[channel] as number)) / (deviation[channel] as number);
  });
}

export interface ImageAugmentSettings {
  /** Largest shift in pixels, both ways. Default 0. */
  readonly shiftPixels?: number;
  /** Largest turn in degrees, both ways. Default 0. */
  readonly rotateDegrees?: number;
  /** Whether half of the images are mirrored; not for digits and letters. Default false. */
  readonly flip?: boolean;
  /** What stands outside of the image. Default 0. */
  readonly fill?: number;
}

/** Changes an example in place, as `augment` of `fitClassifier` wants it. */
export function createImageAugment(
  shape: ImageShape,
  settings: ImageAugmentSettings,
): (example: Float32Array, rng: Rng) => void {
  const { shiftPixels = 0, rotateDegrees = 0, flip = false, fill = 0 } = settings;
  return (example, rng) => {
    let pixels: Pixels = example;
    if (flip && rng.uniform() < 0.5) pixels = flipHorizontally(pixels, shape);
    if (rotateDegrees > 0) pixels = rotate(pixels, shape, (2 * rng.uniform() - 1) * rotateDegrees, fill);
    if (shiftPixels > 0) {
      const [down, right] = [rng.below(2 * shiftPixels + 1), rng.below(2 * shiftPixels + 1)];
      pixels = shift(pixels, shape, down - shiftPixels, right - shiftPixels, fill);
    }
    if (pixels !== example) example.set(pixels);
  };
}

/** @param from where in the old image a place of the new one comes from */
function sample(
  pixels: Pixels,
  { channels, height, width }: ImageShape,
  from: (row: number, column: number) => readonly [row: number, column: number],
  fill: number,
): Float32Array {
  const result = new Float32Array(pixels.length);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const [y, x] = from(row, column);
      const [top, left] = [Math.floor(y), Math.floor(x)];
      const [below, beside] = [y - top, x - left];
      for (let channel = 0; channel < channels; channel++) {
        const at = (r: number, c: number): number =>
          r < 0 || c < 0 || r >= height || c >= width ? fill : (pixels[(channel * height + r) * width + c] as number);
        let value = (1 - below) * (1 - beside) * at(top, left);
        if (beside > 0) value += (1 - below) * beside * at(top, left + 1);
        if (below > 0) value += below * (1 - beside) * at(top + 1, left);
        if (below > 0 && beside > 0) value += below * beside * at(top + 1, left + 1);
        result[(channel * height + row) * width + column] = value;
      }
    }
  }
  return result;
}
