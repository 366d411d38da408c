import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ggufFields } from './gguf-fields.js';
import { quantizeBlocks } from './gguf-quantize.js';
import type { GgufMetadata, GgufValue } from './gguf-values.js';
import { type GgufTensorSource, writeGguf } from './gguf-write.js';
import { openGguf } from './gguf.js';

let folder: string;
let count = 0;
const fresh = (): string => path.join(folder, `${count++}.gguf`);
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'moat-gguf-write-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const VALUES: readonly (readonly [string, GgufValue])[] = [
  ['u8', { type: 'uint8', value: 255 }],
  ['i8', { type: 'int8', value: -128 }],
  ['u16', { type: 'uint16', value: 65535 }],
  ['i16', { type: 'int16', value: -32768 }],
  ['u32', { type: 'uint32', value: 4294967295 }],
  ['i32', { type: 'int32', value: -2147483648 }],
  ['f32', { type: 'float32', value: Math.fround(1e-5) }],
  ['f64', { type: 'float64', value: 1e-5 }],
  ['u64', { type: 'uint64', value: 2n ** 64n - 1n }],
  ['i64', { type: 'int64', value: -(2n ** 63n) }],
  ['yes', { type: 'bool', value: true }],
  ['text', { type: 'string', value: 'naïve 敏\n🙂' }],
  ['texts', { type: 'array', elementType: 'string', value: ['', 'a', '敏'] }],
  ['none', { type: 'array', elementType: 'string', value: [] }],
  ['flags', { type: 'array', elementType: 'bool', value: Uint8Array.of(1, 0) }],
  ['ints', { type: 'array', elementType: 'int32', value: Int32Array.of(-1, 2, 3) }],
  ['longs', { type: 'array', elementType: 'uint64', value: BigUint64Array.of(5n) }],
  // not at the start of its buffer
  ['floats', { type: 'array', elementType: 'float32', value: new Float32Array([9, 1.5, -2]).subarray(1) }],
];

const ramp = (length: number): Float32Array => Float32Array.from({ length }, (_, i) => Math.sin(i));
const source = (name: string, type: 'F32' | 'F16' | 'Q8_0', shape: readonly number[]): GgufTensorSource => ({
  name,
  type,
  shape,
  read: async () => quantizeBlocks(type, ramp(shape.reduce((a, b) => a * b, 1))),
});

describe('a written file', () => {
  it('is read back: values of every type, tensors at aligned places, both in order', async () => {
    const file = fresh();
    const tensors = [
      source('b', 'F16', [3, 5]),
      source('a', 'F32', [7]),
      source('c', 'Q8_0', [2, 64]),
      source('d', 'F32', [2, 3, 4]),
    ];
    await writeGguf(file, new Map(VALUES), tensors);
    const reader = await openGguf(file);
    expect([...reader.metadata]).toEqual(VALUES);
    expect([...reader.tensors].map(([name, { type, shape }]) => [name, type, shape])).toEqual(
      tensors.map(({ name, type, shape }) => [name, type, shape]),
    );
    for (const { begin } of reader.tensors.values()) expect(begin % 32).toBe(0);
    for (const { name, read } of tensors) expect(await reader.readBytes(name)).toEqual(await read());
    expect(reader.version).toBe(3);
    await reader.close();
    expect((await readFile(file)).length % 32).toBe(0);
  });

  it("has the bytes of the reference's writer for the same contents", async () => {
    const golden = z
      .object({ file: z.string() })
      .parse(JSON.parse(await readFile(new URL('../../../tests/golden/gguf/file.json', import.meta.url), 'utf8')));
    const reference = Buffer.from(golden.file, 'base64');
    const [from, into] = [fresh(), fresh()];
    await writeFile(from, reference);
    const reader = await openGguf(from);
    const tensors = [...reader.tensors].map(([name, { type, shape }]) => ({
      name,
      type,
      shape,
      read: () => reader.readBytes(name),
    }));
    await writeGguf(into, reader.metadata, tensors);
    await reader.close();
    expect((await readFile(into)).equals(reference)).toBe(true);
  });

  it('replaces an older one whole; when a tensor fails the older one stays, and nothing else', async () => {
    const file = fresh();
    await writeGguf(file, new Map([['x', { type: 'bool', value: true }]]), []);
    const before = await readFile(file);
    const failing = { ...source('b', 'F32', [4]), read: () => Promise.reject(new Error('cut off')) };
    await expect(writeGguf(file, new Map(), [source('a', 'F32', [4]), failing])).rejects.toThrow('cut off');
    const short = { ...source('b', 'F32', [4]), read: async () => new Uint8Array(12) };
    await expect(writeGguf(file, new Map(), [short])).rejects.toThrow('has 12 bytes, not 16');
    expect(await readFile(file)).toEqual(before);
    expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('never has a tensor twice, or rows that are no blocks', async () => {
    const twice = [source('a', 'F32', [4]), source('a', 'F32', [4])];
    await expect(writeGguf(fresh(), new Map(), twice)).rejects.toThrow('given twice');
    await expect(writeGguf(fresh(), new Map(), [source('a', 'Q8_0', [2, 16])])).rejects.toThrow('no Q8_0 blocks');
  });
});

describe('fields', () => {
  const metadata: GgufMetadata = new Map(VALUES);
  const fields = ggufFields('f.gguf', metadata);

  it('are read as what they are asked for', () => {
    expect([fields.text('text'), fields.flag('yes'), fields.whole('u32'), fields.number('f64')]).toEqual([
      'naïve 敏\n🙂',
      true,
      4294967295,
      1e-5,
    ]);
    expect([fields.number('u8'), fields.wholes('ints'), fields.wholes('longs'), fields.texts('none')]).toEqual([
      255,
      [-1, 2, 3],
      [5],
      [],
    ]);
    expect([fields.whole('absent', 3), fields.optionalWhole('absent'), fields.flag('absent', false)]).toEqual([
      3,
      undefined,
      false,
    ]);
  });

  it.each([
    ['whole', 'i8', 'int8 -128'],
    ['whole', 'u64', 'uint64'],
    ['whole', 'f32', 'float32'],
    ['whole', 'yes', 'bool'],
    ['number', 'text', 'the string'],
    ['text', 'u8', 'not a string'],
    ['flag', 'u8', 'not a boolean'],
    ['texts', 'ints', 'an array of int32'],
    ['wholes', 'floats', 'an array of float32'],
    ['wholes', 'absent', 'missing'],
  ] as const)('%s of %s is refused, naming the key', (reader, key, problem) => {
    expect(() => fields[reader](key)).toThrow(new RegExp(`f\\.gguf.*key "${key}".*${problem}`));
  });
});
