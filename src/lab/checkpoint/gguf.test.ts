// Golden values: tests/golden/gguf/make.py (the Python package gguf).
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { MoatError } from '../../base/errors.js';
import { dequantizerOf } from './gguf-blocks.js';
import { type WrittenType, WRITTEN_TYPES, quantizeBlocks, toFloat16 } from './gguf-quantize.js';
import { GGUF_TYPES, type GgufType } from './gguf-types.js';
import { openGguf } from './gguf.js';

const typeName = z.string().refine((name): name is GgufType => Object.hasOwn(GGUF_TYPES, name));
const blocksSchema = z.object({
  decode: z.array(z.object({ type: typeName, bytes: z.string(), values: z.string() })),
  encode: z.object({ values: z.string(), types: z.array(z.object({ type: typeName, bytes: z.string() })) }),
});
const fileSchema = z.object({
  file: z.string(),
  keys: z.array(z.tuple([z.string(), z.string(), z.union([z.number(), z.boolean(), z.string()])])),
  arrays: z.record(z.string(), z.array(z.union([z.string(), z.number(), z.boolean()]))),
  tensors: z.record(z.string(), z.object({ type: typeName, shape: z.array(z.number()), values: z.string() })),
});

async function golden<T>(name: string, schema: z.ZodType<T>): Promise<T> {
  const file = new URL(`../../../tests/golden/gguf/${name}`, import.meta.url);
  return schema.parse(JSON.parse(await readFile(file, 'utf8')));
}
const bytesOf = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, 'base64'));
const floatsOf = (base64: string): Float32Array => new Float32Array(bytesOf(base64).buffer);
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const blocks = await golden('blocks.json', blocksSchema);
const small = await golden('file.json', fileSchema);
const smallBytes = bytesOf(small.file);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-gguf-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

let files = 0;
async function opened(bytes: Uint8Array) {
  const file = path.join(folder, `${files++}.gguf`);
  await writeFile(file, bytes);
  return openGguf(file);
}

