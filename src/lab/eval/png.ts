/** Grey images as PNG files (ISO/IEC 15948): eight bits a pixel, no filter. */
import { crc32, deflateSync } from 'node:zlib';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
const GREY_8_BITS = [8, 0, 0, 0, 0];

/**
 * @param pixels `[height, width]`, 0 black to 1 white; what lies outside is cut
 * @returns the bytes of the file
 */
export function encodePng(pixels: Float32Array, height: number, width: number): Uint8Array {
  if (pixels.length !== height * width) throw new RangeError(`${pixels.length} pixels are not ${height} × ${width}`);
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set(GREY_8_BITS, 8);
  const rows = Buffer.alloc(height * (width + 1)); // each row begins with its filter, 0
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const grey = Math.round(255 * Math.min(1, Math.max(0, pixels[row * width + column] as number)));
      rows[row * (width + 1) + 1 + column] = grey;
    }
  }
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const framed = Buffer.alloc(body.length + 8);
  framed.writeUInt32BE(data.length, 0);
  framed.set(body, 4);
  framed.writeUInt32BE(crc32(body), body.length + 4);
  return framed;
}

/** Images side by side. @param images `[count, side, side]` @returns `[rows · side, columns · side]` */
export function imageSheet(
  images: Float32Array,
  side: number,
  columns: number,
): { pixels: Float32Array; height: number; width: number } {
  const count = images.length / (side * side);
  const [height, width] = [Math.ceil(count / columns) * side, columns * side];
  const pixels = new Float32Array(height * width);
  for (let index = 0; index < count; index++) {
    const [top, left] = [Math.floor(index / columns) * side, (index % columns) * side];
    for (let row = 0; row < side; row++) {
      const from = (index * side + row) * side;
      pixels.set(images.subarray(from, from + side), (top + row) * width + left);
    }
  }
  return { pixels, height, width };
}
