import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { MoatError } from '../../base/errors.js';
import { WIDEN } from './dtypes.js';
import { parseHeader, readHeaderLength } from './safetensors-header.js';
import { type NamedTensor, type TensorData, openSafetensors, writeSafetensors } from './safetensors.js';

interface Golden {
  corpus: { name: string; base64: string; accepted: boolean }[];
  types: { base64: string; values: Record<string, string[]> };
  written: { base64: string; tensors: Record<string, { dtype: string; shape: number[]; values: number[] }> };
}

/** tests/golden/safetensors/make.py wrote this with the reference implementation. */
const golden = JSON.parse(
  readFileSync(new URL('../../../tests/golden/safetensors/safetensors.json', import.meta.url), 'utf8'),
) as Golden;

const folder = mkdtempSync(path.join(tmpdir(), 'moat-safetensors-'));
afterAll(() => rmSync(folder, { recursive: true }));
let fileCount = 0;
const newFile = (): string => path.join(folder, `${fileCount++}.safetensors`);
function fileOf(bytes: Uint8Array): string {
  const file = newFile();
  writeFileSync(file, bytes);
  return file;
}

/** Where we refuse what the reference reader accepts, on purpose. */
const STRICTER = ['duplicate name', '__proto__ name', 'leading space'];

describe('a corpus of good and bad files', () => {
  test.each(golden.corpus)('$name', async ({ name, base64, accepted }) => {
    const file = fileOf(Buffer.from(base64, 'base64'));
    const opened = openSafetensors(file);
    if (accepted && !STRICTER.includes(name)) {
      const reader = await opened;
      for (const tensor of reader.tensors.keys()) await reader.readBytes(tensor);
      await reader.close();
      return;
    }
    const error: unknown = await opened.catch((thrown: unknown) => thrown);
    if (!(error instanceof MoatError)) throw new Error('accepted, or another error', { cause: error });
    expect(error.message).toContain(file);
    expect(error.message.length).toBeLessThan(500);
    expect(error.fix).toBeDefined();
  });

  test('an error about a tensor names it', async () => {
    const bad = golden.corpus.find(({ name }) => name === 'shape mismatch');
    const file = fileOf(Buffer.from(bad?.base64 ?? '', 'base64'));
    await expect(openSafetensors(file)).rejects.toThrow('tensor "x": F32 [3] takes 12 bytes, but 8 are given');
  });
});

describe('values', () => {
  test('every type is read as the reference reads it', async () => {
    const reader = await openSafetensors(fileOf(Buffer.from(golden.types.base64, 'base64')));
    expect([...reader.tensors.keys()].sort()).toEqual(Object.keys(golden.types.values).sort());
    for (const [name, expected] of Object.entries(golden.types.values)) {
      if (['bf16', 'f16', 'f32', 'f64'].includes(name)) {
        const floats = expected.map((text) =>
          text.endsWith('inf') ? Number(`${text}inity`.replace('i', 'I')) : Number(text),
        );
        expect(Array.from(await reader.readFloat32(name)), name).toEqual(floats);
        await expect(reader.readIntegers(name)).rejects.toThrow('not a whole-number type');
      } else {
        expect(Array.from(await reader.readIntegers(name), String), name).toEqual(expected);
        await expect(reader.readFloat32(name)).rejects.toThrow('not floating point');
      }
    }
    await expect(reader.readBytes('nowhere')).rejects.toThrow('it has no tensor "nowhere"');
    await expect(reader.readFloat32('f32', new Float32Array(3))).rejects.toThrow('has 10 elements, 3 are expected');
    await reader.close();
  });

  test('a U64 that does not fit is refused, not wrapped', async () => {
    const header = '{"x":{"dtype":"U64","shape":[1],"data_offsets":[0,8]}}  ';
    const bytes = Buffer.concat([Buffer.alloc(8), Buffer.from(header), Buffer.alloc(8, 255)]);
    bytes.writeBigUInt64LE(BigInt(header.length));
    const reader = await openSafetensors(fileOf(bytes));
    await expect(reader.readIntegers('x')).rejects.toThrow('holds 18446744073709551615');
    await reader.close();
  });

  test('all 65,536 bfloat16 and float16 values', () => {
    const halves = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const bytes = new DataView(halves.buffer);
    const [brain, half] = [new Float32Array(65536), new Float32Array(65536)];
    WIDEN.BF16?.(bytes, brain);
    WIDEN.F16?.(bytes, half);
    const upperHalf = new Uint32Array(brain.buffer);
    const isNaN16 = (i: number): boolean => (i & 0x7f80) === 0x7f80 && (i & 0x7f) !== 0;
    const wrong = (i: number): boolean =>
      isNaN16(i) ? !Number.isNaN(brain[i]) : (upperHalf[i] as number) >>> 16 !== i;
    expect(Array.from(halves).filter(wrong)).toEqual([]);
    // positive values rise with their bits
    const falls = (i: number): boolean => i > 0 && i <= 0x7c00 && !((half[i] as number) > (half[i - 1] as number));
    expect(Array.from(halves).filter(falls)).toEqual([]);
    expect([half[1], half[0x400], half[0x3c00], half[0x7bff], half[0x7c00]]).toEqual([
      2 ** -24,
      2 ** -14,
      1,
      65504,
      Infinity,
    ]);
    expect([half[0x8000], half[0xfc00]]).toEqual([-0, -Infinity]);
    expect(half[0x7e00]).toBeNaN();
  });
});