describe('blocks', () => {
  it.each(blocks.decode)('of type $type stand for the values of the reference', ({ type, bytes, values }) => {
    const expected = floatsOf(values);
    const result = new Float32Array(expected.length);
    dequantizerOf(type)?.(viewOf(bytesOf(bytes)), result);
    expect(result).toEqual(expected);
  });

  const isWritten = (type: GgufType): type is WrittenType => WRITTEN_TYPES.some((written) => written === type);
  const written = blocks.encode.types.flatMap(({ type, bytes }) => (isWritten(type) ? [{ type, bytes }] : []));
  it.each(written)('of type $type are quantised to the bytes of the reference', ({ type, bytes }) => {
    expect(quantizeBlocks(type, floatsOf(blocks.encode.values))).toEqual(bytesOf(bytes));
  });

  it('round every float to the nearest half', () => {
    const back = new Float32Array(1);
    const halfOf = (value: number): number => {
      const half = new Uint8Array(2);
      viewOf(half).setUint16(0, toFloat16(value), true);
      dequantizerOf('F16')?.(viewOf(half), back);
      return back[0] as number;
    };
    fc.assert(
      fc.property(fc.float({ noNaN: true, min: -70000, max: 70000 }), (value) => {
        const half = halfOf(value);
        expect(halfOf(half)).toBe(half);
        if (Math.abs(value) < 65504)
          expect(Math.abs(half - value)).toBeLessThanOrEqual(Math.max(2 ** -25, Math.abs(value) * 2 ** -11));
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect([halfOf(65519), halfOf(65520), halfOf(-65520)]).toEqual([65504, Infinity, -Infinity]);
    expect(halfOf(Number.NaN)).toBeNaN();
  });
});

describe('a file of the reference writer', () => {
  it('has its metadata, with types', async () => {
    const reader = await opened(smallBytes);
    expect(reader.version).toBe(3);
    for (const [key, type, value] of small.keys) {
      const expected = type === 'uint64' || type === 'int64' ? BigInt(String(value)) : value;
      expect(reader.metadata.get(key), key).toEqual({ type, value: expected });
    }
    for (const [key, values] of Object.entries(small.arrays)) {
      const read = reader.metadata.get(key);
      const plain: unknown[] = read?.type === 'array' ? [...read.value] : [];
      expect(plain, key).toEqual(values.map((value) => (typeof value === 'boolean' ? Number(value) : value)));
    }
    await reader.close();
  });

  it('has its tensors, outermost dimension first', async () => {
    const reader = await opened(smallBytes);
    expect([...reader.tensors.keys()]).toEqual(Object.keys(small.tensors));
    for (const [name, { type, shape, values }] of Object.entries(small.tensors)) {
      expect(reader.tensors.get(name)).toMatchObject({ type, shape });
      expect(await reader.readFloat32(name)).toEqual(floatsOf(values));
    }
    await expect(reader.readFloat32('vector', new Float32Array(4))).rejects.toMatchObject({ code: 'bad-gguf' });
    await expect(reader.readFloat32('nothing')).rejects.toThrow('no tensor "nothing"');
    await reader.close();
  });
});

/** A file written by hand, one field after another, so that each can be wrong. */
function crafted(...fields: (number | bigint | string | Uint8Array)[]): Uint8Array {
  const parts = fields.map((field) => {
    if (typeof field === 'string') return Buffer.concat([u64(BigInt(Buffer.byteLength(field))), Buffer.from(field)]);
    if (typeof field === 'bigint') return u64(field);
    if (typeof field === 'number') return u32(field);
    return field;
  });
  return new Uint8Array(Buffer.concat(parts));
}
function u64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
  return bytes;
}
function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
const MAGIC = 0x46554747;
const padding = new Uint8Array(64);
const data = new Uint8Array(256);
const oneKey = [MAGIC, 3, 0n, 1n] as const;
const oneTensor = [MAGIC, 3, 1n, 0n] as const;
const vector = (name: string, offset: bigint): (number | bigint | string)[] => [name, 1, 4n, 0, offset];

const refused: Record<string, [Uint8Array, RegExp]> = {
  'an empty file': [crafted(), /GGUF/],
  'three bytes': [new Uint8Array([0x47, 0x47, 0x55]), /GGUF/],
  'another magic': [crafted(0x46554748, 3, 0n, 0n, padding), /GGUF/],
  'version 1': [crafted(MAGIC, 1, 0n, 0n, padding), /version 1/],
  'version 4': [crafted(MAGIC, 4, 0n, 0n, padding), /version 4/],
  'a big-endian file': [crafted(MAGIC, 0x03000000, 0n, 0n, padding), /big-endian/],
  'only a version': [crafted(MAGIC, 3), /truncated/],
  '2^63 tensors': [crafted(MAGIC, 3, 1n << 63n, 0n), /tensor count/],
  'more tensors than bytes': [crafted(MAGIC, 3, 10n, 0n, padding), /10 tensors/],
  '2^64 − 1 keys': [crafted(MAGIC, 3, 0n, -1n), /key count/],
  'an empty key': [crafted(...oneKey, '', 4, 1), /key 1 of 1: key of 0 bytes/],
  'a key that is not UTF-8': [crafted(...oneKey, 1n, new Uint8Array([0xff]), 4, 1), /key 1 of 1: key is not UTF-8/],
  'a key of 2^40 bytes': [crafted(...oneKey, 1n << 40n, padding), /key length/],
  'a key given twice': [crafted(MAGIC, 3, 0n, 2n, 'a', 4, 1, 'a', 4, 1), /key "a": given twice/],
  'an unknown value type': [crafted(...oneKey, 'a', 13, 1), /key "a": type 13/],
  'a boolean of 2': [crafted(...oneKey, 'a', 7, new Uint8Array([2])), /key "a": 2 is not a boolean/],
  'a string of 2^63 bytes': [crafted(...oneKey, 'a', 8, 1n << 63n), /key "a": value length/],
  'a string over the end': [crafted(...oneKey, 'a', 8, 20n, 0n), /key "a": .*truncated/],
  'an array of 2^63 bytes': [crafted(...oneKey, 'a', 9, 0, 1n << 63n), /key "a": array length/],
  'an array over the end': [crafted(...oneKey, 'a', 9, 10, 3n, padding.subarray(0, 16)), /key "a": an array of 3/],
  'an array of strings over the end': [crafted(...oneKey, 'a', 9, 8, 30n, padding), /key "a": an array of 30/],
  'an array of arrays': [crafted(...oneKey, 'a', 9, 9, 1n, padding), /key "a": an array of arrays/],
  'an array of an unknown type': [crafted(...oneKey, 'a', 9, 77, 1n, padding), /key "a": element type 77/],
  'an alignment of another type': [crafted(...oneKey, 'general.alignment', 10, 32n), /general.alignment.*uint64/],
  'an alignment of 0': [crafted(...oneKey, 'general.alignment', 4, 0), /general.alignment/],
  'an alignment of 33': [crafted(...oneKey, 'general.alignment', 4, 33), /general.alignment/],
  'an alignment of 2^31': [crafted(...oneKey, 'general.alignment', 4, 2 ** 31), /general.alignment/],
  'a tensor without name': [crafted(...oneTensor, ...vector('', 0n), data), /tensor 1 of 1/],
  'a tensor given twice': [
    crafted(MAGIC, 3, 2n, 0n, ...vector('a', 0n), ...vector('a', 32n), data),
    /tensor "a": given twice/,
  ],
  'five dimensions': [crafted(...oneTensor, 'a', 5, 1n, 1n, 1n, 1n, 1n, 0, 0n, data), /tensor "a": 5 dimensions/],
  '2^32 dimensions': [crafted(...oneTensor, 'a', 2 ** 32 - 1, data), /tensor "a": 4294967295 dimensions/],
  'dimensions that overflow': [
    crafted(...oneTensor, 'a', 3, (1n << 42n) + 1n, 1n << 42n, 1n << 42n, 0, 0n, data),
    /tensor "a": dimensions/,
  ],
  'a dimension of −1': [crafted(...oneTensor, 'a', 1, -1n, 0, 0n, data), /tensor "a": dimensions/],
  'no elements, in 2^60 rows': [crafted(...oneTensor, 'a', 2, 0n, 1n << 60n, 0, 0n, data), /tensor "a": dimensions/],
  'an unknown element type': [crafted(...oneTensor, 'a', 1, 32n, 999, 0n, data), /tensor "a": element type 999/],
  'rows that fill no block': [crafted(...oneTensor, 'a', 2, 16n, 2n, 2, 0n, data), /tensor "a": rows of 16/],
  'an offset of 2^63': [crafted(...oneTensor, ...vector('a', 1n << 63n), data), /tensor "a": offset/],
  'an offset beyond the end': [crafted(...oneTensor, ...vector('a', 288n), data), /tensor "a"/],
  'an offset that is not aligned': [crafted(...oneTensor, ...vector('a', 8n), data), /tensor "a": offset 8/],
  'data over the end': [crafted(...oneTensor, 'a', 1, 100n, 0, 0n, data), /tensor "a": it ends at byte 400/],
  'an overlap': [crafted(MAGIC, 3, 2n, 0n, ...vector('a', 0n), ...vector('b', 0n), data), /tensor "b": .*overlaps/],
  'a hole': [crafted(MAGIC, 3, 2n, 0n, ...vector('a', 0n), ...vector('b', 64n), data), /tensor "b": .*hole/],
};

describe('what a file claims', () => {
  it.each(Object.entries(refused))('%s is refused, naming file and place', async (_, [bytes, message]) => {
    const error: unknown = await opened(bytes).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(MoatError);
    expect(error).toMatchObject({ code: 'bad-gguf', message: expect.stringMatching(/\d+\.gguf: /) });
    expect(error).toMatchObject({ message: expect.stringMatching(message) });
  });

  it('may be nothing at all, a scalar, another alignment, types that are not read, bytes at the end', async () => {
    await (await opened(crafted(MAGIC, 2, 0n, 0n))).close();
    const scalar = await opened(crafted(...oneTensor, 'a', 0, 0, 0n, data));
    expect(await scalar.readFloat32('a')).toHaveLength(1);
    await scalar.close();
    const aligned = crafted(MAGIC, 3, 2n, 1n, 'general.alignment', 4, 8, ...vector('a', 0n), ...vector('b', 16n), data);
    await (await opened(aligned)).close();
    const other = await opened(crafted(...oneTensor, 'a', 1, 256n, 10, 0n, data));
    await expect(other.readFloat32('a')).rejects.toThrow('tensor "a": elements of type Q2_K are not read here');
    await other.close();
  });

  it('costs no memory: a header that claims most of a large file', async () => {
    const before = process.memoryUsage();
    const large = Buffer.alloc(16 << 20);
    crafted(...oneKey, 'a', 9, 8, 2_000_000n).forEach((byte, index) => {
      large[index] = byte;
    });
    // two million empty strings, then a missing directory
    const reader = await opened(large);
    await reader.close();
    expect(process.memoryUsage().rss - before.rss).toBeLessThan(8 * large.byteLength);
  });
});

/** Opens and reads everything; only a `bad-gguf` that names the file may come of it. */
async function survives(bytes: Uint8Array): Promise<void> {
  try {
    const reader = await opened(bytes);
    try {
      for (const name of reader.tensors.keys()) await reader.readFloat32(name);
    } finally {
      await reader.close();
    }
  } catch (error) {
    expect(error).toMatchObject({ code: 'bad-gguf', message: expect.stringContaining(folder) });
  }
}

describe('damage', () => {
  it('at any byte of the header gives a file or a clear error', async () => {
    const headerBytes = smallBytes.length - 512;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(headerBytes), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        async (flips) => {
          const damaged = smallBytes.slice();
          for (const [place, value] of flips) damaged[place] = value;
          await survives(damaged);
        },
      ),
      { numRuns: 1500, seed: 3 },
    );
  });

  it('that puts the largest numbers anywhere gives a file or a clear error', async () => {
    for (let place = 4; place + 8 < smallBytes.length - 400; place += 3) {
      for (const value of [0n, 1n << 31n, 1n << 42n, 1n << 63n, -1n]) {
        const damaged = smallBytes.slice();
        damaged.set(u64(value), place);
        await survives(damaged);
      }
    }
  });

  it('by cutting off, anywhere, is refused', async () => {
    for (let length = 0; length < smallBytes.length - 68; length += 7) {
      await expect(opened(smallBytes.subarray(0, length))).rejects.toMatchObject({ code: 'bad-gguf' });
    }
  });
});