describe('writing', () => {
  const arrays: Record<string, (values: number[]) => TensorData> = {
    'torch.float32': (values) => Float32Array.from(values),
    'torch.int64': (values) => BigInt64Array.from(values, BigInt),
    'torch.int32': (values) => Int32Array.from(values),
    'torch.uint8': (values) => Uint8Array.from(values),
  };

  test('writes the bytes of the reference writer', async () => {
    const file = newFile();
    const tensors = Object.entries(golden.written.tensors).map(([name, { dtype, shape, values }]): NamedTensor => {
      const make = arrays[dtype];
      if (make === undefined) throw new Error(dtype);
      return { name, shape, data: make(values) };
    });
    await writeSafetensors(file, tensors, { metadata: { format: 'pt' } });
    expect(readFileSync(file).toString('base64')).toBe(golden.written.base64);
  });

  test('what is written is read, whatever the names and sizes', async () => {
    const tensor = fc.record({
      name: fc.string({ unit: 'grapheme' }).filter((name) => !name.startsWith('__')),
      data: fc.float32Array({ maxLength: 40 }),
    });
    const sets = fc.uniqueArray(tensor, { selector: ({ name }) => name, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(sets, fc.dictionary(fc.string(), fc.string()), async (set, metadata) => {
        delete metadata['__proto__'];
        const file = newFile();
        await writeSafetensors(
          file,
          set.map(({ name, data }) => ({ name, data, shape: [data.length] })),
          { metadata },
        );
        const reader = await openSafetensors(file);
        expect(Object.fromEntries(reader.metadata)).toEqual(metadata);
        expect(reader.tensors.size).toBe(set.length);
        for (const { name, data } of set) expect(await reader.readFloat32(name)).toEqual(data);
        await reader.close();
      }),
      { numRuns: 60 },
    );
  });

  test('tensors larger than one chunk, read straight into a given array', async () => {
    const file = newFile();
    const data = Float32Array.from({ length: 1_500_001 }, (_, i) => i);
    await writeSafetensors(file, [{ name: 'large', shape: [data.length], data }]);
    const reader = await openSafetensors(file);
    const into = new Float32Array(data.length + 2).subarray(1, -1);
    expect(await reader.readFloat32('large', into)).toBe(into);
    expect(Buffer.compare(Buffer.from(into.slice().buffer), Buffer.from(data.buffer))).toBe(0);
    await reader.close();
  });

  test('a name twice or a shape that does not fit is a defect of the caller', async () => {
    const one = { name: 'x', shape: [1], data: new Float32Array(1) };
    await expect(writeSafetensors(newFile(), [one, one])).rejects.toThrow('"x" is taken');
    await expect(writeSafetensors(newFile(), [{ ...one, shape: [2] }])).rejects.toThrow('not shape [2]');
  });
});

describe('hostile headers', () => {
  /** The header is accepted, or refused with a `MoatError`; nothing else, and never more bytes than the file has. */
  const survives = (bytes: Uint8Array): void => {
    try {
      const length = readHeaderLength(bytes.subarray(0, 8), bytes.byteLength, 'f');
      const data = bytes.byteLength - 8 - length;
      const { tensors } = parseHeader(bytes.subarray(8, 8 + length), data, 'f');
      let covered = 0;
      for (const { begin, end } of tensors.values()) covered += end - begin;
      expect(covered).toBe(data);
    } catch (error) {
      if (!(error instanceof MoatError)) throw error;
    }
  };

  test('any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), survives), { numRuns: 300 });
  });

  test('any JSON', () => {
    const header = fc.json({ maxDepth: 4 }).map((json) => {
      const bytes = Buffer.concat([Buffer.alloc(8), Buffer.from(json)]);
      bytes.writeBigUInt64LE(BigInt(bytes.byteLength - 8));
      return bytes;
    });
    fc.assert(fc.property(header, survives), { numRuns: 300 });
  });

  test('good files with one to three bytes changed, cut or doubled', () => {
    const good = golden.corpus.filter(({ accepted }) => accepted).map(({ base64 }) => Buffer.from(base64, 'base64'));
    const change = fc.record({ at: fc.nat(400), to: fc.nat(255), kind: fc.constantFrom('set', 'cut', 'double') });
    fc.assert(
      fc.property(fc.constantFrom(...good), fc.array(change, { minLength: 1, maxLength: 3 }), (file, changes) => {
        let bytes = [...file];
        for (const { at, to, kind } of changes) {
          const position = at % (bytes.length + 1);
          if (kind === 'set') bytes[position] = to;
          else if (kind === 'cut') bytes = bytes.slice(0, position);
          else bytes.splice(position, 0, ...bytes.slice(position, position + 9));
        }
        survives(Uint8Array.from(bytes));
      }),
      { numRuns: 1500 },
    );
  });

  test('a header of a hundred thousand names is read in linear time', () => {
    const names = Array.from({ length: 100_000 }, (_, i) => `"n${i}":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}`);
    expect(parseHeader(Buffer.from(`{${names.join(',')}}`), 0, 'f').tensors.size).toBe(100_000);
  });
});
